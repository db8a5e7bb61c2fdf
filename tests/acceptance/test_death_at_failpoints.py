"""Death at each instant at which something is done here and not yet there."""

import asyncio
import signal
from typing import Final

from .books import EndState
from .workload import events
from .world import World

_DEATHS: Final = (
    "intake.decoded:2:kill9",
    "intake.written:2:kill9",
    "intake.committed:2:kill9",
    "relay.after_init:2:kill9",
    "relay.after_produce:1:kill9",
    "relay.after_commit:1:kill9",
)
_PORTION: Final = 60
_EVENTS_A_SECOND: Final = 300


async def test_a_worker_that_dies_at_any_failpoint_is_succeeded_without_a_trace(
    world: World, undisturbed: EndState
) -> None:
    load = world.load()
    for number, death in enumerate(_DEATHS):
        portion = events(_PORTION, first=number * _PORTION)
        feeding = asyncio.create_task(load.produce(portion, rate=_EVENTS_A_SECOND))
        worker = world.worker(death)
        assert await worker.ended() == -signal.SIGKILL, f"{death}:\n{worker.output}"
        await feeding
    await world.until_drained(load, world.worker())
    cards = range(_PORTION * len(_DEATHS))
    assert await world.verdict(cards, given=undisturbed) == []
