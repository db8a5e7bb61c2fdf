"""The intake loop: one batch in hand, the next being fetched and decoded meanwhile."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.batch import Batch, Decoded, Move, Partition
from card_fulfillment.pipeline.decode import Decoder
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.failpoints import failpoint
from card_fulfillment.pipeline.ports import Contended, PositionLost, StoreUnavailable

# Decoding gives way to others on the event loop this often.
_SLICE: Final = 100
# Of fewer records a part of a batch costs more than it gains.
_WORTH_A_TRANSACTION: Final = 250
# Seconds between two tries of a batch while the store is away.
_FIRST_DELAY: Final = 0.05
_LONGEST_DELAY: Final = 2.0


class Fetched(NamedTuple):
    """Records in partition order, with the position that each partition's first one continues.

    assignment: counts the assignments; records of an earlier one are not ours any more.
    """

    records: list[Record]
    starts: Mapping[Partition, int]
    assignment: int


class SourceUnavailable(Exception):
    """The input topics cannot be read just now."""


class Source(Protocol):
    """The input topics, as far as they are assigned to this instance."""

    async def fetch(self) -> Fetched:
        """The next records; may block, and comes back without any now and then.

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


class Observer(Protocol):
    """What the edges log and count."""

    def batch_applied(self, batch: Batch, effects: Effects, seconds: float) -> None: ...

    def fetch_failed(self, error: Exception, *, again_in: float) -> None: ...

    def batch_failed(self, error: Exception, *, again_in: float) -> None: ...


@dataclass
class IntakeStatus:
    """What the intake has done since the process began.

    fetches: turns of the loop that fetches. tries: of applying a batch. applying: one is in hand.
    """

    fetches: int = 0
    tries: int = 0
    applying: bool = False

    @property
    def pulse(self) -> tuple[int, int]:
        """Changes as long as the intake gets on, or can wait for something in good conscience."""
        return (self.tries, -1 if self.applying else self.fetches)


class InHand(NamedTuple):
    batch: Batch
    assignment: int


class Intake:
    def __init__(
        self,
        source: Source,
        decoder: Decoder,
        appliers: Sequence[Applier],
        clock: Callable[[], int],
        observer: Observer,
        spread: Callable[[Effects], None] = lambda _: None,
    ) -> None:
        """Each applier takes a part of a large batch: one waits while another decides.

        spread: told what was committed, for what is left to be done of bulks.
        """
        self._source, self._decoder, self._appliers = source, decoder, appliers
        self._clock, self._observer, self._spread = clock, observer, spread
        self.status = IntakeStatus()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; the batch in hand is finished.

        Raises what is not a passing failure.
        """
        stopped = asyncio.create_task(stop.wait())
        ahead = asyncio.create_task(self._next())
        try:
            while not stop.is_set():
                await asyncio.wait({ahead, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if not ahead.done():
                    return
                in_hand = ahead.result()
                ahead = asyncio.create_task(self._next())
                self.status.applying = True
                applied = await self._apply_all(in_hand, stop)
                self.status.applying = False
                if not applied:
                    await _cancel(ahead)
                    self._source.rewind()
                    ahead = asyncio.create_task(self._next())
        finally:
            await _cancel(ahead)
            await _cancel(stopped)

    async def _next(self) -> InHand:
        fetched = await self._fetch()
        decoded: list[Decoded] = []
        for low in range(0, len(fetched.records), _SLICE):
            decoded += [self._decoder(r) for r in fetched.records[low : low + _SLICE]]
            await asyncio.sleep(0)
        failpoint("intake.decoded")
        return InHand(Batch(decoded, _moves(fetched)), fetched.assignment)

    async def _fetch(self) -> Fetched:
        delay = _FIRST_DELAY
        while True:
            self.status.fetches += 1
            try:
                fetched = await self._source.fetch()
            except (SourceUnavailable, StoreUnavailable) as error:
                self._observer.fetch_failed(error, again_in=delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY)
            else:
                if fetched.records:
                    return fetched
                delay = _FIRST_DELAY

    async def _apply_all(self, in_hand: InHand, stop: asyncio.Event) -> bool:
        """False where a position is elsewhere: what was fetched ahead is to be dropped."""
        parts = in_hand.batch.parts(len(self._appliers), _WORTH_A_TRANSACTION)
        hands = [InHand(part, in_hand.assignment) for part in parts]
        work = [
            asyncio.create_task(self._apply(hand, applier, stop))
            for hand, applier in zip(hands, self._appliers, strict=False)
        ]
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_EXCEPTION)
            return all(task.result() for task in work if task.done())
        finally:
            for task in work:
                await _cancel(task)

    async def _apply(self, in_hand: InHand, applier: Applier, stop: asyncio.Event) -> bool:
        delay = _FIRST_DELAY
        while self._source.is_current(in_hand.assignment):
            began = time.monotonic()
            self.status.tries += 1
            try:
                async with self._source.holding():
                    effects = await applier.apply(in_hand.batch, self._clock())
            except PositionLost:
                return False
            except (StoreUnavailable, Contended) as error:
                self._observer.batch_failed(error, again_in=delay)
                if await _stopped_within(stop, delay):
                    return True
                delay = min(delay * 2, _LONGEST_DELAY)
            else:
                failpoint("intake.committed")
                self._done(in_hand, effects, time.monotonic() - began)
                return True
        return True

    def _done(self, in_hand: InHand, effects: Effects, seconds: float) -> None:
        moves = in_hand.batch.moves
        self._source.applied({p: move.next_offset for p, move in moves.items()})
        self._observer.batch_applied(in_hand.batch, effects, seconds)
        self._spread(effects)


def _moves(fetched: Fetched) -> dict[Partition, Move]:
    last = {Partition(r.topic, r.partition): r for r in fetched.records}
    return {p: Move(fetched.starts[p], record.offset + 1, record) for p, record in last.items()}


async def _stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
