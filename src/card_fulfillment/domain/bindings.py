"""Whom a fact is about: references bound to subjects, for a time.

Authority is nothing but this: a vendor moves only what some binding of that vendor names.
"""

from collections.abc import Collection, Iterable, Mapping
from operator import attrgetter
from typing import Final

from card_fulfillment.domain.facts import DAY, Fact, ParcelRole
from card_fulfillment.domain.naming import (
    ISSUER,
    OWN_KIND,
    Reference,
    Subject,
    SubjectKind,
    bulk_issuance,
    card,
    is_issuers_name,
    own_reference,
)
from card_fulfillment.domain.senses import Sense
from card_fulfillment.domain.value import Value
from card_fulfillment.domain.windows import GRACE, WINDOW

# Bindings of one reference to several subjects within this belong to one letter or box; later, it
# was recycled.
LETTER: Final = 7 * DAY
# A reference of more subjects says nothing of any of them: what is found by it is held.
MOST_SUBJECTS: Final = 1_000


# The issuer's own ids mean their cards and bulks from the beginning, and are never given again.
_BEGINNING: Final = 0


class Binding(Value):
    """A reference means this subject, in this attempt, from `valid_from` on (less the grace).

    made_by: the fact_id of what named it. window: for how long. side: the parcel that is meant, if
    it is not the outbound one.
    """

    __match_args__ = ("subject", "attempt", "valid_from", "made_by", "grace", "window", "side")

    def __init__(  # noqa: PLR0913, PLR0917 - one for each field
        self,
        subject: Subject,
        attempt: int,
        valid_from: int,
        made_by: bytes,
        grace: int = GRACE,
        window: int = WINDOW,
        side: ParcelRole | None = None,
    ) -> None:
        self.subject: Final = subject
        self.attempt: Final = attempt
        self.valid_from: Final = valid_from
        self.made_by: Final = made_by
        self.grace: Final = grace
        self.window: Final = window
        self.side: Final = side

    @property
    def says(self) -> tuple[Subject, Sense]:
        """The subject that is meant, and what of it."""
        return self.subject, Sense(self.attempt, self.side)


def by_announcement(subject: Subject) -> Binding:
    """What the issuer's own id means as soon as the card, or the first of a bulk, is announced."""
    return Binding(subject, 1, _BEGINNING, b"")


# All that a reference is bound to.
Held = tuple[Binding, ...]
Bindings = dict[Reference, Held]
# The bulk issuance of each announced card, or none.
BulkOf = Mapping[str, str | None]


def bound_to(bindings: Bindings, reference: Reference, bulk_of: BulkOf) -> Held:
    """Whom a reference is bound to. An order of a bulk binds its members' own ids as well."""
    held = bindings.get(reference, ())
    if reference.kind != OWN_KIND:
        return held
    if is_issuers_name(reference) and not any(b.valid_from == _BEGINNING for b in held):
        return ()  # nothing is announced of that name
    through = through_bulk(reference, bulk_of)
    if through is None:
        return held
    bulk, member = bulk_issuance(through.value), card(reference.value)
    of_bulk = bindings.get(through, ())
    theirs = [
        Binding(member, b.attempt, b.valid_from, b.made_by, b.grace, b.window, b.side)
        for b in of_bulk
        if b.subject == bulk
    ]
    return (*held, *theirs)


def is_crowded(held: Held, times: int = 1) -> bool:
    """Whether it is bound to more subjects than anything can be about, or `times` as many."""
    most = times * MOST_SUBJECTS
    return len(held) > most and len({b.subject for b in held}) > most


def through_bulk(reference: Reference, bulk_of: BulkOf) -> Reference | None:
    """The own id of the bulk whose orders bind a member's own id too."""
    if reference.kind != OWN_KIND:
        return None
    bulk = bulk_of.get(reference.value)
    return None if bulk is None else own_reference(reference.vendor, bulk)


def with_bulks(references: Iterable[Reference], bulk_of: BulkOf) -> set[Reference]:
    """The references, and those through which members' own ids among them are bound too."""
    found = set(references)
    through = [through_bulk(r, bulk_of) for r in found]
    found.update(r for r in through if r is not None)
    return found


def membership(card_id: str) -> Reference:
    """What a fact waits for while a card's announcement can still make it a bulk's member."""
    return Reference("*", OWN_KIND, card_id)


def ordering(subject_id: str) -> Reference:
    """What a fact that no order of its vendor bound waits for: an order of any vendor."""
    return Reference("*", "order", subject_id)


def ordered_elsewhere(bindings: Bindings, fact: Fact, bulk_of: BulkOf) -> bool:
    """Whether it names a card or bulk that was ordered, and never from its vendor."""
    names = with_bulks(own_names(fact.references), bulk_of)
    issuers = (bindings.get(own_reference(ISSUER, r.value), ()) for r in names)
    return any(b.made_by for held in issuers for b in held) and not any(map(bindings.get, names))


def own_names(references: Iterable[Reference]) -> set[Reference]:
    """Of vendors' references, those that are the issuer's ids."""
    return {r for r in references if r.kind == OWN_KIND and r.vendor != ISSUER}


class Resolution(Value):
    """What the references of a fact come to.

    subjects: each with what of it is meant; null: nothing is bound (parked); empty: none in common
        (held).
    unbound: the references that nothing in force bound: the fact goes on waiting for these.
    unannounced: cards whose announcement as members of a bulk can change it; it waits for these.
    """

    __match_args__ = ("subjects", "unbound", "unannounced")

    def __init__(
        self,
        subjects: dict[Subject, Sense] | None,
        unbound: tuple[Reference, ...],
        unannounced: frozenset[str] = frozenset(),
    ) -> None:
        self.subjects: Final = subjects
        self.unbound: Final = unbound
        self.unannounced: Final = unannounced


