"""Whose stored facts a batch may move: a new binding can change whom they are about."""

from collections.abc import Collection, Iterable, Mapping

from card_fulfillment.domain.bindings import (
    Binding,
    BulkOf,
    bound_to,
    is_crowded,
    membership,
    resolve,
    through_bulk,
)
from card_fulfillment.domain.facts import Fact, Order
from card_fulfillment.domain.naming import OWN_KIND, Reference, Subject, SubjectKind, bulk_issuance
from card_fulfillment.domain.senses import Sense, side_named
from card_fulfillment.pipeline.view import CardState, StoredFact, View


def contested(
    orders: Iterable[Order],
    facts: Iterable[Fact],
    bound: Collection[Reference],
    view: View,
    bulk_of: BulkOf,
) -> Iterable[Binding]:
    """Bindings of references that the batch may bind to another subject or attempt, or unbind.

    bound: what the batch may bind. The facts found through contested references may go elsewhere,
    and their subjects are refolded.
    """
    for order in orders:
        for reference in order.references:
            held = bound_to(view.bindings, reference, bulk_of)
            if not held or is_crowded(view.bindings.get(reference, ())):
                continue  # what is found by a crowded one is held, and stays so
            others = any(b.says != (order.subject, Sense(order.attempt)) for b in held)
            if others or _attempts_differ(held, view):
                yield from held
    for name, naming in _naming(facts, view).items():
        held = view.bindings[name]
        says = {b.says for b in held}
        if _attempts_differ(held, view) or any(
            _is_found_by(fact, bound, bulk_of)  # whom it names is not known yet
            or _said(fact, name, view, bulk_of) != says
            for fact in naming
        ):
            yield from held


def _naming(facts: Iterable[Fact], view: View) -> Mapping[Reference, list[Fact]]:
    """By name that is bound, who names it: hundreds may, and each of them binds it once more."""
    naming: dict[Reference, list[Fact]] = {}
    for fact in facts:
        for _, name in fact.names:
            if view.bindings.get(name):
                naming.setdefault(name, []).append(fact)
    return naming


def _said(fact: Fact, name: Reference, view: View, bulk_of: BulkOf) -> set[tuple[Subject, Sense]]:
    """What the name means by the fact."""
    found = resolve(view.bindings, fact, bulk_of).subjects or {}
    return {(s, Sense(m.attempt, side_named(fact, name, m))) for s, m in found.items()}


def _attempts_differ(bindings: Iterable[Binding], view: View) -> bool:
    """Whether a subject may have several attempts.

    Then a binding that is newer and else the same can decide between references that disagree.
    """
    subjects = {b.subject for b in bindings}
    return any(has_attempts(s, view) or _is_placeholder(s, view) for s in subjects)


def _is_placeholder(subject: Subject, view: View) -> bool:
    if subject.kind is SubjectKind.BULK_ISSUANCE:
        return False
    state = view.cards.get(subject.id)
    return state is not None and state.identity is None


def has_attempts(subject: Subject, view: View) -> bool:
    """Whether it is known to have been ordered again, or a member of it."""
    if subject.kind is SubjectKind.BULK_ISSUANCE:
        bulk = view.bulks.get(subject.id)
        return bulk is not None and (
            bulk.said.attempt > 1 or any(member.attempt > 1 for member in bulk.counts)
        )
    state = view.cards.get(subject.id)
    if state is None:
        return False
    own = state.journey.own
    return (own is not None and own.key.attempt > 1) or _has_attempts_of_bulk(state, view)


def _has_attempts_of_bulk(state: CardState, view: View) -> bool:
    bulk = state.identity.bulk_issuance_id if state.identity else None
    return bulk is not None and has_attempts(bulk_issuance(bulk), view)


def moves_issuers_facts(order: Order, view: View) -> bool:
    """Whether what the issuer stated of its subject can be of another attempt by it."""
    return (
        order.subject.kind is SubjectKind.BULK_ISSUANCE
        or order.attempt > 1
        or has_attempts(order.subject, view)
    )


def shaken(bound: Collection[Reference], view: View, bulk_of: BulkOf) -> list[StoredFact]:
    """Stored facts that may go elsewhere: of their references some may be bound, or unbound, now.

    What such a fact names may be bound otherwise in turn.
    """
    moving = set(bound)
    again = (*view.waiting.values(), *view.retimed.values())
    moving.update(name for s in again for _, name in s.fact.names)
    quiet = {s.fact.fact_id: s for history in view.histories.values() for s in history}
    found: dict[bytes, StoredFact] = {}
    while True:
        moved = {i: s for i, s in quiet.items() if _is_found_by(s.fact, moving, bulk_of)}
        if not moved:
            return list(found.values())
        found |= moved
        quiet = {i: s for i, s in quiet.items() if i not in moved}
        moving.update(name for s in moved.values() for _, name in s.fact.names)


def _is_found_by(fact: Fact, moving: Collection[Reference], bulk_of: BulkOf) -> bool:
    for reference in fact.references:
        if reference in moving or through_bulk(reference, bulk_of) in moving:
            return True
        if reference.kind == OWN_KIND and membership(reference.value) in moving:
            return True
    return False
