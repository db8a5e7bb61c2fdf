"""Two workers of one group under load, of which one dies or freezes in the middle."""

import signal

from .audit import group_is_shared
from .books import EndState
from .worker_process import WorkerProcess
from .world import World


async def working_pair(world: World) -> tuple[WorkerProcess, WorkerProcess]:
    """Two that share the partitions; the first one is the relay."""
    one = world.worker()
    await world.until(lambda: world.is_up(one), one)
    other = world.worker()
    await world.until(lambda: group_is_shared(world.bootstrap, world.group, 2), one, other)
    return one, other


async def until_both_did_something(world: World) -> None:
    before = await world.progress()

    async def they_did() -> bool:
        taken, published = await world.progress()
        return taken > before[0] + 100 and published > before[1] + 100

    await world.until(they_did, *world.processes)


async def test_one_of_two_is_killed_and_the_other_takes_over(
    world: World, undisturbed: EndState
) -> None:
    relay, other = await working_pair(world)
    load = world.load()
    feed = world.feed(load)
    await until_both_did_something(world)
    await relay.kill()
    await world.until(lambda: world.is_up(other), other)
    cards = await feed.enough()
    await world.until_drained(load, other)
    assert await world.verdict(cards, given=undisturbed) == []


async def test_one_of_two_freezes_and_wakes_when_the_other_has_taken_over(
    world: World, undisturbed: EndState
) -> None:
    relay, other = await working_pair(world)
    load = world.load()
    feed = world.feed(load)
    await until_both_did_something(world)
    relay.send(signal.SIGSTOP)
    await world.until(lambda: world.is_up(other), other)
    await until_both_did_something(world)
    relay.send(signal.SIGCONT)
    cards = await feed.enough()
    await world.until_drained(load, relay, other)
    assert await world.verdict(cards, given=undisturbed) == []
