"""Whom every fact is about, as a function of the set of statements (see oracle)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import groupby
from typing import NamedTuple

from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import (
    DAY,
    HOUR,
    Announcement,
    Fact,
    Order,
    ParcelRole,
    Statement,
)
from card_fulfillment.domain.naming import (
    ISSUER,
    Reference,
    Subject,
    SubjectKind,
    bulk_issuance,
    card,
    own_reference,
)

_BEFORE = 72 * HOUR  # a reference means its subject already this long before it was named
_AFTER = 180 * DAY  # ... and this long afterwards
_ONE_LETTER = 7 * DAY  # namings further apart are of a number that was given out again
_TOO_MANY = 1_000  # what means more subjects means nobody


class About(NamedTuple):
    """What of a subject a fact is about: an attempt, and of that perhaps a side parcel alone."""

    attempt: int
    side: ParcelRole | None = None


# The subjects, each with what of it; none: parked, empty: held.
Whom = Mapping[Subject, About] | None


class Meaning(NamedTuple):
    """What one naming says of a reference: it means this subject in this attempt.

    side: or that parcel of it alone.
    """

    subject: Subject
    attempt: int
    since: int
    side: ParcelRole | None = None


class Said:
    """The set of statements by their kinds; of copies the one with the least timestamp.

    repeated: announcements of cards that were announced before them.
    """

    def __init__(self, statements: Iterable[Statement]) -> None:
        announcements: dict[str, Announcement] = {}
        self.repeated: list[Announcement] = []
        orders: dict[bytes, Order] = {}
        facts: dict[bytes, Fact] = {}
        for each in statements:
            match each:
                case Announcement():
                    if announcements.setdefault(each.card.card_id, each) is not each:
                        self.repeated.append(each)
                case Order():
                    orders.setdefault(each.fact.fact_id, each)
                case Fact():
                    other = facts.get(each.fact_id, each)
                    facts[each.fact_id] = min(each, other, key=lambda f: f.received_at)
        self.announcements = announcements
        self.orders = list(orders.values())
        self.facts = sorted(facts.values(), key=lambda f: f.level)
        self.bulk_of = {i: a.card.bulk_issuance_id for i, a in announcements.items()}


def whom_all(said: Said) -> tuple[dict[bytes, Whom], Mapping[Reference, set[Meaning]]]:
    """Layer by layer: what facts of one layer name is known before the next is looked at."""
    meanings: defaultdict[Reference, set[Meaning]] = defaultdict(set)
    for order in said.orders:
        for reference, subject in _named_by(order, said):
            meanings[reference].add(Meaning(subject, order.attempt, order.fact.stated))
    for subject, meaning in _known_to_issuer(said):
        meanings[own_reference(ISSUER, subject.id)].add(meaning)
    whom: dict[bytes, Whom] = {}
    for level, layer in groupby(said.facts, key=lambda f: f.level):
        facts = list(layer)
        found = {f.fact_id: whom_of(f, meanings, said.bulk_of) for f in facts}
        for fact in facts:
            for name in (name for above, name in fact.names if above > level):
                for subject, about in (found[fact.fact_id] or {}).items():
                    stays_pin = about.side is ParcelRole.PIN
                    side = about.side if stays_pin else _side_told(fact, name) or about.side
                    meanings[name].add(Meaning(subject, about.attempt, fact.stated, side))
        whom |= found
    return whom, meanings


def _named_by(order: Order, said: Said) -> Iterable[tuple[Reference, Subject]]:
    yield from ((r, order.subject) for r in order.references)
    yield own_reference(order.vendor, order.subject.id), order.subject
    if order.subject.kind is SubjectKind.BULK_ISSUANCE:
        for member, bulk in said.bulk_of.items():
            if bulk == order.subject.id:
                yield own_reference(order.vendor, member), card(member)


def _known_to_issuer(said: Said) -> Iterable[tuple[Subject, Meaning]]:
    """The issuer's own ids mean what is announced, from the beginning and by every order."""
    bulks = {bulk for bulk in said.bulk_of.values() if bulk is not None}
    announced = {*map(card, said.bulk_of), *map(bulk_issuance, bulks)}
    for subject in announced:
        bulk = said.bulk_of.get(subject.id) if subject.kind is SubjectKind.CARD else None
        yield subject, Meaning(subject, 1, 0)
        for order in said.orders:
            if order.subject == subject or (bulk and order.subject == bulk_issuance(bulk)):
                yield subject, Meaning(subject, order.attempt, order.fact.stated)


