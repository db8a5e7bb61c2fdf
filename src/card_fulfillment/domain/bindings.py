"""Whom a fact is about: references bound to subjects, for a time.

Authority is nothing but this: a vendor moves only what some binding of that vendor names.
"""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from card_fulfillment.domain.facts import DAY, HOUR, Fact, Reference, Subject, SubjectKind

# Clock skew, day precision, scans before the end-of-day line that names the waybill.
GRACE: Final = 72 * HOUR
WINDOW: Final = 180 * DAY
# Bindings of one reference to several subjects within this belong to one letter or box; later, it
# was recycled.
LETTER: Final = 7 * DAY


class Binding(NamedTuple):
    """A reference means this subject, in this attempt, from `valid_from` on (less the grace)."""

    subject: Subject
    attempt: int
    valid_from: int
    made_by: bytes  # the fact_id of what named it


Bindings = Mapping[Reference, Collection[Binding]]


class Resolution(NamedTuple):
    """What the references of a fact come to.

    subjects: each with its attempt; null: nothing is bound (parked); empty: none in common (held).
    unbound: the references that nothing in force bound: the fact goes on waiting for these.
    """

    subjects: Mapping[Subject, int] | None
    unbound: tuple[Reference, ...]


def resolve(bindings: Bindings, fact: Fact, bulk_of: Mapping[str, str | None]) -> Resolution:
    """The subjects that all bound references have in common, each with the attempt meant.

    bulk_of: the bulk issuance of each card that the bindings name.
    """
    only = _only_one(bindings, fact)
    if only is not None:
        return Resolution({only.subject: only.attempt}, ())
    by_reference = {r: _candidates(bindings.get(r, ()), fact.stated) for r in fact.references}
    unbound = tuple(r for r, found in by_reference.items() if not found)
    bound = [found for found in by_reference.values() if found]
    if not bound:
        return Resolution(None, unbound)
    common = _in_common(bound, bulk_of)
    if not common:
        return Resolution({}, fact.references)
    return Resolution({s: _attempt(each, fact.until) for s, each in common.items()}, unbound)


def _only_one(bindings: Bindings, fact: Fact) -> Binding | None:
    """The common case at a glance: each reference has one binding, and all say the same."""
    only: Binding | None = None
    for reference in fact.references:
        held = bindings.get(reference, ())
        if len(held) != 1:
            return None
        (binding,) = held
        if only is None:
            if not _in_window(binding, fact.stated):
                return None
            only = binding
        elif binding[:3] != only[:3]:
            return None
    return only


_Candidates = Mapping[Subject, Collection[Binding]]


def in_force(binding: Binding, time: int, rivals: Collection[Binding]) -> bool:
    """Until the window ends, or 72 h before the reference was recycled for another subject."""
    return _in_window(binding, time) and all(
        r.subject == binding.subject
        or r.valid_from <= binding.valid_from + LETTER
        or time < r.valid_from - GRACE
        for r in rivals
    )


def is_bound(bindings: Collection[Binding], time: int) -> bool:
    """Whether a reference with these bindings means anybody at that time."""
    if len(bindings) == 1:
        return all(_in_window(b, time) for b in bindings)
    return any(in_force(b, time, bindings) for b in bindings)


def _in_window(binding: Binding, time: int) -> bool:
    return binding.valid_from - GRACE <= time <= binding.valid_from + WINDOW


def _candidates(bindings: Collection[Binding], time: int) -> _Candidates:
    found: dict[Subject, list[Binding]] = {}
    for each in bindings:
        if in_force(each, time, bindings):
            found.setdefault(each.subject, []).append(each)
    return found


def _in_common(
    bound: list[_Candidates], bulk_of: Mapping[str, str | None]
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


def _attempt(by_reference: list[Collection[Binding]], until: int) -> int:
    """Of the attempts that all references allow: the newest binding's, else the oldest's."""
    allowed = set.intersection(*({b.attempt for b in each} for each in by_reference))
    meant = [b for each in by_reference for b in each if not allowed or b.attempt in allowed]
    begun = [(b.valid_from, b.attempt) for b in meant if b.valid_from <= until]
    return max(begun)[1] if begun else min((b.valid_from, b.attempt) for b in meant)[1]
