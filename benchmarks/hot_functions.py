"""The functions that every event goes through, one by one: microseconds of each per event."""

import gc
import json
import time
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Final, NamedTuple

from acceptance.workload import INPUTS, events
from benchmarks.vendor_dialects import measure_vendors
from card_fulfillment import wiring
from card_fulfillment.domain.claims import entry
from card_fulfillment.domain.facts import Announcement, CardIdentity, Cause, Fact, Order
from card_fulfillment.domain.fold import fold
from card_fulfillment.domain.journey import Change, Folded, Journey
from card_fulfillment.kafka.partitioner import partition_of
from card_fulfillment.messages.envelope import Record
from card_fulfillment.messages.outbound import Encoder
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.batch import Batch, Decoded, Move, Partition, last_records
from card_fulfillment.pipeline.decide import decide
from card_fulfillment.pipeline.decode import Decoder
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.needs import needs, wanted
from card_fulfillment.pipeline.ports import Transaction
from card_fulfillment.pipeline.publishing import Publishing
from card_fulfillment.pipeline.view import Need, View
from card_fulfillment.settings import Settings
from card_fulfillment.topology import topology
from card_fulfillment.vendors.mapping import map_message
from card_fulfillment.vendors.profile import Profile, load_profiles
from memory import MemoryStore

_CARDS: Final = 1000
_BATCH: Final = 2000
_PARTITIONS: Final = 6
_REPEATS: Final = 5
_NOW: Final = 1_780_000_000_000_000  # microseconds: after all that happens to the cards


class Decision(NamedTuple):
    """What `decide` was once asked."""

    batch: Batch
    view: View


async def measure_hot_functions() -> dict[str, float]:
    """Best of five runs over the seven events of 1,000 cards, in batches of 2,000 records."""
    records = _records()
    decoder, publishing = _wired()
    profile = load_profiles(None, ["meridian"])["meridian"]
    batches = list(_batches([decoder(record) for record in records]))
    decisions = await _decisions(batches, publishing)
    return {
        **_decoding(decoder, records),
        **_mapping(profile, [r for r in records if r.topic == INPUTS[2]]),
        **_deciding(batches, decisions, publishing, len(records)),
        **_folding(batches, publishing.encoder, len(records)),
        **measure_vendors(),
    }


def _per_event(work: Callable[[], object], count: int) -> float:
    """Microseconds of CPU, without the garbage collector, as in the worker."""
    best = float("inf")
    with _no_collector():
        for _ in range(_REPEATS):
            began = time.process_time()
            work()
            best = min(best, time.process_time() - began)
    return best / count * 1e6


@contextmanager
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _records() -> list[Record]:
    offsets: Counter[Partition] = Counter()
    records = []
    for event in events(_CARDS, window=_CARDS):
        key = event.key.encode()
        partition = Partition(event.topic, partition_of(key, _PARTITIONS))
        value = json.dumps(event.body).encode()
        records.append(Record(*partition, offsets[partition], _NOW, key, value))
        offsets[partition] += 1
    return records


def _wired() -> tuple[Decoder, Publishing]:
    """As the worker wires them."""
    settings = Settings.model_validate({"vendors": {"enabled": ["meridian"]}})
    known = topology(settings)
    topics = known.outputs
    lanes = {(topic, number): number for topic in topics for number in range(_PARTITIONS)}
    return wiring.decoder(settings, known), wiring.publishing(settings, known, lanes)


def _batches(decoded: Sequence[Decoded]) -> Iterator[Batch]:
    """Cut as the intake does."""
    at: dict[Partition, int] = {}
    for low in range(0, len(decoded), _BATCH):
        cut = list(decoded[low : low + _BATCH])
        last = last_records(d.record for d in cut)
        yield Batch(cut, {p: Move(at.get(p, 0), r.offset + 1, r) for p, r in last.items()})
        at |= {p: r.offset + 1 for p, r in last.items()}


