"""Whose turn it is to publish, for how long, and that a relay is seen to live meanwhile."""

import asyncio
from collections.abc import Callable

import pytest
from relay_memory import Fault, Faults, World
from relay_running import running, until, virtually
from virtual_time import run_virtually

from card_fulfillment.pipeline.relay import Relay, RelayState


@virtually
async def test_a_relay_keeps_its_turn_as_long_as_it_lives() -> None:
    """Else two fence each other in turns."""
    world = World()
    async with running(world, "first", "second") as relays:
        for _ in range(60):
            world.database.add(0)
            await asyncio.sleep(1)
        assert {relay.status.state for relay in relays} == {
            RelayState.PUBLISHING,
            RelayState.WAITING_FOR_LEASE,
        }
        assert world.topic.starts == 1


@virtually
async def test_a_relay_keeps_its_turn_while_it_starts() -> None:
    world = World(faults=Faults({"tails": [Fault.HANGS]}))
    async with running(world, "first", "second"):
        await until(lambda: world.topic.starts == 1)
        await asyncio.sleep(9.5)
        assert world.topic.starts == 1


@virtually
async def test_the_turn_of_a_relay_that_died_is_over_soon() -> None:
    world = World()
    world.database.holder = ("dead", 3.0)
    async with running(world) as [relay]:
        await until(lambda: relay.status.state is RelayState.PUBLISHING)
        assert 3 < asyncio.get_running_loop().time() < 4.1


@virtually
async def test_another_whose_turn_it_is_is_no_failure_and_is_told_once() -> None:
    world = World()
    seen: list[RelayState] = []
    relay = Relay(world.ports(), observe=lambda status: seen.append(status.state))
    stop = asyncio.Event()
    task = asyncio.create_task(relay.run(stop))
    await until(lambda: relay.status.state is RelayState.PUBLISHING)
    world.database.holder = ("another", 1e9)
    await until(lambda: relay.status.state is RelayState.WAITING_FOR_LEASE)
    await asyncio.sleep(10)
    stop.set()
    await task
    assert seen == [
        RelayState.STARTING,
        RelayState.PUBLISHING,
        RelayState.WAITING_FOR_LEASE,
        RelayState.STOPPED,
    ]


@pytest.mark.parametrize("call", ["lanes", "tails", "pin", "values"])
def test_a_relay_that_was_slow_takes_what_its_successor_did_for_no_loss(call: str) -> None:
    async def scenario() -> None:
        world = World(faults=Faults({call: [Fault.SLOW]}))
        async with running(world, "slow") as [slow]:
            await until(lambda: world.topic.starts == 1)
            await asyncio.sleep(0.01)
            world.database.holder = ("", 0.0)
            async with running(world, "successor"):
                world.database.add(0)
                await asyncio.sleep(0.45)
                assert world.database.published[0] == 1
                await asyncio.sleep(5)
            assert slow.status.alarm is None
            world.database.add(0)
            await until(world.all_published)
        assert world.published(0) == [1, 2]

    run_virtually(scenario())


@virtually
async def test_what_is_published_of_a_lane_that_was_locked_is_recorded_later() -> None:
    world = World()
    world.database.locked = {0}
    world.database.add(0)
    world.database.add(1)
    async with running(world):
        await until(lambda: world.database.published[1] == 1)
        await asyncio.sleep(1)
        assert world.database.published[0] == 0
        world.database.locked = set()
        await asyncio.sleep(0.5)
        assert world.database.published[0] == 1


@virtually
async def test_what_was_published_without_an_answer_is_recorded_too() -> None:
    world = World(faults=Faults({"publish": [Fault.AFTER]}))
    world.database.add(0)
    async with running(world):
        await until(world.all_published)
        await asyncio.sleep(1)
        assert world.topic.starts == 2
        assert world.database.published[0] == 1


@virtually
async def test_a_relay_is_seen_to_live_whatever_it_waits_for() -> None:
    idle = World()
    another = World()
    another.database.holder = ("another", 1e9)
    failing = World(faults=Faults({"take_lease": [Fault.BEFORE] * 100}))
    for world in (idle, another, failing):
        async with running(world) as [relay]:
            await asyncio.sleep(30)
            before = relay.status.turns
            await asyncio.sleep(6)
            assert relay.status.turns > before


@virtually
async def test_a_relay_stops_at_once_where_nothing_is_under_way() -> None:
    idle = World()
    another = World()
    another.database.holder = ("another", 1e9)
    failing = World(faults=Faults({"take_lease": [Fault.BEFORE] * 100}))
    for world in (idle, another, failing):
        assert await _seconds_of_a_stop(world) < 0.1


async def _seconds_of_a_stop(world: World) -> float:
    clock: Callable[[], float] = asyncio.get_running_loop().time
    async with running(world):
        await asyncio.sleep(31.3)
        before = clock()
    return clock() - before
