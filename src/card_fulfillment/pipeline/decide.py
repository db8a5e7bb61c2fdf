"""The decision: a batch and the locked state that it needs, in; everything that changes, out.

Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from card_fulfillment.domain.facts import Fact, Subject, card
from card_fulfillment.domain.journey import FactOutcome, Folded, Journey, fold, refold
from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.messages.envelope import Outgoing
from card_fulfillment.messages.outbound import Encoder
from card_fulfillment.pipeline.admission import Admission, Admitted, Verdict
from card_fulfillment.pipeline.alerts import alerts
from card_fulfillment.pipeline.batch import SEVERITY, Batch, Partition, RecordClass
from card_fulfillment.pipeline.effects import Effects, NewChange, NewFact
from card_fulfillment.pipeline.placement import Gain, Placement
from card_fulfillment.pipeline.view import CardState, Place, View


@dataclass(frozen=True, slots=True)
class Publishing:
    """How what is decided goes out.

    `partition_of(topic, key)` is the partition that a key belongs to.
    """

    encoder: Encoder
    status_topic: str
    dead_letter_topic: str
    partition_of: Callable[[str, str | None], int]
    updates: bool = True

    def change(self, topic: str, outgoing: Outgoing, subject: Subject, version: int) -> NewChange:
        partition = self.partition_of(topic, outgoing.key)
        return NewChange(topic, partition, subject, version, outgoing)

    def dead_letter(self, letter: DeadLetter, now: int) -> NewChange:
        outgoing = self.encoder.dead_letter(letter, now)
        partition = self.partition_of(self.dead_letter_topic, outgoing.key)
        return NewChange(self.dead_letter_topic, partition, None, None, outgoing)


def decide(batch: Batch, view: View, publishing: Publishing, now: int) -> Effects:
    """What the batch changes. `now`: the worker's clock, microseconds, informational."""
    announced = {i: state.identity for i, state in view.cards.items() if state.identity}
    admission = Admission(view.contents, announced)
    for decoded in batch.decoded:
        admission.take(decoded)
    placement = Placement(view, admission.identities)
    for announcement in admission.announcements:
        placement.announce(announcement)
    for order in admission.orders:
        placement.order(order)
    placement.track(admission.tracking)
    effects = Effects(
        bindings=placement.bound,
        waits=placement.waits,
        woken=placement.woken,
        dead_letters=list(admission.dead_letters.values()),
        moves=batch.moves,
    )
    effects.dead_letters += alerts(placement, view.announced)
    _fold_cards(effects, view, admission, placement, publishing, now)
    effects.changes += [publishing.dead_letter(d, now) for d in effects.dead_letters]
    _store_facts(effects, admission, placement)
    effects.settled = placement.settled()
    effects.counts = _counts(admission.records, placement.places)
    return effects


def _fold_cards(
    effects: Effects,
    view: View,
    admission: Admission,
    placement: Placement,
    publishing: Publishing,
    now: int,
) -> None:
    for card_id, gain in placement.gains():
        identity = admission.identities.get(card_id)
        if identity is None:
            continue  # it waits for its announcement
        state = view.cards.get(card_id)
        folded = _folded(state.journey if state else Journey(), gain, updates=publishing.updates)
        effects.cards[card_id] = CardState(identity, folded.journey)
        subject = card(card_id)
        for change in folded.changes:
            outgoing = publishing.encoder.card(identity, change, now)
            effects.changes.append(
                publishing.change(publishing.status_topic, outgoing, subject, change.version)
            )
        for fact_id, outcome in folded.outcomes.items():
            places = placement.places[fact_id]
            places[subject] = Place(places[subject].attempt, outcome)


def _folded(journey: Journey, gain: Gain, *, updates: bool) -> Folded:
    if gain.kept is not None and gain.cause is not None:
        return refold(journey, gain.kept, gain.entries, gain.cause, updates=updates)
    return fold(journey, gain.entries, updates=updates, refolded=gain.moved)


def _store_facts(effects: Effects, admission: Admission, placement: Placement) -> None:
    for fact_id, fact in admission.new.items():
        places = placement.places.get(fact_id, {})
        effects.facts.append(NewFact(fact, places, 1 + admission.copies.pop(fact_id, 0)))
    effects.copies = admission.copies
    effects.moved = {i: places for i, places in placement.places.items() if i not in admission.new}


def _counts(
    records: list[Admitted], places: Mapping[bytes, Mapping[Subject, Place]]
) -> dict[Partition, Counter[RecordClass]]:
    counts: defaultdict[Partition, Counter[RecordClass]] = defaultdict(Counter)
    for (topic, partition, worst), count in Counter(
        (record.topic, record.partition, _worst(verdicts, places)) for record, verdicts in records
    ).items():
        counts[Partition(topic, partition)][worst] = count
    return dict(counts)


def _worst(verdicts: list[Verdict], places: Mapping[bytes, Mapping[Subject, Place]]) -> RecordClass:
    if len(verdicts) == 1:
        return _became(verdicts[0], places)
    became = (_became(v, places) for v in verdicts)
    return min(became, key=SEVERITY.__getitem__, default=RecordClass.IGNORED)


def _became(verdict: Verdict, places: Mapping[bytes, Mapping[Subject, Place]]) -> RecordClass:
    if not isinstance(verdict, Fact):
        return verdict
    of_fact = places.get(verdict.fact_id, {}).values()
    parked = all(p.outcome is FactOutcome.PARKED for p in of_fact)
    return RecordClass.PARKED if parked else RecordClass.APPLIED