def whom_of(
    fact: Fact, meanings: Mapping[Reference, Collection[Meaning]], bulk_of: Mapping[str, str | None]
) -> Whom:
    """The subjects that all of its references which mean anything then have in common."""
    known = [
        set(meanings.get(r, ())) if r.vendor == ISSUER else meant(meanings.get(r, ()), fact.stated)
        for r in fact.references
    ]
    known = [each for each in known if each]
    if any(len({m.subject for m in meanings.get(r, ())}) > _TOO_MANY for r in fact.references):
        return {}
    if not known:
        return None
    anybody = {m.subject for each in known for m in each}
    exactly = {s: [_about(s, each) for each in known] for s in anybody}
    common = {s: found for s, found in exactly.items() if all(found)}
    if not common:
        common = _members_in_common(known, anybody, bulk_of)
    attempts = {s: _attempt_meant(found, _end_of(fact)) for s, found in common.items()}
    return {s: About(a, _side_meant(common[s], a)) for s, a in attempts.items()}


def _side_told(fact: Fact, name: Reference) -> ParcelRole | None:
    """A fact about a PIN letter gives that letter's number, and not the card's."""
    is_other = fact.parcel_role is not ParcelRole.OUTBOUND and name in fact.parcels
    return fact.parcel_role if is_other else None


def _side_meant(by_reference: list[set[Meaning]], attempt: int) -> ParcelRole | None:
    """A number that nobody ever gave as the card's own, of that attempt if anybody gave it so."""
    found: set[ParcelRole] = set()
    for meanings in by_reference:
        of_attempt = [m for m in meanings if m.attempt == attempt]
        sides = [m.side for m in of_attempt or meanings]
        if all(sides):
            found |= {side for side in sides if side}
    return min(found) if found else None


def _members_in_common(
    known: list[set[Meaning]], anybody: set[Subject], bulk_of: Mapping[str, str | None]
) -> dict[Subject, list[set[Meaning]]]:
    through: dict[Subject, list[set[Meaning]]] = {}
    for subject in anybody:
        bulk = bulk_of.get(subject.id) if subject.kind is SubjectKind.CARD else None
        if bulk is not None:
            whole = bulk_issuance(bulk)
            through[subject] = [_about(subject, each) or _about(whole, each) for each in known]
    return {s: found for s, found in through.items() if all(found)}


def _about(subject: Subject, meanings: Collection[Meaning]) -> set[Meaning]:
    return {m for m in meanings if m.subject == subject}


def meant(meanings: Collection[Meaning], time: int) -> set[Meaning]:
    return {m for m in meanings if time in _in_force(m, meanings)}


def _in_force(meaning: Meaning, all_meanings: Collection[Meaning]) -> range:
    """A number given out again, more than a week later, means the new subject 72 h before."""
    given_again = [
        m.since - _BEFORE
        for m in all_meanings
        if m.subject != meaning.subject and m.since > meaning.since + _ONE_LETTER
    ]
    return range(meaning.since - _BEFORE, min([meaning.since + _AFTER + 1, *given_again]))


def _attempt_meant(by_reference: list[set[Meaning]], end: int) -> int:
    """That of the newest naming before the fact ended; where none was before it, of the oldest."""
    meanings = set[Meaning].union(*by_reference)
    shared = {a for a in _attempts(meanings) if all(a in _attempts(each) for each in by_reference)}
    allowed = {m for m in meanings if m.attempt in shared} if shared else meanings
    before = {m for m in allowed if m.since <= end}
    if before:
        newest = max(m.since for m in before)
        return max(m.attempt for m in before if m.since == newest)
    oldest = min(m.since for m in allowed)
    return min(m.attempt for m in allowed if m.since == oldest)


def _attempts(meanings: Iterable[Meaning]) -> set[int]:
    return {m.attempt for m in meanings}


def _end_of(fact: Fact) -> int:
    return fact.stated + DAY - 1 if fact.precision is Precision.DAY else fact.stated