async def _decisions(batches: Iterable[Batch], publishing: Publishing) -> list[Decision]:
    store = MemoryStore()
    watched = _WatchedStore(store)
    applier = Applier(watched, publishing)
    found = []
    for batch in batches:
        await store.begin(batch.moves)
        await applier.apply(batch, _NOW)
        found.append(Decision(batch, watched.last_view))
    return found


class _WatchedStore:
    """A store that tells what a decision was based on."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.last_view = View()

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        async with self._store.transaction() as transaction:
            yield _Watched(transaction, self)


class _Watched:
    def __init__(self, transaction: Transaction, store: _WatchedStore) -> None:
        self._transaction, self._store = transaction, store

    async def peek(self, need: Need) -> View:
        return await self._transaction.peek(need)

    async def lock(self, need: Need, known: Collection[str] = ()) -> None:
        await self._transaction.lock(need, known)

    async def read(self, need: Need) -> View:
        self._store.last_view = await self._transaction.read(need)
        return self._store.last_view

    async def write(self, effects: Effects) -> None:
        await self._transaction.write(effects)


def _decoding(decoder: Decoder, records: Iterable[Record]) -> Mapping[str, float]:
    by_topic: dict[str, list[Record]] = {}
    for record in records:
        by_topic.setdefault(record.topic, []).append(record)
    return {
        f"decode {topic}": _per_event(lambda: [decoder(r) for r in ours], len(ours))  # noqa: B023 - called at once
        for topic, ours in by_topic.items()
    }


def _mapping(profile: Profile, records: Sequence[Record]) -> Mapping[str, float]:
    def work() -> None:
        for record in records:
            map_message(
                profile,
                record.value or b"",
                received_at=record.timestamp,
                headers={},
                cause=Cause(None, record.topic, record.partition, record.offset),
            )

    return {"map_message": _per_event(work, len(records))}


def _deciding(
    batches: Iterable[Batch], decisions: Iterable[Decision], publishing: Publishing, count: int
) -> Mapping[str, float]:
    wants = [wanted(batch) for batch in batches]
    pairs = [(want, decision.view) for want, decision in zip(wants, decisions, strict=True)]
    return {
        "wanted": _per_event(lambda: [wanted(batch) for batch in batches], count),
        "needs": _per_event(lambda: [needs(*pair) for pair in pairs], count),
        "decide": _per_event(lambda: [decide(*d, publishing, _NOW) for d in decisions], count),
    }


def _folding(batches: Iterable[Batch], encoder: Encoder, count: int) -> Mapping[str, float]:
    """Each card's facts one by one, as where they come one by one; then what that publishes."""
    cards, facts = _facts_by_card(batches)

    def journeys() -> list[tuple[CardIdentity, Change]]:
        told = []
        for card_id, ours in facts.items():
            folded = Folded(Journey(), [], {})
            for fact in ours:
                folded = fold(folded.journey, [entry(fact, 1)])
                told += [(cards[card_id], change) for change in folded.changes]
        return told

    told = journeys()
    return {
        "fold": _per_event(journeys, count),
        "encode": _per_event(lambda: [encoder.card(*t, _NOW) for t in told], count),
    }


def _facts_by_card(
    batches: Iterable[Batch],
) -> tuple[dict[str, CardIdentity], dict[str, list[Fact]]]:
    cards: dict[str, CardIdentity] = {}
    facts: dict[str, list[Fact]] = {}
    for decoded in (d for batch in batches for d in batch.decoded):
        ours = facts.setdefault((decoded.record.key or b"").decode(), [])
        for element in decoded.elements:
            match element:
                case Announcement():
                    cards[element.card.card_id] = element.card
                    ours.append(element.fact)
                case Order():
                    ours.append(element.fact)
                case Fact():
                    ours.append(element)
                case _:
                    raise AssertionError("the workload is all good")
    return cards, facts
