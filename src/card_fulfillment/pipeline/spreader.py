"""The fan-out at work beside the intake: woken by what the intake commits, and now and then."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.fan_out import FanOut
from card_fulfillment.pipeline.pauses import pauses

_Step = Callable[[int], Awaitable[Effects | None]]
_Tell = Callable[[Effects, float], None]


class SpreadObserver(Protocol):
    """What the edges log and count of the fan-out: see `reporting.SpreadReporter`."""

    def spread(self, effects: Effects, seconds: float) -> None: ...

    def ticked(self, effects: Effects, seconds: float) -> None: ...

    def failed(self, error: Exception, *, again_in: float) -> None: ...


class Spreader:
    """tick: seconds between publications of counts. clock: microseconds since the epoch."""

    def __init__(
        self, fan_out: FanOut, tick: float, clock: Callable[[], int], observer: SpreadObserver
    ) -> None:
        self._fan_out, self._tick, self._clock, self._observer = fan_out, tick, clock, observer
        self._work = asyncio.Event()
        self._after_failures = pauses()

    def look_at(self, effects: Effects) -> None:
        """Wake up where a committed transaction left something to spread."""
        if any(bulk.lags for bulk in effects.bulks.values()):
            self._work.set()

    async def run(self) -> None:
        """Until cancelled. What other processes left is found at the next tick."""
        while True:
            due = time.monotonic() + self._tick
            while (left := due - time.monotonic()) > 0:
                if await self._woken_within(left):
                    await self._spread(due)
            await self._spread(due)
            await self._do_all(self._fan_out.tick, self._observer.ticked, due + self._tick)

    async def _spread(self, due: float) -> None:
        await self._do_all(self._fan_out.spread, self._observer.spread, due)

    async def _woken_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._work.wait()
        except TimeoutError:
            return False
        self._work.clear()
        return True

    async def _do_all(self, step: _Step, tell: _Tell, due: float) -> None:
        """Step by step until nothing is left; a tick that is due comes first.

        Whatever fails is tried again, and another bulk has its turn first: one that cannot be
        spread must not stop the others, nor the intake.
        """
        while True:
            began = time.monotonic()
            try:
                effects = await step(self._clock())
            except Exception as error:  # noqa: BLE001 - an alarm tells of a bulk that does not get on
                await self._pause_after(error)
            else:
                self._after_failures = pauses()
                if effects is None:
                    return
                tell(effects, time.monotonic() - began)
            if time.monotonic() > due:
                self._work.set()
                return
            await asyncio.sleep(0)

    async def _pause_after(self, error: Exception) -> None:
        pause = next(self._after_failures)
        self._observer.failed(error, again_in=pause)
        await asyncio.sleep(pause)
