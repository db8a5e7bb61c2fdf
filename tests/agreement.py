"""Comparing what is stored with what the oracle says, and driving the store in memory."""

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from random import Random
from typing import Any, TypeVar

from builders import NOW, Log, Sent, level_of, publishing
from card_fulfillment.domain.claims import greatest
from card_fulfillment.domain.facts import ISSUER, Fact, Statement, Subject
from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.batch import Batch, Partition
from card_fulfillment.pipeline.view import CardState
from memory import MemoryStore
from oracle import CardEnd, end_state
from snapshot import Snapshot, check
from stories import deliveries
from witness import Witness

_T = TypeVar("_T")

# Dead letters about facts that are stored and wait: no record is refused by them.
ALERTS = {RefusalReason.REFERENCE_CONFLICT, RefusalReason.VENDOR_MISMATCH}


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run what never waits, without an event loop."""
    try:
        work.send(None)
    except StopIteration as ended:
        result: _T = ended.value
        return result
    work.close()
    raise AssertionError("it waits for something")


def stored_end(state: CardState) -> CardEnd:
    """Where a card is, as the oracle puts it."""
    journey = state.journey
    standing = greatest(journey.own, journey.bulk, journey.range_production)
    assert standing is not None
    key = standing.key
    shown = {n.value: r.value for n, r in journey.registers.items() if r.attempt == key.attempt}
    return CardEnd(key.status, key.attempt, key.fact_id, shown)


def assert_agrees(snapshot: Snapshot, told: Iterable[Statement]) -> None:
    """Whether cards, facts and parking are what the set of statements comes to."""
    told = list(told)
    end = end_state(told, level_of)
    announced = {i: s for i, s in snapshot.cards.items() if s.identity is not None}
    assert {i: stored_end(s) for i, s in announced.items()} == end.cards
    assert _stored_places(snapshot) == _places(told, end.whom)
    parked = {fact_id for fact_id, row in snapshot.facts.items() if not row.places}
    assert parked == {i for i, w in end.whom.items() if not w}
    bound = {r: {b[:3] for b in held} for r, held in snapshot.bindings.items() if held}
    stored = {r: set(m) for r, m in end.meanings.items() if m and r.vendor != ISSUER}
    assert bound == stored


def _stored_places(snapshot: Snapshot) -> dict[bytes, Mapping[Subject, int]]:
    return {
        fact_id: {subject: place.attempt for subject, place in row.places.items()}
        for fact_id, row in snapshot.facts.items()
    }


def _places(
    told: Iterable[Statement], whom: Mapping[bytes, Mapping[Subject, int] | None]
) -> dict[bytes, Mapping[Subject, int]]:
    witness = Witness()
    witness.know(whom)
    return {s.fact_id if isinstance(s, Fact) else s.fact.fact_id: witness.subjects(s) for s in told}


def assert_accounted(snapshot: Snapshot, witness: Witness) -> None:
    """Whether every record and every copy was counted, and as what it was."""
    counted = {p: +position.counted for p, position in snapshot.positions.items()}
    assert {p: c for p, c in counted.items() if c} == dict(witness.counted)
    assert {i: row.copies for i, row in snapshot.facts.items()} == witness.copies
    refused = [reason for reason in snapshot.dead_letters if reason not in ALERTS]
    assert refused == sorted(witness.refused)


class Telling:
    """A story told to a store in memory: everything that must hold is checked after each batch."""

    def __init__(self, *, updates: bool = True) -> None:
        self.store, self.witness, self.log = MemoryStore(), Witness(), Log()
        self.applier = Applier(self.store, publishing(updates=updates))

    def take(self, batch: Sequence[Sent], hole: int = 0) -> Batch:
        """Apply the records; returns the batch that was made of them."""
        self.witness.hear(batch)
        run(self.store.begin(Partition(r.topic, r.partition) for r in batch))
        made = self.log.batch(batch, hole)
        run(self.applier.apply(made, NOW))
        snapshot = self.snapshot()
        check(snapshot, rebound=self.witness.rebound)
        assert_accounted(snapshot, self.witness)
        ends = {p: position.next_offset for p, position in snapshot.positions.items()}
        assert ends == dict(self.log.ends)
        return made

    def snapshot(self) -> Snapshot:
        return run(self.store.snapshot())


def tell(rng: Random, told: Sequence[Statement]) -> Telling:
    """Tell all of it, in an order and in batches of chance."""
    telling = Telling()
    for batch in deliveries(rng, told):
        telling.take(batch, hole=rng.choice((0, 0, 2)))
    return telling
