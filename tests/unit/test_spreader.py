"""The fan-out at work: woken by what is committed, ticking, and not stopped by what fails."""

import asyncio
import time
from typing import Final, cast

from card_fulfillment.domain.bulk import Bulk
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.fan_out import FanOut
from card_fulfillment.pipeline.ports import Contended
from card_fulfillment.pipeline.spreader import Spreader

_WITHIN: Final = 10.0
_SOON: Final = 0.01
_LATER: Final = 3600.0
_NOW: Final = 7
NEWS: Final = Effects(bulks={"b0": Bulk(), "b1": Bulk(last_number=2, spread_number=1)})


def of(bulk_id: str) -> Effects:
    return Effects(bulks={bulk_id: Bulk()})


class Work:
    """Does in turn what there is to do, and notes what the spreader tells. left: chunks, errors."""

    def __init__(self, *left: Effects | Exception, ticks: int) -> None:
        self.left, self.ticks = list(left), ticks
        self.told: list[str] = []
        self.done = asyncio.Event()

    async def spread_one(self, now: int) -> Effects | None:
        assert now == _NOW
        if not self.left:
            if self.ticks <= 0:
                self.done.set()
            return None
        found = self.left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    async def tick_one(self, now: int) -> Effects | None:
        assert now == _NOW
        self.ticks -= 1
        return of("b9") if self.ticks >= 0 else None

    def spread(self, effects: Effects, _seconds: float) -> None:
        self.told += (f"spread {bulk_id}" for bulk_id in effects.bulks)

    def ticked(self, effects: Effects, _seconds: float) -> None:
        self.told += (f"ticked {bulk_id}" for bulk_id in effects.bulks)

    def failed(self, error: Exception, *, again_in: float) -> None:
        self.told.append(f"{type(error).__name__} {again_in}")


class _Steps:
    def __init__(self, work: Work) -> None:
        self.spread, self.tick = work.spread_one, work.tick_one


async def performed(work: Work, tick: float, news: Effects) -> list[str]:
    spreader = Spreader(cast("FanOut", _Steps(work)), tick, lambda: _NOW, work)
    running = asyncio.ensure_future(spreader.run())
    spreader.look_at(news)
    await asyncio.wait_for(work.done.wait(), _WITHIN)
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    return work.told


async def test_it_is_woken_by_news_and_goes_on_until_nothing_is_left() -> None:
    work = Work(of("b1"), of("b2"), ticks=0)
    assert await performed(work, _LATER, NEWS) == ["spread b1", "spread b2"]


async def test_what_others_left_is_found_at_the_next_tick_and_counts_are_told_then() -> None:
    work = Work(of("b1"), ticks=2)
    told = await performed(work, _SOON, Effects())
    assert told == ["spread b1", "ticked b9", "ticked b9"]


async def test_a_tick_that_is_due_comes_before_what_is_left_to_spread() -> None:
    class Slow(Work):
        async def spread_one(self, now: int) -> Effects | None:
            await asyncio.sleep(3 * _SOON)
            return await super().spread_one(now)

    work = Slow(of("b1"), of("b2"), of("b3"), ticks=2)
    told = await performed(work, _SOON, NEWS)
    assert told.index("ticked b9") < told.index("spread b3")


async def test_all_that_is_left_goes_on_right_after_the_tick() -> None:
    class SlowAtFirst(Work):
        async def spread_one(self, now: int) -> Effects | None:
            if not self.told:
                await asyncio.sleep(1.2 * tick)
            return await super().spread_one(now)

    tick = 0.5
    chunks = [of(f"b{n}") for n in range(30)]
    told = await performed(SlowAtFirst(*chunks, ticks=1), tick, NEWS)
    assert told == ["spread b0", "spread b1", "ticked b9", *(f"spread b{n}" for n in range(2, 30))]


async def test_one_tick_tells_the_counts_of_all() -> None:
    assert await performed(Work(ticks=50), 0.3, Effects()) == ["ticked b9"] * 50


async def test_whatever_fails_is_told_tried_again_later_and_later_and_stops_nothing() -> None:
    work = Work(Contended("locked"), KeyError("b1"), of("b2"), Contended("locked"), ticks=0)
    began = time.monotonic()
    told = await performed(work, _LATER, NEWS)
    assert time.monotonic() - began >= 0.05 + 0.1 + 0.05
    assert told == ["Contended 0.05", "KeyError 0.1", "spread b2", "Contended 0.05"]


async def test_who_is_cancelled_in_the_very_moment_in_which_it_is_woken_ends() -> None:
    work = Work(ticks=0)
    spreader = Spreader(cast("FanOut", _Steps(work)), _LATER, lambda: _NOW, work)
    running = asyncio.ensure_future(spreader.run())
    await asyncio.sleep(_SOON)
    spreader.look_at(NEWS)
    await asyncio.sleep(0)  # what waits for the news has them, and the spreader not yet
    running.cancel()
    assert await asyncio.wait([running], timeout=_WITHIN) == ({running}, set())
    assert running.cancelled()
