"""What the intake tells, what it takes for slow or to blame, and how else it may end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from unittest.mock import patch

import pytest
from installation import MOST, Installation, seeded
from virtual_time import run_virtually

from card_fulfillment.messages.pan_guard import PanGuard
from card_fulfillment.pipeline import intake
from card_fulfillment.pipeline.batch import Batch, Partition
from card_fulfillment.pipeline.decode import Decoder
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.intake import Intake
from card_fulfillment.pipeline.intake_ports import Fetched
from card_fulfillment.pipeline.ports import StoreUnavailable
from card_fulfillment.pipeline.positions import InputRecreated

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
        taking = intake_of(world)
        await taking.run(world.stop, MOST)
        assert taking.status.applying == 0
        assert taking.status.tries == len(world.written)
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
        taking = intake_of(world)
        running = asyncio.create_task(taking.run(world.stop, MOST))
        pulses = []
        for _ in range(3):
            await asyncio.sleep(20)
            pulses.append(taking.status.pulse)
        running.cancel()
        await asyncio.wait([running])
        return pulses

    (before, *after) = run_virtually(story())
    assert after == [before, before]
    assert before[0] > 0


def test_topics_that_can_never_be_read_again_end_the_intake_with_the_reason() -> None:
    class Recreated(Witnessed):
        async def fetch(self, most: int) -> Fetched:
            if self.written:
                await asyncio.sleep(1)
                raise InputRecreated
            return await super().fetch(most)

    async def story() -> None:
        world = Recreated(20_000)
        async with asyncio.timeout(60):
            await intake_of(world).run(world.stop, MOST)

    with pytest.raises(InputRecreated):
        run_virtually(story())


def test_an_intake_that_is_cancelled_leaves_nothing_at_work() -> None:
    async def story() -> None:
        world = Witnessed(20_000)
        running = asyncio.create_task(intake_of(world).run(world.stop, MOST))
        await world.begun.wait()
        assert world.held > 0
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()
        assert world.held == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtually(story())


def test_what_follows_a_few_records_waits_for_them_on_every_track() -> None:
    class FewFirst(Witnessed):
        rewinds = 0

        async def fetch(self, most: int) -> Fetched:
            fetched = await super().fetch(most if self.begun.is_set() else 10)
            self.begun.set()
            return fetched

        async def _apply(self, batch: Batch) -> Effects:
            if len(batch.decoded) == 10:
                await asyncio.sleep(30)
            return await super()._apply(batch)

        def rewind(self) -> None:
            self.rewinds += 1
            super().rewind()

    async def story() -> FewFirst:
        world = FewFirst(20_000)
        await intake_of(world).run(world.stop, MOST)
        return world

    world = run_virtually(story())
    assert (world.sizes[0], world.is_done) == (10, True)
    assert world.rewinds == 1  # when it ended


@pytest.mark.parametrize(
    ("records", "slow", "failures", "pieces"),
    [(100, 3600.0, 5, 1), (100, -1.0, 1, 1), (100, -1.0, 2, 2), (1, -1.0, 5, 1)],
)
def test_only_what_failed_slowly_again_is_cut_and_nothing_is_to_blame(
    records: int, slow: float, failures: int, pieces: int
) -> None:
    class Away(Witnessed):
        left = failures

        async def _apply(self, batch: Batch) -> Effects:
            self.left -= bool(batch.decoded)  # else it was asked whether it answers
            if self.left >= 0:
                raise StoreUnavailable
            return await super()._apply(batch)

    async def story() -> Away:
        world = Away(records)
        await intake_of(world).run(world.stop, MOST)
        assert asyncio.get_running_loop().time() >= 0.05 * (2**failures - 1)
        return world

    with patch.object(intake, "_SLOW", slow):
        world = run_virtually(story())
    assert world.is_done
    assert world.told == {"applied": pieces, "batch": failures}


def test_a_record_that_failed_once_alone_is_not_to_blame_yet() -> None:
    class Once(Witnessed):
        failed = False

        async def _apply(self, batch: Batch) -> Effects:
            if not self.failed:
                self.failed = True
                raise ValueError
            return await super()._apply(batch)

    async def story() -> Once:
        world = Once(1)
        await intake_of(world).run(world.stop, MOST)
        return world

    world = run_virtually(story())
    assert (world.is_done, world.told) == (True, {"applied": 1})


def test_a_record_that_cannot_even_be_refused_is_told_of_once_and_ends_the_intake() -> None:
    class Hopeless(Witnessed):
        async def _apply(self, batch: Batch) -> Effects:
            raise ValueError(len(batch.decoded))

    async def story() -> None:
        world = Hopeless(1)
        with pytest.raises(ValueError, match="1"):
            await intake_of(world).run(world.stop, MOST)
        assert world.told == {"ValueError": 1}

    run_virtually(story())
