"""What a batch needs of the stored state, as a function of the batch and of what was found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from card_fulfillment.domain.bindings import Binding, is_bound, resolve
from card_fulfillment.domain.facts import (
    OWN_KIND,
    Announcement,
    Fact,
    Order,
    Reference,
    Subject,
    SubjectKind,
)
from card_fulfillment.pipeline.batch import Batch
from card_fulfillment.pipeline.view import CardState, Need, StoredFact, View


@dataclass(slots=True)
class Wanted:
    """What the batch itself names, before anything is looked up."""

    need: Need = field(default_factory=Need)
    orders: list[Order] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)


def wanted(batch: Batch) -> Wanted:
    out = Wanted()
    for decoded in batch.decoded:
        for element in decoded.elements:
            match element:
                case Announcement():
                    _want_announcement(out.need, element)
                case Order():
                    out.orders.append(element)
                    _want_order(out.need, element)
                case Fact():
                    out.facts.append(element)
                    _want_new_fact(out.need, element)
                case _:
                    pass
    return out


def _want_announcement(need: Need, announcement: Announcement) -> None:
    need.fact_ids.add(announcement.fact.fact_id)
    need.cards.add(announcement.card.card_id)
    need.histories.add(announcement.card.card_id)
    if announcement.card.bulk_issuance_id is not None:
        need.bulks.add(announcement.card.bulk_issuance_id)


def _want_order(need: Need, order: Order) -> None:
    need.fact_ids.add(order.fact.fact_id)
    _want_subject(need, order.subject)
    _want_to_bind(need, order.references)


def _want_fact(need: Need, fact: Fact) -> None:
    need.references.update(fact.references)
    if fact.names:
        _want_to_bind(need, (reference for _, reference in fact.names))


def _want_new_fact(need: Need, fact: Fact) -> None:
    need.fact_ids.add(fact.fact_id)
    need.named.update(r.value for r in fact.references if r.kind == OWN_KIND)
    _want_fact(need, fact)


def _want_to_bind(need: Need, references: Iterable[Reference]) -> None:
    new = set(references)
    need.references |= new
    need.locked_references |= new
    need.unlocks |= new


def _want_subject(need: Need, subject: Subject) -> None:
    if subject.kind is SubjectKind.CARD:
        need.cards.add(subject.id)
    else:
        need.bulks.add(subject.id)


def needs(want: Wanted, view: View) -> Need:
    """All that the batch needs: whom the references mean, which facts wait, whose bulk it is.

    It grows with the view until the view holds all that it asks for.
    """
    need = want.need | Need()
    stored = [*view.waiting.values(), *_shaken(want, view)]
    for fact, _ in stored:
        _want_fact(need, fact)
    for subject in _subjects(view):
        _want_subject(need, subject)
    need.bulks.update(_bulks(view))
    facts = (*want.facts, *(fact for fact, _ in stored))
    need.locked_references |= _unbound(facts, view)
    unsettled = {b.subject for b in _contested(want.orders, facts, view)}
    unsettled.update(*(each.places for each in view.waiting.values()))
    need.refolds.update(s.id for s in unsettled if s.kind is SubjectKind.CARD)
    return need


def tells_more(view: View) -> bool:
    """Whether what was found can make a need grow: cards do by their bulk issuances alone."""
    return bool(view.bindings or view.waiting or view.histories or any(_bulks(view)))


def _subjects(view: View) -> set[Subject]:
    """Whom the references mean, and whom stored facts are about.

    A fact of several subjects is written as a whole, so none of them may change meanwhile.
    """
    meant = {b.subject for bindings in view.bindings.values() for b in bindings}
    stored = [*view.waiting.values(), *(s for history in view.histories.values() for s in history)]
    return meant.union(*(each.places for each in stored))


def _bulks(view: View) -> Iterable[str]:
    identities = (state.identity for state in view.cards.values() if state.identity)
    return (card.bulk_issuance_id for card in identities if card.bulk_issuance_id)


def _unbound(facts: Iterable[Fact], view: View) -> set[Reference]:
    return {
        reference
        for fact in facts
        for reference in fact.references
        if not is_bound(view.bindings.get(reference, ()), fact.stated)
    }


def _contested(orders: Iterable[Order], facts: Iterable[Fact], view: View) -> Iterable[Binding]:
    """Bindings of references that the batch may bind to another subject or attempt, or unbind.

    The facts found through them may go elsewhere, and their subjects are refolded.
    """
    for order in orders:
        for reference in order.references:
            held = view.bindings.get(reference, ())
            others = any(b[:2] != (order.subject, order.attempt) for b in held)
            if others or _attempts_differ(held, view):
                yield from held
    for fact in facts:
        for _, name in fact.names:
            held = view.bindings.get(name, ())
            others = bool(held) and not _names_the_same(fact, held, view)
            if others or _attempts_differ(held, view):
                yield from held


def _names_the_same(fact: Fact, held: Sequence[Binding], view: View) -> bool:
    bulk_of = {
        i: s.identity.bulk_issuance_id if s.identity else None for i, s in view.cards.items()
    }
    found = resolve(view.bindings, fact, bulk_of).subjects or {}
    return {b[:2] for b in held} == set(found.items())


def _attempts_differ(bindings: Iterable[Binding], view: View) -> bool:
    """Whether a subject may have several attempts.

    Then a binding that is newer and else the same can decide between references that disagree.
    """
    cards = {b.subject.id for b in bindings if b.subject.kind is SubjectKind.CARD}
    return any(_has_attempts(view.cards[i]) for i in cards if i in view.cards)


def _has_attempts(state: CardState) -> bool:
    own = state.journey.own
    return state.identity is None or (own is not None and own.key.attempt > 1)


def _shaken(want: Wanted, view: View) -> list[StoredFact]:
    """Stored facts that may go elsewhere: of their references some may be bound, or unbound, now.

    What such a fact names may be bound otherwise in turn.
    """
    bound = set(want.need.unlocks)
    bound.update(name for s in view.waiting.values() for _, name in s.fact.names)
    quiet = {s.fact.fact_id: s for history in view.histories.values() for s in history}
    shaken: dict[bytes, StoredFact] = {}
    while True:
        moved = {i: s for i, s in quiet.items() if not bound.isdisjoint(s.fact.references)}
        if not moved:
            return list(shaken.values())
        shaken |= moved
        quiet = {i: s for i, s in quiet.items() if i not in moved}
        bound.update(name for s in moved.values() for _, name in s.fact.names)
