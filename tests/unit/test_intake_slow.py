"""A lone record whose transaction no server has the patience for, and what only looks like one."""

import asyncio
from random import Random
from types import SimpleNamespace
from typing import Final, Literal
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from installation import MOST, Installation, seeded
from test_intake import intake_of
from virtual_time import run_virtually

from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.messages.envelope import Refused
from card_fulfillment.pipeline import intake
from card_fulfillment.pipeline.batch import Batch, Decoded
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.ports import Contended, StoreUnavailable

_PATIENCE: Final = 5.0
_Place = tuple[str, int, int]


class Impatient(Installation):
    """The server ends what takes longer than it lets a transaction idle.

    troubled: how long it does so with all that it is asked. at_nothing: then with nothing.
    """

    def __init__(self, rng: Random, records: int, *, slow: float = 0.001) -> None:
        super().__init__(rng, records)
        self.slow = {
            (p.topic, p.partition, offset)
            for p, end in self.ends.items()
            for offset in range(end)
            if rng.random() < slow
        }
        self.troubled = 0.0
        self.at_nothing: Literal["fails", "slow", "quick"] = "fails"
        self.error: Exception = StoreUnavailable("idle for too long")
        self.refused: list[_Place] = []

    async def _apply(self, batch: Batch) -> Effects:
        fine = {_place(each) for each in batch.decoded if not each.elements}
        troubled = asyncio.get_running_loop().time() < self.troubled
        asked_nothing = not batch.decoded
        if (troubled and not (asked_nothing and self.at_nothing == "quick")) or fine & self.slow:
            await asyncio.sleep(_PATIENCE)
            if not asked_nothing or self.at_nothing == "fails":
                raise self.error
        effects = Effects() if not batch.decoded else await super()._apply(batch)
        for decoded in batch.decoded:
            refused = [each for each in decoded.elements if isinstance(each, Refused)]
            effects.dead_letters += [DeadLetter.of(decoded.record, each) for each in refused]
            self.refused += [_place(decoded) for _ in refused]
        return effects


def _place(decoded: Decoded) -> _Place:
    return decoded.record.topic, decoded.record.partition, decoded.record.offset


async def _taken_in(world: Impatient, within: float = 36_000) -> Impatient:
    clock = SimpleNamespace(monotonic=asyncio.get_running_loop().time)
    with patch.object(intake, "time", clock):
        async with asyncio.timeout(within):
            await intake_of(world).run(world.stop, MOST)
    return world


def _assert_all_is_taken(world: Impatient) -> None:
    assert world.is_done
    for partition, offsets in world.taken.items():
        assert offsets == list(range(world.stored[partition]))


@given(st.integers(0, 2**32), st.integers(1, 3000))
def test_a_lone_record_that_is_too_slow_is_refused_and_no_other(seed: int, records: int) -> None:
    world = run_virtually(_taken_in(Impatient(seeded(seed), records)))
    _assert_all_is_taken(world)
    assert sorted(world.refused) == sorted(world.slow)


@pytest.mark.parametrize("at_nothing", ["fails", "slow", "quick"])
def test_a_server_that_is_slow_in_everything_or_in_all_that_it_writes_refuses_no_record(
    at_nothing: Literal["fails", "slow", "quick"],
) -> None:
    world = Impatient(seeded(5), 3, slow=0.0)
    world.at_nothing = at_nothing
    world.troubled = 1100.0
    run_virtually(_taken_in(world, within=3600))
    _assert_all_is_taken(world)
    assert world.refused == []


def test_who_waits_for_the_locks_of_another_is_not_to_blame() -> None:
    world = Impatient(seeded(7), 1, slow=1.0)
    world.error = Contended("somebody has the lock")
    with pytest.raises(TimeoutError):
        run_virtually(_taken_in(world, within=3600))
    assert world.refused == []
