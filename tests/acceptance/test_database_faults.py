"""Postgres ends sessions, crashes, refuses a lock or answers no commit: it costs time only."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import pytest

from card_fulfillment.devstack import Stack
from stack import database_of

from .books import EndState
from .commit_proxy import CommitProxy, Loss
from .worker_process import WorkerProcess
from .world import World

_TERMINATIONS: Final = 16
_CRASHES: Final = 20
_TERMINATE: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'card-fulfillment%'
"""
_WAITING: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'card-fulfillment intake'
  AND wait_event_type = 'Lock'
"""
_LOCKED_CARDS: Final = """
SELECT (SELECT count(*) FROM card) - count(*) FROM (SELECT FROM card FOR UPDATE SKIP LOCKED) AS free
"""


async def until_taken(world: World, more: int, *living: WorkerProcess) -> None:
    goal = (await world.progress())[0] + more

    async def taken() -> bool:
        return (await world.progress())[0] >= goal

    await world.until(taken, *living)


@pytest.fixture
async def lasting(world: World, embedded: Stack) -> World:  # noqa: ARG001 - servers of ours
    """Set up a database that keeps what it committed: the tests' own server need not."""
    await world.fetch(f'ALTER DATABASE "{database_of(world.dsn)}" SET synchronous_commit = on')
    return world


async def test_sessions_that_are_terminated_every_half_second(
    world: World, undisturbed: EndState
) -> None:
    worker, load = world.worker(), world.load()
    feed = world.feed(load)
    for _ in range(_TERMINATIONS):
        await asyncio.sleep(0.5)
        await world.fetch(_TERMINATE)
    await until_taken(world, 300, worker)
    cards = await feed.enough()
    await world.until_drained(load, worker)
    assert await world.verdict(cards, given=undisturbed) == []


async def test_twenty_crashes_of_the_server(
    lasting: World, embedded: Stack, undisturbed: EndState
) -> None:
    worker, load = lasting.worker(), lasting.load()
    feed = lasting.feed(load)
    for _ in range(_CRASHES):
        await until_taken(lasting, 20, worker)
        await asyncio.to_thread(embedded.postgres.stop, "immediate")
        await asyncio.to_thread(embedded.postgres.start)
    assert feed.running, "the load ended before the crashes did"
    cards = await feed.enough()
    await lasting.until_drained(load, worker)
    assert await lasting.verdict(cards, given=undisturbed) == []


async def test_a_lock_that_is_not_given_in_time(world: World, undisturbed: EndState) -> None:
    impatient = _at_work(world, undisturbed, POSTGRES__LOCK_TIMEOUT="PT0.3S")
    async with impatient as worker, _somebody_else(world) as holder:
        await holder.execute("SELECT FROM lane FOR UPDATE")
        await world.until(lambda: _tells(worker, "LockNotAvailableError"), worker)


async def test_a_column_that_is_altered_under_prepared_statements(
    world: World, undisturbed: EndState
) -> None:
    async with _at_work(world, undisturbed) as worker:
        await world.fetch("ALTER TABLE card ALTER COLUMN version TYPE bigint")
        await world.until(lambda: _tells(worker, "InvalidCachedStatementError"), worker)


async def test_a_database_that_takes_no_writes_for_a_while(
    world: World, undisturbed: EndState
) -> None:
    settings = f'ALTER DATABASE "{database_of(world.dsn)}" SET default_transaction_read_only'
    async with _at_work(world, undisturbed) as worker:
        earlier = await asyncpg.connect(world.dsn)
        await earlier.execute(f"{settings} = on")
        await earlier.fetch(_TERMINATE)
        await world.until(lambda: _tells(worker, "TargetServerAttributeNotMatched"), worker)
        await earlier.execute(f"{settings} = off")
        await earlier.close()


async def test_a_deadlock_with_somebody_else(world: World, undisturbed: EndState) -> None:
    """The worker locks cards and then lanes; the other one lanes and then cards."""
    async with _at_work(world, undisturbed) as worker:
        while not await _tells(worker, "DeadlockDetectedError"):
            async with _somebody_else(world) as holder:
                await holder.execute("SET LOCAL deadlock_timeout = '30s'")  # the worker is first
                await holder.execute("SELECT FROM lane FOR UPDATE")
                await world.until(lambda: _waits_for_a_lock(world), worker)
                if await _holds_cards(world):
                    await holder.execute("SELECT FROM card FOR UPDATE")
                    await world.until(lambda: _tells(worker, "DeadlockDetectedError"), worker)


@asynccontextmanager
async def _at_work(
    world: World, undisturbed: EndState, **settings: str
) -> AsyncIterator[WorkerProcess]:
    """A worker that is disturbed in the body, goes on, and ends where it would have anyway."""
    worker, load = world.worker(**settings), world.load()
    feed = world.feed(load)
    await until_taken(world, 100, worker)
    yield worker
    await until_taken(world, 100, worker)
    cards = await feed.enough()
    await world.until_drained(load, worker)
    assert await world.verdict(cards, given=undisturbed) == []


@asynccontextmanager
async def _somebody_else(world: World) -> AsyncIterator[asyncpg.Connection]:
    """In a transaction of its own."""
    holder = await asyncpg.connect(world.dsn)
    try:
        async with holder.transaction():
            yield holder
    finally:
        await holder.close()


async def _waits_for_a_lock(world: World) -> bool:
    return bool((await world.fetch(_WAITING))[0][0])


async def _holds_cards(world: World) -> bool:
    """Not where its batch has new cards only: nobody else sees those."""
    return bool((await world.fetch(_LOCKED_CARDS))[0][0])


async def _tells(worker: WorkerProcess, error: str) -> bool:
    return error in worker.output


@pytest.mark.parametrize("loss", Loss)
async def test_a_commit_without_an_answer(world: World, undisturbed: EndState, loss: Loss) -> None:
    async with CommitProxy(world.dsn, loss, every=5) as proxy:
        worker, load = world.worker(POSTGRES__DSN=proxy.dsn), world.load()
        feed = world.feed(load)
        await world.until(lambda: proxy.has_lost(6), worker)
        proxy.every = 0
        await until_taken(world, 100, worker)
        cards = await feed.enough()
        await world.until_drained(load, worker)
    assert await world.verdict(cards, given=undisturbed) == []


async def test_a_worker_that_is_killed_while_its_commit_is_under_way(
    world: World, undisturbed: EndState
) -> None:
    load = world.load()
    feed = world.feed(load)
    for number in (3, 5, 8):
        async with CommitProxy(world.dsn, Loss.NO_ANSWER, every=number) as proxy:
            worker = world.worker(POSTGRES__DSN=proxy.dsn)
            await world.until(lambda proxy=proxy: proxy.has_lost(1), worker)  # type: ignore[misc]  # a default binds the loop's value
            await worker.kill()
    cards = await feed.enough()
    await world.until_drained(load, world.worker())
    assert await world.verdict(cards, given=undisturbed) == []