def resolve(bindings: Bindings, fact: Fact, bulk_of: BulkOf) -> Resolution:
    """The subjects that all bound references have in common, each with what of it is meant."""
    only = _only_one(bindings, fact, bulk_of)
    if only is not None:
        return Resolution({only.subject: Sense(only.attempt, only.side)}, ())
    held = {r: bound_to(bindings, r, bulk_of) for r in fact.references}
    by_reference = {r: _candidates(r, each, fact.stated) for r, each in held.items()}
    unbound = tuple(r for r, found in by_reference.items() if not found)
    bound = [found for found in by_reference.values() if found]
    if any(map(is_crowded, held.values())):
        return Resolution({}, fact.references)
    unannounced = _unannounced(by_reference, bulk_of)
    if not bound:
        return Resolution(None, unbound, unannounced)
    common = _in_common(bound, bulk_of)
    if not common:
        return Resolution({}, fact.references, unannounced)
    subjects = {s: _sense(each, fact.until) for s, each in common.items()}
    return Resolution(subjects, unbound, unannounced)


def _unannounced(
    by_reference: Mapping[Reference, "_Candidates"], bulk_of: BulkOf
) -> frozenset[str]:
    """Cards named by their own ids, or met where nobody is common to all references."""
    cards = {
        r.value
        for r, found in by_reference.items()
        if r.kind == OWN_KIND and bulk_issuance(r.value) not in found
    }
    bound = [found for found in by_reference.values() if found]
    if len(bound) > 1 and not set(bound[0]).intersection(*bound[1:]):
        met = (s for found in bound for s in found)
        cards.update(s.id for s in met if s.kind is SubjectKind.CARD)
    return frozenset(cards - bulk_of.keys())


def _only_one(bindings: Bindings, fact: Fact, bulk_of: BulkOf) -> Binding | None:
    """The common case at a glance: each reference has one binding, and all say the same."""
    only: Binding | None = None
    for reference in fact.references:
        if reference.kind == OWN_KIND and (
            reference.vendor == ISSUER or reference.value not in bulk_of
        ):
            return None
        held = bound_to(bindings, reference, bulk_of)
        if len(held) != 1:
            return None
        (binding,) = held
        if only is None:
            if not _in_window(binding, fact.stated):
                return None
            only = binding
        elif binding.says != only.says or binding.valid_from != only.valid_from:
            return None
    return only


_Candidates = Mapping[Subject, Collection[Binding]]


def in_force(bindings: Held, time: int) -> list[Binding]:
    """Those within their window, until a grace before the reference was recycled for another one.

    By one look at all of them: only the newest that began can end others.
    """
    found = [b for b in bindings if b.valid_from - b.grace <= time]
    if len({b.subject for b in found}) > 1:
        newest = max(found, key=attrgetter("valid_from"))
        second = max(b.valid_from for b in found if b.subject != newest.subject)
        ends = {newest.subject: second}
        found = [
            b for b in found if ends.get(b.subject, newest.valid_from) <= b.valid_from + LETTER
        ]
    return [b for b in found if _in_window(b, time)]


def is_bound(reference: Reference, bindings: Held, time: int) -> bool:
    """Whether a reference with these bindings means anybody at that time."""
    if is_issuers_name(reference):
        return bool(bindings)
    if len(bindings) == 1:
        (only,) = bindings
        return _in_window(only, time)
    return bool(bindings) and bool(in_force(bindings, time))


def _in_window(binding: Binding, time: int) -> bool:
    return binding.valid_from - binding.grace <= time <= binding.valid_from + binding.window


def _candidates(reference: Reference, bindings: Held, time: int) -> _Candidates:
    found: dict[Subject, list[Binding]] = {}
    for each in bindings if is_issuers_name(reference) else in_force(bindings, time):
        found.setdefault(each.subject, []).append(each)
    return found


def _in_common(
    bound: list[_Candidates], bulk_of: BulkOf
) -> Mapping[Subject, list[Collection[Binding]]]:
    same = set(bound[0]).intersection(*bound[1:])
    if same:
        return {s: [found[s] for found in bound] for s in same}
    # A bulk issuance and its member have the member in common.
    members = {s for found in bound for s in found if s.kind is SubjectKind.CARD}
    through = {m: [_through(found, m, bulk_of.get(m.id)) for found in bound] for m in members}
    return {m: each for m, each in through.items() if all(each)}


def _through(found: _Candidates, member: Subject, bulk: str | None) -> Collection[Binding]:
    if member in found or bulk is None:
        return found.get(member, ())
    return found.get(Subject(SubjectKind.BULK_ISSUANCE, bulk), ())


def _sense(by_reference: list[Collection[Binding]], until: int) -> Sense:
    """Only a side parcel is meant where a reference is never called the outbound one's."""
    attempt = _attempt(by_reference, until)
    sides: set[ParcelRole] = set()
    for bindings in by_reference:
        found = {b.side for b in bindings if b.attempt == attempt} or {b.side for b in bindings}
        if None not in found:
            sides.update(side for side in found if side)
    return Sense(attempt, min(sides, default=None))


def _attempt(by_reference: list[Collection[Binding]], until: int) -> int:
    """Of the attempts that all references allow: the newest binding's, else the oldest's."""
    allowed = set.intersection(*({b.attempt for b in each} for each in by_reference))
    meant = [b for each in by_reference for b in each if not allowed or b.attempt in allowed]
    begun = [(b.valid_from, b.attempt) for b in meant if b.valid_from <= until]
    return max(begun)[1] if begun else min((b.valid_from, b.attempt) for b in meant)[1]
