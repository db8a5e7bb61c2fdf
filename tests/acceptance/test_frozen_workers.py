"""A worker freezes at the worst moment: another overtakes it soon, and its waking changes nothing.

The session timeout is that of production.
"""

import asyncio
import signal
from collections.abc import Mapping
from typing import Final

import psutil
import pytest

from .audit import group_is_shared
from .books import EndState
from .worker_process import WorkerProcess
from .world import World

_SESSION_SECONDS: Final = 6.0
_OVERTAKEN_WITHIN: Final = _SESSION_SECONDS + 3.0
_SESSION: Final = f"PT{_SESSION_SECONDS:g}S"


async def pair(world: World, failpoint: str) -> tuple[WorkerProcess, WorkerProcess]:
    """One that will freeze, and another; the relay is the one that a failpoint is about."""
    first, second = ("", failpoint) if failpoint.startswith("intake") else (failpoint, "")
    one = world.worker(first, KAFKA__SESSION_TIMEOUT=_SESSION)
    await world.until(lambda: world.is_up(one), one)
    other = world.worker(second, KAFKA__SESSION_TIMEOUT=_SESSION)
    await world.until(lambda: group_is_shared(world.bootstrap, world.group, 2), one, other)
    return (one, other) if first else (other, one)


async def until_frozen(process: WorkerProcess) -> None:
    async with asyncio.timeout(30):
        while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)


async def until_all_moved(world: World, *living: WorkerProcess) -> None:
    """Wait until records of every partition were taken, and until something was published."""
    before, (_, published_before) = await positions(world), await world.progress()

    async def moved() -> bool:
        now, (_, published) = await positions(world), await world.progress()
        all_taken = all(now[partition] > taken for partition, taken in before.items())
        return all_taken and published > published_before

    await world.until(moved, *living, within=_OVERTAKEN_WITHIN)


async def positions(world: World) -> Mapping[tuple[str, int], int]:
    found = await world.fetch("SELECT topic, partition, next_offset FROM input_position")
    return {(topic, partition): offset for topic, partition, offset in found}


@pytest.mark.parametrize(
    "failpoint", ["intake.decoded:9", "intake.written:9", "relay.after_produce:9"]
)
async def test_a_frozen_worker_is_overtaken_within_its_session_and_three_seconds(
    world: World, undisturbed: EndState, failpoint: str
) -> None:
    victim, other = await pair(world, f"{failpoint}:stop")
    load = world.load()
    feed = world.feed(load)
    await until_frozen(victim)
    await until_all_moved(world, other)
    victim.send(signal.SIGCONT)
    await world.until(lambda: group_is_shared(world.bootstrap, world.group, 2), victim, other)
    await until_all_moved(world, victim, other)
    assert feed.running, "the load ended before the frozen one was back"
    cards = await feed.enough()
    await world.until_drained(load, victim, other)
    assert await world.verdict(cards, given=undisturbed) == []
