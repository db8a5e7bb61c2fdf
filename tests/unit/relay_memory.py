"""An outbox and a Kafka topic in memory, and the ways in which both can fail the relay."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto

from card_fulfillment.pipeline.relay_ports import (
    LaneRow,
    LaneRows,
    Page,
    PageLimits,
    RelayPorts,
    Row,
    Tail,
    Unavailable,
)

LEASE_SECONDS = 3.0


class Fault(Enum):
    """What happens to one call."""

    NONE = auto()
    BEFORE = auto()
    AFTER = auto()
    UNDECIDED_COMMITS = auto()
    UNDECIDED_ABORTS = auto()
    DEFECT = auto()
    HANGS = auto()
    SLOW = auto()
    LEASE_FOR_TWO = auto()


ANYWHERE = (*[Fault.NONE] * 3, Fault.BEFORE, Fault.DEFECT, Fault.HANGS, Fault.SLOW)
FAULTS_OF: Mapping[str, tuple[Fault, ...]] = {
    "take_lease": (*ANYWHERE, Fault.LEASE_FOR_TWO, Fault.LEASE_FOR_TWO),
    "start": (*ANYWHERE, Fault.AFTER),
    "tails": ANYWHERE,
    "lanes": ANYWHERE,
    "pin": ANYWHERE,
    "values": ANYWHERE,
    "read": ANYWHERE,
    "publish": (*ANYWHERE, Fault.AFTER, Fault.UNDECIDED_COMMITS, Fault.UNDECIDED_ABORTS),
    "advance": ANYWHERE,
}


@dataclass
class Faults:
    """The faults of the next calls of each kind, in this order; none after the last."""

    coming: Mapping[str, Iterable[Fault]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._left = {call: iter(faults) for call, faults in self.coming.items()}

    async def strike(self, call: str) -> Fault:
        fault = next(self._left.get(call, iter(())), Fault.NONE)
        await asyncio.sleep(0.001)
        if fault is Fault.BEFORE:
            raise Unavailable("not done")
        if fault is Fault.DEFECT:
            raise ZeroDivisionError
        if fault is Fault.HANGS:
            await asyncio.sleep(10)
            raise Unavailable("no answer")
        if fault is Fault.SLOW:
            await asyncio.sleep(0.5)
        return fault


@dataclass
class Topic:
    """Committed (lane, seq) by partition, the epoch that may write, and what nobody decided yet.

    values: of the last record of each partition.
    """

    partitions: int = 2
    log: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    first_offset: int = 0
    values: dict[int, bytes] = field(default_factory=dict)
    epoch: int = 0
    undecided: tuple[Sequence[LaneRows], bool] | None = None
    refusal: Exception | None = None
    commit_seconds: float = 0.002
    starts: int = 0
    commits: int = 0
    times: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = {p: self.log.get(p, []) for p in range(self.partitions)}

    def commit(self, lanes: Sequence[LaneRows]) -> None:
        self.commits += 1
        self.times.append(asyncio.get_running_loop().time())
        for lane in lanes:
            self.log[lane.partition] += [(lane.lane, row.seq) for row in lane.rows]
            self.values[lane.partition] = lane.rows[-1].value

    def fence(self) -> int:
        if self.undecided and self.undecided[1]:
            self.commit(self.undecided[0])
        self.undecided = None
        self.epoch += 1
        self.starts += 1
        return self.epoch


class MemoryPublisher:
    def __init__(self, topic: Topic, faults: Faults) -> None:
        self._topic = topic
        self._faults = faults
        self._epoch = -1
        self._usable = True

    async def start(self) -> None:
        fault = await self._faults.strike("start")
        self._epoch = self._topic.fence()
        if fault is Fault.AFTER:
            raise Unavailable("started, but nobody knows")

    async def tails(self) -> Mapping[int, Tail]:
        await self._faults.strike("tails")
        first, values = self._topic.first_offset, self._topic.values
        return {
            partition: Tail(first, *log[-1], values.get(partition)) if log else Tail(first)
            for partition, log in self._topic.log.items()
        }

    async def publish(self, lanes: Sequence[LaneRows]) -> None:
        assert self._usable, "a producer in doubt was used again"
        self._usable = False
        fault = await self._faults.strike("publish")
        await asyncio.sleep(self._topic.commit_seconds)
        if self._topic.refusal:
            raise self._topic.refusal
        if self._epoch != self._topic.epoch:
            raise Unavailable("fenced")
        if fault in (Fault.UNDECIDED_COMMITS, Fault.UNDECIDED_ABORTS):
            self._topic.undecided = (lanes, fault is Fault.UNDECIDED_COMMITS)
            raise Unavailable("no answer to the commit")
        self._topic.commit(lanes)
        if fault is Fault.AFTER:
            raise Unavailable("committed, but the answer was lost")
        self._usable = True


@dataclass
class Database:
    """Lanes of one topic: all changes ever made, and how far they are known to be published.

    locked: lanes that somebody writes to just now.
    """

    rows: dict[int, list[Row]] = field(default_factory=dict)
    published: dict[int, int] = field(default_factory=dict)
    holder: tuple[str, float] = ("", 0.0)
    listeners: list[Callable[[], None]] = field(default_factory=list)
    reads: list[Mapping[int, int]] = field(default_factory=list)
    locked: set[int] = field(default_factory=set)

    def pin(self, partitions: int) -> None:
        if not self.rows:
            self.rows = {lane: [] for lane in range(partitions)}
            self.published = dict.fromkeys(self.rows, 0)

    def add(self, lane: int, count: int = 1) -> None:
        rows = self.rows[lane]
        rows += [Row(len(rows) + 1 + i, f"card-{i}", "{}", b"{}") for i in range(count)]
        for wake in self.listeners:
            wake()


class MemoryOutbox:
    """Lane and partition have the same number here."""

    def __init__(self, database: Database, holder: str, faults: Faults) -> None:
        self._database = database
        self._holder = holder
        self._faults = faults

    async def take_lease(self) -> bool:
        fault = await self._faults.strike("take_lease")
        holder, until = self._database.holder
        now = asyncio.get_running_loop().time()
        if holder not in ("", self._holder) and until > now and fault is not Fault.LEASE_FOR_TWO:
            return False
        self._database.holder = (self._holder, now + LEASE_SECONDS)
        return True

    async def release_lease(self) -> None:
        if self._database.holder[0] == self._holder:
            self._database.holder = ("", 0.0)

    async def lanes(self) -> Sequence[LaneRow]:
        await self._faults.strike("lanes")
        return self._lanes()

    async def pin(self, partitions: int) -> Sequence[LaneRow]:
        await self._faults.strike("pin")
        self._database.pin(partitions)
        return self._lanes()

    def _lanes(self) -> list[LaneRow]:
        return [
            LaneRow(lane, lane, len(rows), self._database.published[lane])
            for lane, rows in self._database.rows.items()
        ]

    async def values(self, seqs: Mapping[int, int]) -> Mapping[int, bytes]:
        await self._faults.strike("values")
        rows = self._database.rows
        return {p: rows[p][s - 1].value for p, s in seqs.items() if s <= len(rows.get(p, ()))}

    async def read(self, after: Mapping[int, int], limits: PageLimits) -> Page:
        await self._faults.strike("read")
        self._database.reads.append(dict(after))
        left = {lane: self._database.rows[lane][seq:] for lane, seq in after.items()}
        taken = {lane: rows[: limits.rows] for lane, rows in left.items() if rows}
        return Page(
            [LaneRows(lane, lane, rows) for lane, rows in taken.items()],
            full=any(len(rows) < len(left[lane]) for lane, rows in taken.items()),
        )

    async def advance(self, published: Mapping[int, int]) -> frozenset[int]:
        await self._faults.strike("advance")
        free = published.keys() - self._database.locked
        for lane in free:
            self._database.published[lane] = max(published[lane], self._database.published[lane])
        return frozenset(free)


@dataclass
class World:
    """What relays work in. A relay of each name has its own lease; all share the rest."""

    topic: Topic = field(default_factory=Topic)
    database: Database = field(default_factory=Database)
    faults: Faults = field(default_factory=Faults)
    limits: PageLimits = field(default_factory=lambda: PageLimits(rows=3))

    def __post_init__(self) -> None:
        self.database.pin(self.topic.partitions)

    def ports(self, holder: str = "one") -> RelayPorts:
        @asynccontextmanager
        async def outbox(wake: Callable[[], None]) -> AsyncIterator[MemoryOutbox]:
            self.database.listeners.append(wake)
            try:
                yield MemoryOutbox(self.database, holder, self.faults)
            finally:
                self.database.listeners.remove(wake)

        @asynccontextmanager
        async def publisher() -> AsyncIterator[MemoryPublisher]:
            yield MemoryPublisher(self.topic, self.faults)

        return RelayPorts(outbox, publisher, self.limits)

    def published(self, partition: int) -> list[int]:
        return [seq for _, seq in self.topic.log[partition]]

    def all_published(self) -> bool:
        rows = self.database.rows
        return all(len(self.published(lane)) >= len(rows[lane]) for lane in rows)
