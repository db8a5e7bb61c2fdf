"""Records that are fetched and decoded ahead of their turn, while others are applied."""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from card_fulfillment.messages.envelope import Record, RefusalReason
from card_fulfillment.pipeline.batch import Batch, Decoded, Move, Partition, last_records
from card_fulfillment.pipeline.decode import Decoder
from card_fulfillment.pipeline.failpoints import failpoint
from card_fulfillment.pipeline.intake_ports import (
    Fetched,
    IntakeStatus,
    Observer,
    Source,
    SourceUnavailable,
)
from card_fulfillment.pipeline.pauses import pauses
from card_fulfillment.pipeline.ports import StoreUnavailable

# Of values: a batch of the largest records would fill the memory.
_MOST_BYTES: Final = 8 * 1_048_576
_DEADLY: Final = RefusalReason.WORKER_DIED, "workers died again and again when they had it in hand"
# Decoding gives way to others on the event loop this often.
_SLICE: Final = 100


class InHand(NamedTuple):
    batch: Batch
    assignment: int


class Ahead:
    """Fills one batch, until that is taken.

    most: records of a full batch. on_more: called whenever some were added.
    """

    def __init__(
        self, source: Source, decoder: Decoder, most: int, on_more: Callable[[], None]
    ) -> None:
        self._source, self._decoder = source, decoder
        self._most, self._on_more = most, on_more
        self._space = asyncio.Event()
        self._waiting = InHand(Batch([], {}), 0)
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._waiting.batch.decoded)

    @property
    def is_full(self) -> bool:
        return len(self) >= self._most or self._bytes >= _MOST_BYTES

    def take(self) -> InHand:
        """All that was added and not taken; may be nothing."""
        taken = self._waiting
        self._begin_anew(taken.assignment)
        self._space.set()
        return taken

    async def run(self, status: IntakeStatus, observer: Observer) -> None:
        """Until cancelled. Raises what is not a passing failure."""
        after_failures = pauses()
        while True:
            status.fetches += 1
            try:
                fetched = await self._source.fetch(self._most - len(self))
            except (SourceUnavailable, StoreUnavailable) as error:
                pause = next(after_failures)
                observer.fetch_failed(error, again_in=pause)
                await asyncio.sleep(pause)
                continue
            after_failures = pauses()
            if fetched.records:
                await self._add(fetched)

    async def _add(self, fetched: Fetched) -> None:
        if fetched.deadly:
            decoded = [self._decoder.refused(each, *_DEADLY) for each in fetched.records]
        else:
            decoded = await self._decoded(fetched.records)
        failpoint("intake.decoded")
        if fetched.assignment != self._waiting.assignment:
            self._begin_anew(fetched.assignment)
        self._waiting.batch.extend(decoded, _moves(fetched))
        self._bytes += sum(len(record.value or b"") for record in fetched.records)
        self._on_more()
        if self.is_full:
            self._space.clear()
            await self._space.wait()

    def _begin_anew(self, assignment: int) -> None:
        self._waiting, self._bytes = InHand(Batch([], {}), assignment), 0

    async def _decoded(self, records: list[Record]) -> list[Decoded]:
        decoded: list[Decoded] = []
        for low in range(0, len(records), _SLICE):
            decoded += map(self._decoder, records[low : low + _SLICE])
            await asyncio.sleep(0)
        return decoded


def _moves(fetched: Fetched) -> dict[Partition, Move]:
    last = last_records(fetched.records)
    return {p: Move(fetched.starts[p], record.offset + 1, record) for p, record in last.items()}
