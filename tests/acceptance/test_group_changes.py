"""Workers come and go, and the group shares the partitions anew, while there is work."""

import asyncio
import signal
from typing import Final

import asyncpg

from .audit import group_is_shared
from .books import EndState
from .worker_process import WorkerProcess
from .world import World

_ROUNDS: Final = 6
_ROUND_SECONDS: Final = 2.0
_LOCKED_SECONDS: Final = 2.5  # longer than it takes the group to share anew


async def test_workers_that_join_and_leave_every_two_seconds_end_where_one_would(
    world: World, undisturbed: EndState
) -> None:
    members = [world.worker()]
    await world.until(lambda: world.is_up(members[0]), *members)
    load = world.load()
    feed = world.feed(load)
    progress = [await world.progress()]
    for number in range(_ROUNDS):
        members.append(world.worker())
        await asyncio.sleep(_ROUND_SECONDS)
        await _leave(members.pop(0), abruptly=number % 2 == 1)
        progress.append(await world.progress())
    assert progress[-1][0] > progress[0][0]
    assert progress[-1][1] > progress[0][1]
    assert feed.running, "the load ended before the coming and going did"
    cards = await feed.enough()
    await world.until_drained(load, *members)
    assert await world.verdict(cards, given=undisturbed) == []


async def _leave(worker: WorkerProcess, *, abruptly: bool) -> None:
    if abruptly:
        await worker.kill()
    else:
        worker.send(signal.SIGTERM)
        assert await worker.ended(10) == 0, worker.output


async def test_partitions_change_hands_while_a_transaction_waits_for_a_lock(
    world: World, undisturbed: EndState
) -> None:
    one = world.worker()
    await world.until(lambda: world.is_up(one), one)
    load = world.load()
    feed = world.feed(load)
    await world.until(lambda: _has_taken(world, 300), one)
    holder = await asyncpg.connect(world.dsn)
    try:
        async with holder.transaction():
            await holder.execute("SELECT FROM lane ORDER BY lane FOR UPDATE")
            other = world.worker()
            shared = group_is_shared
            await world.until(lambda: shared(world.bootstrap, world.group, 2), one, other)
            await asyncio.sleep(_LOCKED_SECONDS)
    finally:
        await holder.close()
    taken = (await world.progress())[0]
    await world.until(lambda: _has_taken(world, taken + 300), one, other)
    cards = await feed.enough()
    await world.until_drained(load, one, other)
    assert await world.verdict(cards, given=undisturbed) == []


async def _has_taken(world: World, records: int) -> bool:
    return (await world.progress())[0] >= records


async def test_a_worker_whose_event_loop_hangs_is_put_out_of_the_group_and_comes_back(
    world: World, undisturbed: EndState
) -> None:
    other = world.worker()
    await world.until(lambda: world.is_up(other), other)
    hanging = world.worker("intake.decoded:9:sleep=6")
    await world.until(lambda: group_is_shared(world.bootstrap, world.group, 2), other, hanging)
    load = world.load()
    feed = world.feed(load)
    await world.until(lambda: group_is_shared(world.bootstrap, world.group, 1), other, hanging)
    taken = (await world.progress())[0]
    await world.until(lambda: _has_taken(world, taken + 300), other)
    await world.until(lambda: group_is_shared(world.bootstrap, world.group, 2), other, hanging)
    taken = (await world.progress())[0]
    await world.until(lambda: _has_taken(world, taken + 300), other, hanging)
    cards = await feed.enough()
    await world.until_drained(load, other, hanging)
    assert await world.verdict(cards, given=undisturbed) == []
