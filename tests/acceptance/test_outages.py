"""Postgres and Kafka go away under a worker and come back: it waits, and goes on by itself."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import pytest

from card_fulfillment.devstack import Stack
from stack import database_of

from .books import EndState
from .worker_process import WorkerProcess
from .world import World

_RESUMES_WITHIN: Final = 30.0
_FROZEN_SECONDS: Final = 30.0
_SLOWLY: Final = 100.0  # events a second: what comes meanwhile waits in the producer


@pytest.fixture
async def lasting(world: World, embedded: Stack) -> World:  # noqa: ARG001 - servers of ours
    """An installation whose database keeps what it committed: the tests' own server need not."""
    await world.fetch(f'ALTER DATABASE "{database_of(world.dsn)}" SET synchronous_commit = on')
    return world


@asynccontextmanager
async def postgres_away(stack: Stack) -> AsyncIterator[None]:
    await asyncio.to_thread(stack.postgres.stop, "immediate")
    try:
        yield
    finally:
        await asyncio.to_thread(stack.postgres.start)


@asynccontextmanager
async def kafka_away(stack: Stack) -> AsyncIterator[None]:
    await asyncio.to_thread(stack.kafka.kill)
    try:
        yield
    finally:
        await asyncio.to_thread(stack.kafka.start)


@asynccontextmanager
async def kafka_restarted(stack: Stack) -> AsyncIterator[None]:
    await asyncio.to_thread(stack.kafka.stop)
    try:
        yield
    finally:
        await asyncio.to_thread(stack.kafka.start)


@asynccontextmanager
async def kafka_frozen(stack: Stack) -> AsyncIterator[None]:
    frozen = stack.kafka.pid
    os.kill(frozen, signal.SIGSTOP)
    try:
        await asyncio.sleep(_FROZEN_SECONDS)
        yield
    finally:
        os.kill(frozen, signal.SIGCONT)


async def until_it_publishes_more(world: World, worker: WorkerProcess) -> None:
    before = (await world.progress())[1]

    async def does() -> bool:
        return (await world.progress())[1] > before

    await world.until(does, worker, within=_RESUMES_WITHIN)


async def test_outages_of_both_under_load_delay_the_work_and_change_nothing(
    lasting: World, embedded: Stack, undisturbed: EndState
) -> None:
    load = lasting.load()
    worker = lasting.worker()
    feed = lasting.feed(load)
    await until_it_publishes_more(lasting, worker)
    async with postgres_away(embedded):
        pass
    await until_it_publishes_more(lasting, worker)
    async with kafka_away(embedded):
        pass
    await until_it_publishes_more(lasting, worker)
    assert feed.running, "the load ended before the last outage did"
    cards = await feed.enough()
    await lasting.until_drained(load, worker)
    assert await lasting.verdict(cards, given=undisturbed) == []


async def test_a_broker_that_restarts_in_order_or_freezes_for_half_a_minute_costs_time_only(
    lasting: World, embedded: Stack, undisturbed: EndState
) -> None:
    load = lasting.load()
    worker = lasting.worker()
    feed = lasting.feed(load, rate=_SLOWLY)
    for away in (kafka_restarted, kafka_frozen):
        await until_it_publishes_more(lasting, worker)
        async with away(embedded):
            pass
    await until_it_publishes_more(lasting, worker)
    assert feed.running, "the load ended before the last fault did"
    cards = await feed.enough()
    await lasting.until_drained(load, worker)
    assert await lasting.verdict(cards, given=undisturbed) == []


@pytest.mark.parametrize("away", [postgres_away, kafka_away])
async def test_a_worker_stops_in_time_while_a_server_is_away(
    lasting: World, embedded: Stack, away: Callable[[Stack], AbstractAsyncContextManager[None]]
) -> None:
    worker = lasting.worker()
    await lasting.until(lambda: lasting.is_up(worker), worker)
    async with away(embedded):
        worker.send(signal.SIGTERM)
        assert await worker.ended(10) == 0, worker.output
