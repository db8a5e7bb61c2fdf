"""When a relay publishes: at once, together, and not too early."""

import asyncio
from collections.abc import Mapping
from itertools import pairwise
from unittest.mock import patch

from relay_memory import MemoryOutbox, Topic, World
from relay_running import running, until, virtually

from card_fulfillment.pipeline.relay import RelayState
from card_fulfillment.pipeline.relay_ports import Page, PageLimits


@virtually
async def test_an_idle_relay_publishes_a_new_change_at_once() -> None:
    world = World()
    async with running(world) as [relay]:
        await until(lambda: relay.status.state is RelayState.PUBLISHING)
        await asyncio.sleep(7.77)
        clock = asyncio.get_running_loop().time
        before = clock()
        world.database.add(1)
        await until(world.all_published, poll=0.001)
        assert clock() - before < 0.02


@virtually
async def test_a_change_that_comes_while_the_answer_of_a_look_is_under_way_does_not_wait() -> None:
    read = MemoryOutbox.read

    async def slow(outbox: MemoryOutbox, after: Mapping[int, int], limits: PageLimits) -> Page:
        page = await read(outbox, after, limits)
        await asyncio.sleep(0.1)
        return page

    world = World()
    clock = asyncio.get_running_loop().time
    with patch.object(MemoryOutbox, "read", slow):
        async with running(world) as [relay]:
            await until(lambda: relay.status.state is RelayState.PUBLISHING)
            looks = len(world.database.reads)
            await until(lambda: len(world.database.reads) > looks, poll=0.001)
            before = clock()
            world.database.add(1)
            await until(world.all_published, poll=0.001)
            assert clock() - before < 0.3


@virtually
async def test_an_idle_relay_looks_once_a_second() -> None:
    world = World()
    async with running(world) as [relay]:
        await until(lambda: relay.status.state is RelayState.PUBLISHING)
        world.database.add(1)
        await asyncio.sleep(10)
    assert 10 <= len(world.database.reads) <= 13


@virtually
async def test_few_changes_do_not_wait_for_company() -> None:
    world = World()
    clock = asyncio.get_running_loop().time
    async with running(world) as [relay]:
        await until(lambda: relay.status.state is RelayState.PUBLISHING)
        before = clock()
        for _ in range(10):
            world.database.add(1)
            await until(world.all_published, poll=0.001)
        assert clock() - before < 10 * 0.02


@virtually
async def test_where_many_changes_come_they_share_transactions() -> None:
    world = World(limits=PageLimits(rows=10_000))
    async with running(world):
        for _ in range(30):
            world.database.add(0, 1_000)
            await asyncio.sleep(0.01)
        await until(world.all_published)
    assert world.topic.commits <= 8


@virtually
async def test_kafka_has_a_moment_to_mark_the_end_of_a_transaction_before_the_next_one() -> None:
    world = World()
    world.database.add(0, 12)  # four pages
    async with running(world):
        await until(world.all_published, poll=0.0005)
    times = world.topic.times
    assert len(times) == 4
    apart = [later - earlier for earlier, later in pairwise(times)]
    assert min(apart) >= world.topic.commit_seconds + 0.006
    assert max(apart) < 0.02


@virtually
async def test_a_lost_notification_costs_a_second_at_most() -> None:
    world = World()
    async with running(world) as [relay]:
        await until(lambda: relay.status.state is RelayState.PUBLISHING)
        world.database.listeners.clear()
        world.database.add(1)
        world.database.listeners.append(relay.wake)
        clock = asyncio.get_running_loop().time
        before = clock()
        await until(world.all_published)
        assert clock() - before < 1.1


@virtually
async def test_a_backlog_is_read_while_the_transaction_before_it_is_under_way() -> None:
    world = World(topic=Topic(commit_seconds=1.0))
    world.database.add(0, 30)
    async with running(world):
        await until(lambda: bool(world.database.reads))
        clock = asyncio.get_running_loop().time
        await until(lambda: {0: 3, 1: 0} in world.database.reads)
        assert not world.published(0)
        await until(world.all_published)
        assert clock() < 10 * 1.0 + 1
