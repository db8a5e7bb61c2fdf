"""What a batch needs of the stored state, as a function of the batch and of what was found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from card_fulfillment.domain.bindings import Binding, in_force
from card_fulfillment.domain.facts import (
    Announcement,
    Fact,
    Order,
    Reference,
    Subject,
    SubjectKind,
)
from card_fulfillment.pipeline.batch import Batch
from card_fulfillment.pipeline.view import Need, View


@dataclass(slots=True)
class Wanted:
    """What the batch itself names, before anything is looked up."""

    need: Need = field(default_factory=Need)
    facts: list[Fact] = field(default_factory=list)


def wanted(batch: Batch) -> Wanted:
    out = Wanted()
    for decoded in batch.decoded:
        for element in decoded.elements:
            match element:
                case Announcement():
                    _want_announcement(out.need, element)
                case Order():
                    _want_order(out.need, element)
                case Fact():
                    out.need.fact_ids.add(element.fact_id)
                    out.facts.append(element)
                    _want_fact(out.need, element)
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
    for stored in view.waiting.values():
        _want_fact(need, stored.fact)
    for subject in _subjects(view):
        _want_subject(need, subject)
    for state in view.cards.values():
        if state.identity and state.identity.bulk_issuance_id:
            need.bulks.add(state.identity.bulk_issuance_id)
    for fact in (*want.facts, *(stored.fact for stored in view.waiting.values())):
        need.locked_references.update(_unbound(fact, view))
    return need


def _subjects(view: View) -> Iterable[Subject]:
    yield from (b.subject for bindings in view.bindings.values() for b in bindings)
    yield from (subject for stored in view.waiting.values() for subject in stored.places)
    # A fact of several subjects is written as a whole, so none of them may change meanwhile.
    for history in view.histories.values():
        yield from (subject for stored in history for subject in stored.places)


def _unbound(fact: Fact, view: View) -> Iterable[Reference]:
    time = fact.stated
    return (r for r in fact.references if not _is_bound(view.bindings.get(r, ()), time))


def _is_bound(bindings: Sequence[Binding], time: int) -> bool:
    return any(in_force(b, time, bindings) for b in bindings)
