"""Comparing what is stored with what the oracle says, and driving the store in memory."""

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from copy import copy
from random import Random
from typing import Any, TypeVar

from builders import NOW, Log, Sent, publishing, sent
from card_fulfillment.domain.bindings import bound_to
from card_fulfillment.domain.bulk import Bulk, roll_up
from card_fulfillment.domain.claims import greatest
from card_fulfillment.domain.facts import Statement
from card_fulfillment.domain.naming import ISSUER, Reference, Subject
from card_fulfillment.domain.side_parcels import SideParcel
from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.batch import Batch, Partition
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.fan_out import FanOut
from card_fulfillment.pipeline.view import CardState
from deliveries import Told, deliveries
from memory import MemoryStore
from oracle import CardEnd, ParcelEnd, end_state
from oracle_bulk import BulkEnd
from oracle_whom import About, Meaning, Said, Whom
from snapshot import Snapshot, check
from snapshot_bulk import is_quiet
from witness import Witness, fact_id_of

_T = TypeVar("_T")

# Dead letters about facts that are stored and wait: no record is refused by them.
ALERTS = {
    RefusalReason.REFERENCE_CONFLICT,
    RefusalReason.VENDOR_MISMATCH,
    RefusalReason.VENDOR_ALERT,
}


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
    parcels = {role: _parcel_end(parcel) for role, parcel in journey.parcels.items()}
    return CardEnd(key.status, key.attempt, key.fact_id, shown, parcels)


def _parcel_end(parcel: SideParcel) -> ParcelEnd:
    known = {name.value: register.value for name, register in parcel.registers.items()}
    return ParcelEnd(parcel.claim.key.fact_id if parcel.claim else None, known)


def stored_bulk_end(bulk: Bulk) -> BulkEnd:
    roles = {reference: parcel.role for reference, parcel in bulk.said.parcels.items()}
    now = roll_up(bulk)._asdict() | {"roles": roles}
    return BulkEnd(**{name: now[name] for name in BulkEnd._fields})


def assert_agrees(snapshot: Snapshot, told: Iterable[Statement]) -> None:
    """Whether cards, facts and parking are what the set of statements comes to."""
    told = list(told)
    end = end_state(told)
    announced = {i: s for i, s in snapshot.cards.items() if s.identity is not None}
    assert {i: stored_end(s) for i, s in announced.items()} == end.cards
    alive = {i: bulk for i, bulk in snapshot.bulks.items() if bulk.common is not None}
    assert {i: stored_bulk_end(bulk) for i, bulk in alive.items()} == end.bulks
    assert _stored_places(snapshot) == _places(told, end.whom)
    parked = {fact_id for fact_id, row in snapshot.facts.items() if not row.places}
    assert parked == {i for i, w in end.whom.items() if not w}
    stored = {r: set(m) for r, m in end.meanings.items() if m and r.vendor != ISSUER}
    assert _bound(snapshot, stored) == stored


def _bound(snapshot: Snapshot, references: Iterable[Reference]) -> dict[Reference, set[Meaning]]:
    """Whom references are bound to, by themselves or through a bulk."""
    announced = (s.identity for s in snapshot.cards.values() if s.identity)
    bulk_of = {identity.card_id: identity.bulk_issuance_id for identity in announced}
    stored = {r: tuple(held) for r, held in snapshot.bindings.items()}
    bound = {r: bound_to(stored, r, bulk_of) for r in {*references, *stored}}
    return {
        r: {Meaning(b.subject, b.attempt, b.valid_from, b.side) for b in held}
        for r, held in bound.items()
        if held
    }


def _stored_places(snapshot: Snapshot) -> dict[bytes, Mapping[Subject, About]]:
    return {
        fact_id: {
            subject: About(place.attempt, place.side) for subject, place in row.places.items()
        }
        for fact_id, row in snapshot.facts.items()
    }


def _places(
    told: Iterable[Statement], whom: Mapping[bytes, Whom]
) -> dict[bytes, Mapping[Subject, About]]:
    witness = Witness()
    witness.know(whom)
    said = Said(told)
    stored: list[Statement] = [*said.announcements.values(), *said.orders, *said.facts]
    return {fact_id_of(each): witness.subjects(each) for each in stored}


def assert_accounted(snapshot: Snapshot, witness: Witness) -> None:
    """Whether every record and every copy was counted, and as what it was."""
    counted = {p: +position.counted for p, position in snapshot.positions.items()}
    assert {p: c for p, c in counted.items() if c} == dict(witness.counted)
    assert {i: row.copies for i, row in snapshot.facts.items()} == witness.copies
    refused = [reason for reason in snapshot.dead_letters if reason not in ALERTS]
    assert refused == sorted(witness.refused)


class Telling:
    """A story told to a store in memory: everything that must hold is checked after each step.

    most: members that a step of the fan-out takes.
    """

    def __init__(self, *, updates: bool = True, most: int = 2) -> None:
        self.store, self.witness, self.log = MemoryStore(), Witness(), Log()
        self._publishing, self.most = publishing(updates=updates), most
        self.applier = Applier(self.store, self._publishing)
        self.begin_fan_out()

    def begin_fan_out(self) -> None:
        """As a process does that is new, or was killed and is there again."""
        self._fan_out = FanOut(self.store.transaction, self._publishing, self.most)

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

    def spread(self) -> bool:
        """Take a step of the fan-out; false where there was nothing to do."""
        return self._step(run(self._fan_out.spread(NOW)))

    def tick(self) -> bool:
        return self._step(run(self._fan_out.tick(NOW)))

    def _step(self, effects: Effects | None) -> bool:
        if effects is not None:
            check(self.snapshot(), rebound=self.witness.rebound)
        return effects is not None

    def settle(self) -> "Telling":
        """Wait until it is quiet."""
        while self.spread() or self.tick():
            pass
        snapshot = self.snapshot()
        assert is_quiet(snapshot.bulks, snapshot.cards)
        return self

    def fork(self) -> "Telling":
        """What would come if nothing more was taken in; this one does not notice."""
        other = copy(self)
        other.store = self.store.copied()
        other.begin_fan_out()
        return other

    def snapshot(self) -> Snapshot:
        return run(self.store.snapshot())


def tell(rng: Random, told: Sequence[Told], *, updates: bool = True) -> Telling:
    """Tell all of it, in an order and in batches of chance, with the fan-out when it comes."""
    telling = Telling(updates=updates, most=rng.choice((1, 2, 100)))
    for batch in deliveries(rng, told):
        telling.take(batch, hole=rng.choice((0, 0, 2)))
        fan_out(rng, telling)
    return telling.settle()


def told_one_by_one(*statements: Statement) -> Telling:
    """One in a batch; each time it is where it must be, the members too."""
    telling = Telling()
    for each in statements:
        telling.take([sent(each)])
        telling.settle()
        assert_agrees(telling.snapshot(), telling.witness.told)
    return telling


def fan_out(rng: Random, telling: Telling) -> None:
    """Some steps, or none; now and then its process was another before."""
    if rng.random() < 0.2:
        telling.begin_fan_out()
    while rng.random() > 0.6:  # so that the least draw ends it
        if rng.random() < 0.7:
            telling.spread()
        else:
            telling.tick()
