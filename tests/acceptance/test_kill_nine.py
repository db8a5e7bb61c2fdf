"""A worker that is killed again and again, at any moment, under load."""

import asyncio
import random
from typing import Final

from .books import EndState
from .workload import Load, events
from .world import CARDS, World

SEED: Final = 7
KILLS: Final = 20
_PORTION: Final = CARDS // KILLS
_EVENTS_A_SECOND: Final = 1000
_STARTING: Final = 1.6  # seconds from the first instruction to the first transaction, about
_RUNNING: Final = 0.3


async def live_and_die(world: World, chance: random.Random) -> str:
    """Run a worker and kill it: as it starts, or soon after it has done something that shows."""
    before = await world.progress()
    worker = world.worker()
    phase = chance.choices(("starting", "taken", "published"), weights=(8, 6, 6))[0]
    if phase != "starting":
        which = ("taken", "published").index(phase)

        async def has_moved() -> bool:
            return (await world.progress())[which] > before[which]

        await world.until(has_moved, worker)
    delay = chance.uniform(0, _STARTING if phase == "starting" else _RUNNING)
    await asyncio.sleep(delay)
    await worker.kill()
    return f"{phase} + {delay:.3f} s: {before} -> {await world.progress()}"


async def test_twenty_kills_lose_repeat_and_reorder_nothing(
    world: World, undisturbed: EndState
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - to be repeated, not to be secret
    load: Load = world.load()
    deaths = []
    for number in range(KILLS):
        portion = events(_PORTION, first=number * _PORTION)
        feeding = asyncio.create_task(load.produce(portion, rate=_EVENTS_A_SECOND))
        deaths.append(await live_and_die(world, chance))
        await feeding
    await world.until_drained(load, world.worker())
    assert await world.verdict(range(CARDS), given=undisturbed) == [], "\n".join(deaths)
