"""The Kafka that simulated processes share: input topics, and how it fails who publishes."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Final

from relay_memory import Database as Ledger
from relay_memory import Fault, Faults, MemoryOutbox, MemoryPublisher, Topic
from simulated_database import Database
from simulated_fate import KAFKA, POSTGRES, Fate

from builders import Log, Sent
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Batch, Decoded, Element, Partition
from card_fulfillment.pipeline.intake_ports import Fetched, SourceUnavailable
from card_fulfillment.pipeline.ports import StoreUnavailable
from card_fulfillment.pipeline.relay_ports import LaneRows, Unavailable

_POLL: Final = (0.05, 0.5)
_AT_ONCE: Final = 5  # records of a partition in a fetch


class Inputs:
    """The input topics, with a hole now and then."""

    def __init__(self, partitions: Collection[Partition]) -> None:
        self.logs: dict[Partition, list[Decoded]] = {partition: [] for partition in partitions}
        self._sent: dict[tuple[str, int, int], Sent] = {}
        self._log = Log()

    def append(self, sent: Sent, hole: int) -> None:
        (decoded,) = self._log.batch([sent], hole).decoded
        self.logs[Partition(sent.topic, sent.partition)].append(decoded)
        self._sent[_place(decoded.record)] = sent

    def ends(self) -> Mapping[Partition, int]:
        return {p: log[-1].record.offset + 1 if log else 0 for p, log in self.logs.items()}

    def read(self, record: Record) -> tuple[Element, ...]:
        log = self.logs[Partition(record.topic, record.partition)]
        return next(each.elements for each in log if each.record.offset == record.offset)

    def as_sent(self, batch: Batch) -> list[Sent]:
        return [self._sent[_place(each.record)] for each in batch.decoded]


def _place(record: Record) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


class Source:
    """What one process takes in; it believes what it was last told of its partitions."""

    def __init__(self, inputs: Inputs, database: Database, fate: Fate, rng: Random) -> None:
        self._inputs, self._database, self._fate, self._rng = inputs, database, fate, rng
        self._assigned: Collection[Partition] = ()
        self._assignment, self._sought = 0, False
        self._next: dict[Partition, int] = {}

    def assign(self, partitions: Collection[Partition]) -> None:
        self._assigned = partitions
        self.rewind()

    async def fetch(self, most: int) -> Fetched:
        await self._fate.reach(KAFKA, SourceUnavailable)
        if not self._sought:
            await self._seek()
        records: list[Record] = []
        starts: dict[Partition, int] = {}
        assigned = sorted(self._assigned) if self._sought else []
        for partition in self._rng.sample(assigned, len(assigned)):
            coming = self._coming(partition, most - len(records))
            if coming:
                starts[partition] = self._next[partition]
                self._next[partition] = coming[-1].offset + 1
                records += coming
        assignment = self._assignment
        if not records:
            await asyncio.sleep(self._rng.choice(_POLL))
        return Fetched(records, starts, assignment)

    def _coming(self, partition: Partition, most: int) -> list[Record]:
        first = self._next[partition]
        log = (each.record for each in self._inputs.logs[partition])
        following = [record for record in log if record.offset >= first]
        return following[: min(most, self._rng.randrange(_AT_ONCE))]

    async def _seek(self) -> None:
        assignment = self._assignment
        await self._fate.reach(POSTGRES, StoreUnavailable)
        stored = self._database.positions()
        if assignment == self._assignment:
            self._next = {partition: stored[partition] for partition in self._assigned}
            self._sought = True

    def is_current(self, assignment: int) -> bool:
        return assignment == self._assignment

    def rewind(self) -> None:
        self._sought = False
        self._assignment += 1

    @asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        yield

    def applied(self, positions: Mapping[Partition, int]) -> None:
        stored = self._database.positions()
        assert all(stored[p] >= offset for p, offset in positions.items()), "told too early"


class Fortune(Faults):
    """What a relay meets; beside that a producer may be in doubt, and a lease be for two."""

    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self._fate = fate
        self._of_call: defaultdict[str, Sequence[Fault]] = defaultdict(
            lambda: (Fault.NONE,),
            start=(Fault.AFTER,),
            take_lease=(Fault.LEASE_FOR_TWO,),
            publish=(Fault.AFTER, Fault.UNDECIDED_COMMITS, Fault.UNDECIDED_ABORTS),
        )

    async def strike(self, call: str) -> Fault:
        server = KAFKA if call in {"start", "tails", "publish"} else POSTGRES
        await self._fate.reach(server, Unavailable)
        weather = self._fate.weather
        return weather.rng.choice(self._of_call[call]) if weather.happens() else Fault.NONE


class Publisher(MemoryPublisher):
    """Who is killed while a transaction is under way leaves it to Kafka, and to who comes next."""

    def __init__(self, topic: Topic, fate: Fate) -> None:
        super().__init__(topic, Fortune(fate))
        self._fate = fate

    async def publish(self, lanes: Sequence[LaneRows]) -> None:
        if not self._usable:
            self._fate.weather.broken.append("a producer in doubt was used again")
        try:
            await super().publish(lanes)
        except asyncio.CancelledError:
            if self._fate.dead and self._epoch == self._topic.epoch:
                self._topic.undecided = (lanes, self._fate.weather.rng.random() < 0.5)
            raise


class Outbox(MemoryOutbox):
    """A process that was killed gives no lease back."""

    def __init__(self, ledger: Ledger, holder: str, fate: Fate) -> None:
        super().__init__(ledger, holder, Fortune(fate))
        self._fate = fate

    async def release_lease(self) -> None:
        if not self._fate.dead:
            await super().release_lease()
