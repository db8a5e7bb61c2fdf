import asyncio
import os
import signal
from collections.abc import AsyncIterator

import psutil
import pytest
from relay_services import (
    DEADLINE,
    Setup,
    leave_hanging,
    process,
    running,
    said,
    seqs,
    setup,
    until,
    verify_partitions_of_transactions,
)

from card_fulfillment.devstack import Stack
from card_fulfillment.pipeline.relay import RelayState
from card_fulfillment.pipeline.relay_ports import PageLimits
from stack import Services


@pytest.fixture
async def world(stack: Services, dsn: str, prefix: str) -> AsyncIterator[Setup]:
    async with setup(stack.bootstrap, dsn, prefix) as prepared:
        yield prepared


async def test_lost_database_connections_cost_time_only(world: Setup) -> None:
    for partition in world.lanes:
        await world.add(partition, 1_000)
    relay = world.relay(limits=PageLimits(rows=50))
    async with running(relay):
        for goal in (200, 800, 1_600):
            await until(lambda goal=goal: sum(relay.status.positions.values()) > goal)  # type: ignore[misc]  # a default binds the loop's value
            await world.database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name LIKE '%relay%' AND datname = current_database()"
            )
        await until(lambda: sum(relay.status.positions.values()) == 3_000)
    assert all(seqs(found) == list(range(1, 1_001)) for found in (await world.output()).values())


async def test_a_broker_that_is_killed_and_comes_back_costs_time_only(
    world: Setup, embedded: Stack
) -> None:
    for partition in world.lanes:
        await world.add(partition, 1_500)
    relay = world.relay(limits=PageLimits(rows=50))
    async with running(relay):
        await until(lambda: sum(relay.status.positions.values()) > 300)
        await asyncio.to_thread(embedded.kafka.kill)
        await until(lambda: relay.status.state is RelayState.RETRYING)
        await asyncio.to_thread(embedded.kafka.start)
        await until(lambda: sum(relay.status.positions.values()) == 4_500)
    assert all(seqs(found) == list(range(1, 1_501)) for found in (await world.output()).values())


@pytest.mark.parametrize(
    "fate",
    [
        {"FAILPOINT": "relay.after_init:1:kill9"},
        {"FAILPOINT": "relay.after_produce:2:kill9"},
        {"DIE_AT_END": "2"},
        {"FAILPOINT": "relay.after_commit:2:kill9"},
    ],
    ids=lambda fate: "".join(fate.values()),
)
async def test_a_worker_killed_at_the_worst_moment_costs_time_only(
    world: Setup, fate: dict[str, str]
) -> None:
    await world.add(0, 500)
    async with process(world, **fate) as victim:
        assert await victim.wait() == -signal.SIGKILL
    relay = world.relay()
    async with running(relay):
        await until(lambda: relay.status.positions.get(world.lanes[0]) == 500)
    assert seqs((await world.output())[0]) == list(range(1, 501))


@pytest.mark.parametrize("failpoint", ["relay.after_init:1", "relay.after_produce:2"])
async def test_a_worker_that_freezes_and_wakes_up_after_its_successor_took_over_changes_nothing(
    world: Setup, failpoint: str
) -> None:
    await world.add(0, 500)
    async with process(world, FAILPOINT=f"{failpoint}:stop") as frozen:
        await until(lambda: psutil.Process(frozen.pid).status() == psutil.STATUS_STOPPED)
        relay = world.relay("successor")
        async with running(relay):
            await until(lambda: relay.status.positions.get(world.lanes[0]) == 500)
            frozen.send_signal(signal.SIGCONT)
            assert await said(frozen, "waiting_for_lease")
            await world.add(0, 5)
            await until(lambda: relay.status.positions.get(world.lanes[0]) == 505)
    assert seqs((await world.output())[0]) == list(range(1, 506))


async def test_a_transaction_that_takes_longer_than_kafka_allows_is_done_again(
    world: Setup,
) -> None:
    await world.add(0, 500)
    async with process(world, FAILPOINT="relay.after_produce:3:sleep=6") as slow:
        assert await said(slow, "publishing")
        assert await said(slow, "publishing")
        await until_published(world, 500)
    assert seqs((await world.output())[0]) == list(range(1, 501))


async def until_published(world: Setup, seq: int) -> None:
    async with asyncio.timeout(DEADLINE):
        while (await world.published_seqs())[0] < seq:  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.05)


async def test_a_stop_while_the_broker_is_frozen_takes_seconds_and_leaves_nothing_running(
    world: Setup, embedded: Stack
) -> None:
    clock = asyncio.get_running_loop().time
    before = asyncio.all_tasks()
    await world.add(0, 3_000)
    interrupted = world.relay(limits=PageLimits(rows=50))
    async with running(interrupted):
        await until(lambda: interrupted.status.published > 300)
        os.kill(embedded.kafka.pid, signal.SIGSTOP)
        await asyncio.sleep(0.1)  # so that a transaction is under way
        stopping = clock()
    took = clock() - stopping
    os.kill(embedded.kafka.pid, signal.SIGCONT)
    assert 1 < took < 5
    assert asyncio.all_tasks() == before
    relay = world.relay()
    async with running(relay):
        await until(lambda: relay.status.positions.get(world.lanes[0]) == 3_000)
    assert seqs((await world.output())[0]) == list(range(1, 3_001))


async def test_a_stop_while_the_database_is_frozen_takes_seconds_and_leaves_nothing_running(
    world: Setup, embedded: Stack
) -> None:
    clock = asyncio.get_running_loop().time
    before = asyncio.all_tasks()
    await world.add(0, 3_000)
    relay = world.relay(limits=PageLimits(rows=50))
    async with running(relay):
        await until(lambda: relay.status.published > 300)
        servers = await servers_of(world)
        for server in servers:
            os.kill(server, signal.SIGSTOP)
        stopping = clock()
    took = clock() - stopping
    for server in servers:
        os.kill(server, signal.SIGCONT)
    assert embedded.postgres.running
    assert took < 5
    assert asyncio.all_tasks() == before


async def servers_of(world: Setup) -> list[int]:
    """Give the process ids of the relay's two connections."""
    rows = await world.database.fetch(
        "SELECT pid FROM pg_stat_activity "
        "WHERE application_name LIKE '%relay%' AND datname = current_database()"
    )
    assert len(rows) == 2
    return [row["pid"] for row in rows]


async def test_a_transaction_of_its_own_that_kafka_forgot_to_end_is_ended(world: Setup) -> None:
    """Brokers look whether a partition is in the transaction, but for this: they had forgotten."""
    await world.add(0, 5)
    await verify_partitions_of_transactions(world.options, yes=False)
    try:
        await leave_hanging(world, partition=0)
    finally:
        await verify_partitions_of_transactions(world.options, yes=True)
    relay = world.relay()
    async with running(relay):
        await until(lambda: relay.status.positions.get(world.lanes[0]) == 5)
    assert seqs((await world.output())[0]) == list(range(1, 6))
