"""What the intake asks of the input topics and tells its surroundings."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Batch, Partition
from card_fulfillment.pipeline.effects import Effects


class Fetched(NamedTuple):
    """Records in partition order, with the position that each partition's first one continues.

    assignment: counts the assignments; records of an earlier one are not ours any more.
    deadly: workers died of them again and again: nobody is to read them.
    """

    records: list[Record]
    starts: Mapping[Partition, int]
    assignment: int
    deadly: bool = False


class SourceUnavailable(Exception):
    """The input topics cannot be read just now."""


class Source(Protocol):
    """The input topics, as far as they are assigned to this instance."""

    async def fetch(self, most: int) -> Fetched:
        """The next records, so many at most; may block, and comes back without any now and then.

        Raises SourceUnavailable or StoreUnavailable to be called again later, InputRecreated for
        good.
        """
        ...

    def is_current(self, assignment: int) -> bool: ...

    def rewind(self) -> None:
        """Go back to the stored positions before the next fetch."""
        ...

    def holding(self) -> AbstractAsyncContextManager[None]:
        """While it is held, giving partitions away waits a little."""
        ...

    def applied(self, positions: Mapping[Partition, int]) -> None:
        """Tell that all before these offsets is done. Never blocks; advisory."""
        ...


class Applying(Protocol):
    async def apply(self, batch: Batch, now: int) -> Effects:
        """Apply the batch exactly once, or not at all. `now`: the worker's clock, microseconds.

        Raises PositionLost, Contended, StoreUnavailable, and any of UNAPPLICABLE.
        """
        ...


class Observer(Protocol):
    """What the edges log and count of the intake: see `reporting.IntakeReporter`."""

    def batch_applied(self, batch: Batch, effects: Effects, seconds: float) -> None: ...

    def fetch_failed(self, error: Exception, *, again_in: float) -> None: ...

    def batch_failed(self, error: Exception, *, again_in: float) -> None: ...

    def record_failed(self, record: Record, error: Exception) -> None:
        """A record cannot be applied, and is quarantined."""
        ...


@dataclass
class IntakeStatus:
    """What the intake has done since the process began.

    fetches: turns of the loop that fetches. tries: of applying a batch or a part of one.
    applying: how many are tried just now.
    """

    fetches: int = 0
    tries: int = 0
    applying: int = 0

    @property
    def pulse(self) -> tuple[int, int]:
        """Changes as long as the intake lives: with each try, and between tries with each fetch."""
        return (self.tries, -1 if self.applying else self.fetches)
