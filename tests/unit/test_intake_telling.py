"""What the intake tells of what it does, and that each track has an applier of its own."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from installation import MOST, Installation, seeded
from virtual_time import run_virtually

from card_fulfillment.messages.pan_guard import PanGuard
from card_fulfillment.pipeline.batch import Batch, Partition
from card_fulfillment.pipeline.decode import Decoder
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.intake import Intake

_TRACKS: Final = 3


class Witnessed(Installation):
    """Keeps what it is told, and how far giving partitions away is put off."""

    def __init__(self, records: int) -> None:
        super().__init__(seeded(5), records)
        self.done: dict[Partition, int] = {}
        self.spread: list[Effects] = []
        self.written: list[Effects] = []
        self.held = 0

    @asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1

    async def _apply(self, batch: Batch) -> Effects:
        assert self.held == self.transactions
        effects = await super()._apply(batch)
        self.written.append(effects)
        return effects

    def applied(self, positions: Mapping[Partition, int]) -> None:
        super().applied(positions)
        self.done |= positions


class OneAtATime:
    """An applier, as one with a connection: it cannot apply two batches at once."""

    def __init__(self, world: Witnessed) -> None:
        self._world, self._busy = world, False

    async def apply(self, batch: Batch, now: int) -> Effects:
        assert not self._busy
        self._busy = True
        try:
            return await self._world.apply(batch, now)
        finally:
            self._busy = False


def intake_of(world: Witnessed) -> Intake:
    decoder = Decoder({"a": lambda _: (), "b": lambda _: ()}, PanGuard((), {}, 1000), 1000)
    appliers = [OneAtATime(world) for _ in range(_TRACKS)]
    return Intake(world, decoder, appliers, lambda: 0, world, world.spread.append)


def test_all_that_is_committed_is_told_once() -> None:
    async def story() -> Witnessed:
        world = Witnessed(20_000)
        intake = intake_of(world)
        await intake.run(world.stop, MOST)
        assert intake.status.applying == 0
        assert intake.status.tries == len(world.written)
        return world

    world = run_virtually(story())
    assert world.side_by_side == _TRACKS
    assert world.told["applied"] == len(world.written)
    assert Counter(map(id, world.spread)) == Counter(map(id, world.written))
    assert world.done == world.stored


def test_an_intake_that_tries_for_long_is_not_seen_to_live_by_its_fetches() -> None:
    class Hanging(Witnessed):
        async def _apply(self, batch: Batch) -> Effects:
            await asyncio.sleep(100)
            return await super()._apply(batch)

    async def story() -> list[tuple[int, int]]:
        world = Hanging(100)
        intake = intake_of(world)
        running = asyncio.create_task(intake.run(world.stop, MOST))
        pulses = []
        for _ in range(3):
            await asyncio.sleep(20)
            pulses.append(intake.status.pulse)
        running.cancel()
        await asyncio.wait([running])
        return pulses

    (before, *after) = run_virtually(story())
    assert after == [before, before]
    assert before[0] > 0
