"""How much there is to do yet, as it is measured now and then, beside the work."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from card_fulfillment.pipeline.batch import Partition


class InputBacklog(NamedTuple):
    """What is not applied yet of one partition.

    position: the offset up to which all is applied. lag: offsets after it that can be read.
    oldest: timestamp of the first record after it, microseconds; none where it is not fetched yet.
    withheld: offsets behind an open transaction of whoever writes to the topic.
    """

    partition: Partition
    position: int
    lag: int
    oldest: int | None
    withheld: int


class OutputBacklog(NamedTuple):
    """What is not published yet of one topic. oldest_seconds: 0 where everything is."""

    topic: str
    published: int
    waiting: int
    oldest_seconds: float


class BulkBacklog(NamedTuple):
    """A bulk issuance with something left to be done.

    lags: whether members lack what was said of it; else counts are to be published.
    written: changes with everything that is written of it.
    """

    bulk_id: str
    lags: bool
    written: str


class Census(NamedTuple):
    """What the database holds, of the whole installation. letters: open ones, by reason.

    parked: facts that wait and were not told of yet; past_deadline: those that were.
    bulks: at most some thousands of those with something left to be done.
    """

    outputs: Sequence[OutputBacklog]
    letters: Mapping[str, int]
    parked: int
    past_deadline: int
    bulks: Sequence[BulkBacklog] = ()


class Measured(Protocol):
    """The input topics of this instance, as far as they can be measured."""

    @property
    def joined(self) -> bool:
        """Whether the group ever gave it partitions, or told it that there are none to spare."""
        ...

    @property
    def is_member(self) -> bool:
        """Whether the group counts on it just now."""
        ...

    @property
    def in_doubt(self) -> int:
        """How many partitions are taken one record after the other, because workers died there."""
        ...

    async def backlog(self) -> Sequence[InputBacklog]:
        """Of all partitions that are taken from just now.

        Takes seconds at most; raises SourceUnavailable.
        """
        ...

    async def partition_counts(self) -> Mapping[str, int]:
        """Of every topic that is there and may be seen. As `backlog` in time and errors."""
        ...
