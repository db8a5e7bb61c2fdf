"""What the relay asks of the outside, and the values that go between them.

Every method may block on the network for as long as its contract says and raises

- `Unavailable`: the other side did not do it, or it is not known whether it did; a new connection
  and another try may work;
- `OutputRefused`: Kafka said no to this very content, and will until somebody changes something.

Anything else is a defect, which the relay reports and tries again as well, seldom.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol

from card_fulfillment.domain.value import Value


class Unavailable(Exception):
    """Not done, or nobody knows whether; the message says by whom and why."""


class OutputRefused(Exception):
    """Kafka will not take what the outbox holds; the message is its reason."""


class Row(Value):
    """One change, as it is stored: `headers` as `messages.headers` reads them."""

    __match_args__ = ("seq", "key", "headers", "value")

    def __init__(self, seq: int, key: str | None, headers: str, value: bytes) -> None:
        self.seq: Final = seq
        self.key: Final = key
        self.headers: Final = headers
        self.value: Final = value


@dataclass(frozen=True)
class LaneRow:
    """An output partition and its counters, as the database has them."""

    lane: int
    partition: int
    last_seq: int
    published_seq: int


@dataclass(frozen=True)
class LaneRows:
    """The next rows of one lane, in order of seq."""

    lane: int
    partition: int
    rows: Sequence[Row]


@dataclass(frozen=True)
class Page:
    """The next rows of some lanes. `full`: there is more to read at once."""

    lanes: Sequence[LaneRows] = ()
    full: bool = False

    @property
    def rows(self) -> int:
        return sum(len(lane.rows) for lane in self.lanes)


@dataclass(frozen=True)
class Tail:
    """The end of an output partition.

    `first_offset` is where its log begins now (above 0: records were deleted); `lane`, `seq` and
    `value` are those of its last committed record, None where it holds no record.
    """

    first_offset: int
    lane: int | None = None
    seq: int | None = None
    value: bytes | None = None


@dataclass(frozen=True)
class PageLimits:
    """How much one page holds over all lanes, and so one Kafka transaction."""

    rows: int = 2_000
    value_bytes: int = 2_097_152


class Outbox(Protocol):
    """The changes of one output topic. `read` may run beside any one of the other methods."""

    async def take_lease(self) -> bool:
        """Take the topic's lease for three seconds more. False: another has it."""
        ...

    async def release_lease(self) -> None:
        """Give the lease back if it is held; best effort, within a second, never raises."""
        ...

    async def lanes(self) -> Sequence[LaneRow]:
        """Return the topic's lanes; none before they were pinned."""
        ...

    async def pin(self, partitions: int) -> Sequence[LaneRow]:
        """Return the topic's lanes; without any, one for each partition is made first."""
        ...

    async def values(self, seqs: Mapping[int, int]) -> Mapping[int, bytes]:
        """Return the value of one change of each lane, where it is there. `seqs`: by lane."""
        ...

    async def read(self, after: Mapping[int, int], limits: PageLimits) -> Page:
        """Return what follows in each lane, committed rows only. `after`: seq by lane.

        A lane with more than its share gets its share, and at least one row.
        """
        ...

    async def advance(self, published: Mapping[int, int]) -> frozenset[int]:
        """Raise published_seq of the lanes that nobody locks just now; returns those lanes."""
        ...


class Publisher(Protocol):
    """A transactional producer that lives as long as nothing is in doubt."""

    async def start(self) -> None:
        """Fence every predecessor. When it returns, their transactions are decided for good."""
        ...

    async def tails(self) -> Mapping[int, Tail]:
        """Return the end of every partition, as consumers see it. Only after `start`."""
        ...

    async def publish(self, lanes: Sequence[LaneRows]) -> None:
        """Write all of it or nothing, in order. When it raises, which of both is unknown.

        After it raised or was cancelled this publisher is worth nothing but to be closed.
        """
        ...


@dataclass(frozen=True)
class RelayPorts:
    """How the relay opens what it works with; leaving a context closes it, within a second or two.

    `outbox` gets a function to call, from the event loop, whenever there may be new changes.
    """

    outbox: Callable[[Callable[[], None]], AbstractAsyncContextManager[Outbox]]
    publisher: Callable[[], AbstractAsyncContextManager[Publisher]]
    limits: PageLimits = field(default_factory=PageLimits)
