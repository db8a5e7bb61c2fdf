"""The intake between topics that are read anew and a store that fails: all of it once, in order."""

import asyncio
from random import Random
from typing import Final
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from installation import MOST, PARTITIONS, Installation, seeded
from virtual_time import run_virtually

from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.messages.envelope import Refused
from card_fulfillment.messages.pan_guard import PanGuard
from card_fulfillment.pipeline import ahead, intake
from card_fulfillment.pipeline.batch import Batch, Decoded
from card_fulfillment.pipeline.decode import Decoder
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.intake import Intake
from card_fulfillment.pipeline.intake_ports import Fetched
from card_fulfillment.pipeline.ports import PositionLost, StoreUnavailable, Unstorable

_TRACKS: Final = 2
_MOST_IN_A_ROW: Final = 10


def intake_of(world: Installation) -> Intake:
    decoder = Decoder({"a": lambda _: (), "b": lambda _: ()}, PanGuard((), {}, 1000), 1000)
    return Intake(world, decoder, [world] * _TRACKS, lambda: 0, world)


async def taken_in(rng: Random, records: int, *, trouble: int = 0) -> Installation:
    world = Installation(rng, records, trouble=trouble)
    async with asyncio.timeout(3600):
        await intake_of(world).run(world.stop, MOST)
    return world


@example(seed=13547, records=3106, trouble=30)  # what was fetched after a rewind was dropped
@given(st.integers(0, 2**32), st.integers(1, 8000), st.sampled_from([0, 0, 3, 30]))
def test_every_record_is_taken_once_and_in_the_order_of_its_partition(
    seed: int, records: int, trouble: int
) -> None:
    world = run_virtually(taken_in(seeded(seed), records, trouble=trouble))
    assert world.is_done
    for partition, offsets in world.taken.items():
        assert offsets == list(range(world.stored[partition]))


@given(st.integers(0, 2**32), st.integers(1, 8000), st.sampled_from([3, 30]))
def test_what_fails_slowly_is_applied_in_halves_once_and_in_order(
    seed: int, records: int, trouble: int
) -> None:
    with patch.object(intake, "_SLOW", -1.0):  # whatever fails
        world = run_virtually(taken_in(seeded(seed), records, trouble=trouble))
    assert world.is_done
    for partition, offsets in world.taken.items():
        assert offsets == list(range(world.stored[partition]))


@pytest.mark.parametrize(("slow", "most"), [(-1.0, 70), (3600.0, MOST)])
def test_only_what_fails_after_a_long_time_is_cut(slow: float, most: int) -> None:
    """A batch that no server has the patience for would be tried for ever."""

    class Impatient(Installation):
        async def _apply(self, batch: Batch) -> Effects:
            if len(batch.decoded) > most:
                raise StoreUnavailable
            return await super()._apply(batch)

    async def story() -> Installation:
        world = Impatient(seeded(4), 3000)
        async with asyncio.timeout(3600):
            await intake_of(world).run(world.stop, MOST)
        return world

    with patch.object(intake, "_SLOW", slow):
        world = run_virtually(story())
    assert world.is_done
    assert most / 2 < max(world.sizes) <= most


class Poisoned(Installation):
    """Some records cannot be applied, whoever is in a batch with them, unless they are refused."""

    def __init__(self, rng: Random, records: int, *, trouble: int, poison: float) -> None:
        super().__init__(rng, records, trouble=trouble)
        places = [(p.topic, p.partition, o) for p in PARTITIONS for o in range(self.ends[p])]
        self.poison = {place for place in places if rng.random() < poison}
        self.refused: list[tuple[str, int, int]] = []

    async def _apply(self, batch: Batch) -> Effects:
        fine = [each for each in batch.decoded if not each.elements]
        if not self.poison.isdisjoint(map(_place, fine)):
            raise self.rng.choice([Unstorable(), ValueError(), KeyError(), OverflowError()])
        effects = await super()._apply(batch)
        for record, elements in ((each.record, each.elements) for each in batch.decoded):
            refused = [each for each in elements if isinstance(each, Refused)]
            effects.dead_letters += [DeadLetter.of(record, each) for each in refused]
            self.refused += [_place(Decoded(record, ())) for _ in refused]
        return effects


def _place(decoded: Decoded) -> tuple[str, int, int]:
    record = decoded.record
    return record.topic, record.partition, record.offset


@given(st.integers(0, 2**32), st.integers(1, 4000), st.sampled_from([0, 3]))
def test_a_record_that_cannot_be_applied_is_refused_alone(
    seed: int, records: int, trouble: int
) -> None:
    async def story() -> Poisoned:
        world = Poisoned(seeded(seed), records, trouble=trouble, poison=0.002)
        async with asyncio.timeout(3600):
            await intake_of(world).run(world.stop, MOST)
        return world

    world = run_virtually(story())
    assert world.is_done
    for partition, offsets in world.taken.items():
        assert offsets == list(range(world.stored[partition]))
    assert set(world.refused) <= world.poison
    assert trouble or sorted(world.refused) == sorted(world.poison)  # else another took some


