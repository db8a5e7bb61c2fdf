"""The intake loop: batches are applied on several tracks, the next one is decoded meanwhile."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from card_fulfillment.messages.envelope import RefusalReason, Refused
from card_fulfillment.pipeline.ahead import Ahead, InHand
from card_fulfillment.pipeline.batch import Batch, Decoded
from card_fulfillment.pipeline.decode import Decoder
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.failpoints import failpoint
from card_fulfillment.pipeline.intake_ports import Applying, IntakeStatus, Observer, Source
from card_fulfillment.pipeline.pauses import pauses
from card_fulfillment.pipeline.ports import (
    UNAPPLICABLE,
    Contended,
    PositionLost,
    StoreUnavailable,
    why_unapplicable,
)
from card_fulfillment.pipeline.tracks import Tracks

# A server ends transactions that take too long: what failed so often after so many seconds is
# applied in halves, or it would fail for ever.
_SLOW: Final = 2.0
_SLOW_FAILURES: Final = 2
# A lone record that failed so often so slowly, while the server was quick otherwise, is refused.
_SLOW_ALONE: Final = 3
_TOO_SLOW: Final = "the database ended its transaction again and again: it takes too long"

_FAILED: Final = RefusalReason.APPLYING_FAILED
# So many in a row are no fault of theirs.
_MOST_IN_A_ROW: Final = 10

# Of fewer records a part of a batch costs more than it gains.
_WORTH_A_TRANSACTION: Final = 250
# A stop waits so long for transactions under way, then rolls them back.
_ENDS_WITHIN: Final = 3.0


class _TooSlow(Exception):
    """The server ended it because of its time, again and again."""


class Intake:
    """One instance's share of the input topics, applied."""

    def __init__(
        self,
        source: Source,
        decoder: Decoder,
        appliers: Sequence[Applying],
        clock: Callable[[], int],
        observer: Observer,
        spread: Callable[[Effects], None] = lambda _: None,
    ) -> None:
        """Each applier has a track of its own: one waits while another decides.

        spread: told what was committed, for what is left to be done of bulks.
        """
        self._source, self._decoder, self._appliers = source, decoder, appliers
        self._clock, self._observer, self._spread = clock, observer, spread
        self.status = IntakeStatus()
        self._failed_in_a_row = 0

    async def run(self, stop: asyncio.Event, most: int) -> None:
        """Until `stop` is set; what is being applied then is finished.

        most: records in a batch. Raises what is not a passing failure.
        """
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                await self._take_in(stopped, most)
        finally:
            await _cancel(stopped)

    async def _take_in(self, stopped: asyncio.Task[Any], most: int) -> None:
        """Until stopped, or until a position is elsewhere: then all that was fetched is dropped."""
        news = asyncio.Event()
        tracks = Tracks(len(self._appliers), news.set)
        ahead = Ahead(self._source, self._decoder, most, news.set)
        fetching = asyncio.create_task(ahead.run(self.status, self._observer))
        ends: Sequence[asyncio.Future[Any]] = (stopped, tracks.trouble, fetching)
        for end in ends:
            end.add_done_callback(lambda _: news.set())
        try:
            while not any(end.done() for end in ends):
                self._hand_out(ahead, tracks)
                news.clear()
                await news.wait()
            await _cancel(fetching)  # first: what is fetched after the rewind must not be dropped
            self._source.rewind()  # what still waits for its turn is not current any more
            await tracks.end(stopped, _ENDS_WITHIN)
            for failed in (tracks.trouble, fetching):
                if failed.done() and not failed.cancelled():
                    failed.result()
        finally:
            await _cancel(fetching)
            await tracks.cancel()

    def _hand_out(self, ahead: Ahead, tracks: Tracks) -> None:
        """A full batch follows on each track without waiting for the others.

        Less waits for company as long as anything is under way, and goes as a whole where it is
        little.
        """
        most = tracks.count if ahead.is_full else 1
        if not len(ahead) or tracks.under_way >= most:
            return
        batch, assignment = ahead.take()
        if len(batch.decoded) < tracks.count * _WORTH_A_TRANSACTION:
            whole = InHand(batch, assignment)
            tracks.put(range(tracks.count), partial(self._apply, whole, self._appliers[0]))
            return
        for track, part in batch.parts(tracks.count).items():
            hand = InHand(part, assignment)
            tracks.put([track], partial(self._apply, hand, self._appliers[track]))

    async def _apply(self, in_hand: InHand, applier: Applying) -> bool:
        """False where a position is elsewhere: what was fetched after it is to be dropped.

        What cannot be applied as a whole is applied in halves, down to the record that is to blame.
        """
        while True:
            try:
                return await self._apply_whole(in_hand, applier)
            except (_TooSlow, *UNAPPLICABLE) as error:
                if len(in_hand.batch.decoded) > 1:
                    return await self._apply_halves(in_hand, applier)
                refusal, is_slow = self._refusal(in_hand, error), isinstance(error, _TooSlow)
                if not is_slow or await self._is_written(refusal, applier):
                    self._failed_in_a_row += 1
                    self._observer.record_failed(refusal.batch.decoded[0].record, error)
                    return is_slow or await self._apply_whole(refusal, applier)

    async def _apply_whole(self, in_hand: InHand, applier: Applying) -> bool:
        """Try until it is done, or is better tried in parts. A lone record is tried twice.

        Nothing is done, and that is no trouble, where its partitions are not ours any more.
        """
        after_failures, slow, failed = pauses(), 0, 0
        is_one = len(in_hand.batch.decoded) == 1
        patience = _SLOW_ALONE if is_one else _SLOW_FAILURES
        while self._source.is_current(in_hand.assignment):
            began = time.monotonic()
            try:
                effects = await self._try(in_hand, applier)
            except PositionLost:
                return False
            except (StoreUnavailable, Contended) as error:
                was_slow = time.monotonic() - began > _SLOW
                pause = next(after_failures)
                self._observer.batch_failed(error, again_in=pause)
                slow += was_slow and (
                    not is_one or await self._is_to_blame(in_hand, applier, error)
                )
                # A lone one is judged at once: after a pause the server may be better.
                await asyncio.sleep(0 if is_one and slow >= patience else pause)
                if slow >= patience:
                    raise _TooSlow from error
            except UNAPPLICABLE:
                failed += 1
                if not is_one or failed > 1:
                    raise
            else:
                failpoint("intake.committed")
                self._done(in_hand, effects, time.monotonic() - began)
                return True
        return True

    async def _is_to_blame(self, in_hand: InHand, applier: Applying, error: Exception) -> bool:
        """Whether a lone record is slow, and not the server, which is asked to do nothing.

        Nor whoever holds its locks. What is refused already is not refused again.
        """
        if isinstance(error, Contended) or _has_failed(in_hand.batch.decoded[0]):
            return False
        began = time.monotonic()
        try:
            await applier.apply(Batch([], {}), self._clock())
        except (StoreUnavailable, Contended):
            return False
        return time.monotonic() - began <= _SLOW

    async def _apply_halves(self, in_hand: InHand, applier: Applying) -> bool:
        for half in in_hand.batch.halves():
            if not await self._apply(InHand(half, in_hand.assignment), applier):
                return False
        return True

    def _refusal(self, in_hand: InHand, error: Exception) -> InHand:
        """A record that fails alone is quarantined. Raises the error where it is not to blame."""
        (decoded,) = in_hand.batch.decoded
        if _has_failed(decoded) or self._failed_in_a_row >= _MOST_IN_A_ROW:
            raise error
        message = _TOO_SLOW if isinstance(error, _TooSlow) else why_unapplicable(error)
        refused = self._decoder.refused(decoded.record, _FAILED, message)
        return InHand(Batch([refused], in_hand.batch.moves), in_hand.assignment)

    async def _is_written(self, refusal: InHand, applier: Applying) -> bool:
        """A slow record's, in one try: a server that does not even write this is to blame."""
        began = time.monotonic()
        try:
            effects = await self._try(refusal, applier)
        except (PositionLost, StoreUnavailable, Contended):
            return False  # what comes of the record itself is told when it is tried again
        self._done(refusal, effects, time.monotonic() - began)
        return True

    async def _try(self, in_hand: InHand, applier: Applying) -> Effects:
        self.status.tries += 1
        self.status.applying += 1
        try:
            async with self._source.holding():
                return await applier.apply(in_hand.batch, self._clock())
        finally:
            self.status.applying -= 1

    def _done(self, in_hand: InHand, effects: Effects, seconds: float) -> None:
        moves = in_hand.batch.moves
        if not any(letter.reason is _FAILED for letter in effects.dead_letters):
            self._failed_in_a_row = 0
        self._source.applied({p: move.next_offset for p, move in moves.items()})
        self._observer.batch_applied(in_hand.batch, effects, seconds)
        self._spread(effects)


def _has_failed(decoded: Decoded) -> bool:
    return any(isinstance(each, Refused) and each.reason is _FAILED for each in decoded.elements)


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
