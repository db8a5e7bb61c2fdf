"""What a batch needs of the stored state, as a function of the batch and of what was found."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from card_fulfillment.domain.bindings import (
    BulkOf,
    bound_to,
    is_bound,
    is_crowded,
    membership,
    ordering,
    own_names,
    with_bulks,
)
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Announcement, Fact, Order
from card_fulfillment.domain.files import FileLine
from card_fulfillment.domain.naming import (
    ISSUER,
    OWN_KIND,
    Reference,
    Subject,
    SubjectKind,
    is_issuers_name,
    issuers_name,
    own_reference,
)
from card_fulfillment.pipeline.batch import Batch
from card_fulfillment.pipeline.contested import contested, moves_issuers_facts, shaken
from card_fulfillment.pipeline.filing import want_files, want_line
from card_fulfillment.pipeline.view import Need, View


@dataclass(slots=True)
class Wanted:
    """What the batch itself names, before anything is looked up.

    members: the bulk of each card that it announces.
    untimed: the times of facts that have none but that of their records.
    """

    need: Need = field(default_factory=Need)
    members: dict[str, str | None] = field(default_factory=dict)
    untimed: dict[bytes, int] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    lines: list[FileLine] = field(default_factory=list)


def wanted(batch: Batch) -> Wanted:
    out = Wanted()
    for decoded in batch.decoded:
        for element in decoded.elements:
            match element:
                case Fact():
                    out.facts.append(element)
                    if element.precision is Precision.UNKNOWN:
                        earlier = out.untimed.get(element.fact_id, element.stated)
                        out.untimed[element.fact_id] = min(earlier, element.stated)
                    _want_new_fact(out.need, element)
                case Announcement():
                    _want_announcement(out.need, element)
                    out.members.setdefault(element.card.card_id, element.card.bulk_issuance_id)
                case Order():
                    out.orders.append(element)
                    _want_order(out.need, element)
                case FileLine():
                    out.lines.append(element)
                    want_line(out.need, element)
                case _:
                    pass
    return out


def _want_announcement(need: Need, announcement: Announcement) -> None:
    card = announcement.card
    need.fact_ids.add(announcement.fact.fact_id)
    need.cards.add(card.card_id)
    need.histories.add(card.card_id)
    need.unlocks.add(membership(card.card_id))
    if card.bulk_issuance_id is not None:
        need.bulks.add(card.bulk_issuance_id)
        need.whole.add(card.bulk_issuance_id)
        need.unlocks.add(own_reference(ISSUER, card.bulk_issuance_id))
        if card.serial_number is not None:
            need.serials.add((card.bulk_issuance_id, card.serial_number))


def _want_order(need: Need, order: Order) -> None:
    need.fact_ids.add(order.fact.fact_id)
    _want_subject(need, order.subject)
    _want_to_bind(need, order.references)
    need.unlocks.add(ordering(order.subject.id))
    if order.subject.kind is SubjectKind.BULK_ISSUANCE:
        need.locked_references.add(ordering(order.subject.id))
        need.file_references.update(order.references)


def _want_issuers_facts(need: Need, subject: Subject) -> None:
    need.references.add(issuers_name(subject))
    need.unlocks.add(issuers_name(subject))
    need.refolds.add(subject)


def _want_fact(need: Need, fact: Fact) -> None:
    need.references.update(fact.references)
    if fact.names:
        names = {reference for _, reference in fact.names}
        need.named |= names
        _want_to_bind(need, names)


def _want_new_fact(need: Need, fact: Fact) -> None:
    need.fact_ids.add(fact.fact_id)
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
    bulk_of = {**want.members, **view.bulk_of}
    for order in want.orders:
        if moves_issuers_facts(order, view):
            _want_issuers_facts(need, order.subject)
    _want_retimed(need, want.untimed, view)
    placed_anew = [*view.waiting.values(), *view.retimed.values()]
    stored = [*placed_anew, *shaken(need.unlocks, view, bulk_of)]
    for fact, _ in stored:
        _want_fact(need, fact)
    facts = (*want.facts, *(fact for fact, _ in stored))
    for subject in _subjects(view, {name for fact in facts for _, name in fact.names}):
        _want_subject(need, subject)
    need.bulks.update(_bulks(view))
    _want_named(need, facts, bulk_of)
    _want_unbound(need, facts, view, bulk_of)
    unsettled = {b.subject for b in contested(want.orders, facts, need.unlocks, view, bulk_of)}
    need.refolds.update(unsettled, *(each.places for each in placed_anew))
    _want_sayings(need, view)
    want_files(need, want.lines, want.orders, view)
    return need


def _want_retimed(need: Need, untimed: Mapping[bytes, int], view: View) -> None:
    """Stored facts that get an earlier time: that of a record from before theirs."""
    need.retimed.update(
        fact_id
        for fact_id, stated in untimed.items()
        if (seen := view.seen.get(fact_id)) and seen.since is not None and stated < seen.since
    )


def _want_named(need: Need, facts: Iterable[Fact], bulk_of: BulkOf) -> None:
    """Cards named by their own ids: an order of their bulk may bind them, now or later."""
    known = frozenset(need.bulks)
    own = [r for f in facts for r in f.references if r.kind == OWN_KIND and r.value not in known]
    need.cards.update(reference.value for reference in own)
    need.bulks.update(reference.value for reference in own if reference.vendor == ISSUER)
    need.references |= with_bulks(own, bulk_of)


def _want_sayings(need: Need, view: View) -> None:
    """A member that is folded anew folds all that is said of its bulk anew.

    So may any that the batch touches, where its bulk may lose facts by the batch.
    """
    losing = {s.id for s in need.refolds if s.kind is SubjectKind.BULK_ISSUANCE}
    for card_id, state in view.cards.items():
        bulk_id = state.identity.bulk_issuance_id if state.identity else None
        if bulk_id is None:
            continue
        subject = Subject(SubjectKind.CARD, card_id)
        bulk = view.bulks.get(bulk_id)
        if bulk_id in losing or (bulk is not None and state.folded < bulk.reset_number):
            need.refolds.add(subject)
        if subject in need.refolds:
            need.whole.add(bulk_id)
    need.whole |= losing


def tells_more(view: View) -> bool:
    """Whether what was found can make a need grow: cards do by their bulk issuances alone."""
    rows = (view.bindings, view.waiting, view.histories, view.bulks, view.files)
    return any(rows) or bool(_bulks(view))


def _subjects(view: View, named: Collection[Reference]) -> set[Subject]:
    """Whom the references mean, and whom stored facts are about.

    A fact of several subjects is written as a whole, so none of them may change meanwhile. What is
    found by a crowded reference is about nobody, unless a fact that names it ceases to.
    """
    meant = {
        b.subject
        for reference, bindings in view.bindings.items()
        if not is_crowded(bindings) or reference in named
        for b in bindings
    }
    stored = [*view.waiting.values(), *view.retimed.values()]
    stored += [s for h in view.histories.values() for s in h]
    return meant.union(*(each.places for each in stored))


def _bulks(view: View) -> list[str]:
    """Of the cards that are announced as members."""
    identities = [state.identity for state in view.cards.values()]
    return [i.bulk_issuance_id for i in identities if i is not None and i.bulk_issuance_id]


def _want_unbound(need: Need, facts: Iterable[Fact], view: View, bulk_of: BulkOf) -> None:
    """References that nothing in force binds are locked, or whoever binds one would not be seen."""
    unbound = with_bulks(_unbound(facts, view, bulk_of), bulk_of)
    need.locked_references |= unbound
    # Whether somebody else was asked for them. Who orders a card locks its row, who orders a bulk
    # issuance this name: it may have no row yet, and what is no bulk's id should not make one.
    names = own_names(unbound)
    need.references.update(own_reference(ISSUER, r.value) for r in names)
    need.locked_references.update(ordering(r.value) for r in names if r.value not in bulk_of)


def _unbound(facts: Iterable[Fact], view: View, bulk_of: BulkOf) -> set[Reference]:
    unbound: set[Reference] = set()
    for fact in facts:
        for reference in fact.references:
            if is_issuers_name(reference):
                continue  # who announces or orders locks what it names
            held = bound_to(view.bindings, reference, bulk_of)
            if not is_bound(reference, held, fact.stated):
                unbound.add(reference)
    return unbound