def test_where_all_records_fail_they_are_not_to_blame() -> None:
    async def story() -> Poisoned:
        world = Poisoned(seeded(6), 3000, trouble=0, poison=1.0)
        running = asyncio.create_task(intake_of(world).run(world.stop, MOST))
        await asyncio.wait([running])
        assert isinstance(running.exception(), (Unstorable, ValueError, KeyError, OverflowError))
        return world

    world = run_virtually(story())
    assert len(world.refused) == _MOST_IN_A_ROW


def test_a_backlog_is_applied_side_by_side_and_a_few_records_as_a_whole() -> None:
    backlog = run_virtually(taken_in(seeded(1), 20_000))
    assert backlog.side_by_side == _TRACKS
    assert max(backlog.sizes) <= MOST
    few = run_virtually(taken_in(seeded(1), 400))
    assert (few.side_by_side, sum(few.sizes)) == (1, 400)
    assert min(few.sizes) > len(PARTITIONS) / 4


def test_a_batch_is_full_with_so_many_bytes_too() -> None:
    with patch.object(ahead, "_MOST_BYTES", 600 * len(b"{}")):
        world = run_virtually(taken_in(seeded(1), 20_000))
    assert world.is_done
    assert max(world.sizes) <= (600 + 400 * len(PARTITIONS)) / 2  # less than a fetch more, in two


def test_what_comes_while_a_few_records_are_applied_waits_and_is_applied_together() -> None:
    class Dripping(Installation):
        """Ten records at a time, in less time than one transaction takes."""

        async def fetch(self, most: int) -> Fetched:
            await asyncio.sleep(0.1)
            return await super().fetch(min(most, 10))

        async def pass_time(self) -> None:
            pass

        async def _apply(self, batch: Batch) -> Effects:
            await asyncio.sleep(1)
            return await super()._apply(batch)

    async def story() -> list[int]:
        world = Dripping(seeded(4), 60)
        await intake_of(world).run(world.stop, MOST)
        return world.sizes

    assert run_virtually(story()) == [10, 50]


def test_what_waits_for_its_turn_when_the_intake_stops_is_left_to_the_next_one() -> None:
    class Held(Installation):
        """One track stands still, and what follows on it waits; the other one goes on."""

        async def _apply(self, batch: Batch) -> Effects:
            if any(p.partition % _TRACKS == 0 for p in batch.moves):
                await free.wait()
            return await super()._apply(batch)

    free = asyncio.Event()

    async def story() -> Installation:
        world = Held(seeded(2), 20_000)
        running = asyncio.create_task(intake_of(world).run(world.stop, MOST))
        await asyncio.sleep(1)
        before = len(world.sizes)
        world.stop.set()
        await asyncio.sleep(0.1)
        free.set()
        await running
        assert not +world.at_work
        assert len(world.sizes) == before + 1
        return world

    world = run_virtually(story())
    for partition, offsets in world.taken.items():
        assert offsets == list(range(world.stored[partition]))


def test_an_intake_that_has_nothing_to_do_is_seen_to_live() -> None:
    async def story() -> list[tuple[int, int]]:
        world = Installation(seeded(1), 0)
        intake = intake_of(world)
        running = asyncio.create_task(intake.run(world.stop, MOST))
        pulses = []
        for _ in range(3):
            await asyncio.sleep(2)
            pulses.append(intake.status.pulse)
        world.stop.set()
        await running
        return pulses

    assert len(set(run_virtually(story()))) == 3


class Frozen(Installation):
    """The database does not answer, but to the track that may have lost its positions."""

    lost: bool

    async def _apply(self, batch: Batch) -> Effects:
        self.begun.set()
        if self.lost and any(p.partition % _TRACKS for p in batch.moves):
            raise PositionLost
        await asyncio.sleep(3600)
        return Effects()


@pytest.mark.parametrize("lost", [False, True])
def test_a_stop_does_not_wait_for_a_database_that_does_not_answer(*, lost: bool) -> None:
    """Also where the intake waits for it already, to begin anew."""

    async def story() -> float:
        world = Frozen(seeded(3), 3000)
        world.lost = lost
        running = asyncio.create_task(intake_of(world).run(world.stop, MOST))
        await world.begun.wait()
        await asyncio.sleep(1)
        world.stop.set()
        clock = asyncio.get_running_loop().time
        began = clock()
        await running
        return clock() - began

    assert run_virtually(story()) < 5


def test_a_defect_ends_the_intake_with_its_error() -> None:
    class Broken(Installation):
        async def _apply(self, batch: Batch) -> Effects:
            raise ZeroDivisionError(len(batch.decoded))

    async def story() -> None:
        world = Broken(seeded(3), 100)
        await intake_of(world).run(world.stop, MOST)

    with pytest.raises(ZeroDivisionError):
        run_virtually(story())
