"""A minute without Kafka, without Postgres, without both: a worker waits, calmly, and goes on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import psutil
import pytest

from card_fulfillment.devstack import Stack, embedded_stack
from card_fulfillment.postgres.schema import migrate
from stack import Services, create_database

from .books import EndState
from .worker_process import WorkerProcess
from .workload import Feed, Load
from .world import World, installed

_OUTAGE_SECONDS: Final = 60.0
_SETTLING_SECONDS: Final = 5.0  # in which connections are given up
_RESUMES_WITHIN: Final = 15.0
_MOST_CORES: Final = 0.05
_MOST_GROWTH_BYTES: Final = 8_000_000
_EVENTS_A_SECOND: Final = 60


@pytest.fixture
def second(embedded: Stack) -> Iterator[Stack]:  # noqa: ARG001 - only beside servers of ours
    """Start a Kafka and a Postgres more, which are those that go away."""
    with embedded_stack() as stack:
        yield stack


class Waiting(NamedTuple):
    """A worker and its load; without what it works for a minute."""

    lacks: str
    world: World
    worker: WorkerProcess
    load: Load
    feed: Feed

    async def cpu_and_memory(self) -> tuple[float, int]:
        process = psutil.Process(self.worker.pid)
        times = process.cpu_times()
        return times.user + times.system, process.memory_info().rss

    async def until_it_works(self) -> None:
        taken, published = await self.world.progress()

        async def works() -> bool:
            now = await self.world.progress()
            return now[0] > taken and now[1] > published

        await self.world.until(works, self.worker, within=_RESUMES_WITHIN)


@pytest.fixture
async def three(
    stack: Services, second: Stack, prefix: str, tmp_path: Path
) -> AsyncIterator[list[Waiting]]:
    """Each in an installation of its own: Kafka, Postgres, or both are of the second stack."""
    async with AsyncExitStack() as until_the_end:
        yield [
            await until_the_end.enter_async_context(
                _at_work(lacks, World(kafka.bootstrap, await _database(postgres), prefix, tmp_path))
            )
            for lacks, kafka, postgres in (
                ("Kafka", second, stack),
                ("Postgres", stack, second),
                ("both", second, second),
            )
        ]


async def _database(server: Stack | Services) -> str:
    dsn = await create_database(server.dsn)
    await asyncio.to_thread(asyncio.run, migrate(dsn))
    return dsn


@asynccontextmanager
async def _at_work(lacks: str, empty: World) -> AsyncIterator[Waiting]:
    own = replace(
        empty,
        prefix=f"{empty.prefix}{lacks}-",
        directory=empty.directory / lacks,
        processes=[],
    )
    own.directory.mkdir()
    async with installed(own) as world:
        worker, load = world.worker(), world.load()
        waiting = Waiting(lacks, world, worker, load, world.feed(load, rate=_EVENTS_A_SECOND))
        await waiting.until_it_works()
        yield waiting


@asynccontextmanager
async def _away(stack: Stack) -> AsyncIterator[None]:
    await asyncio.to_thread(stack.postgres.stop, "immediate")
    await asyncio.to_thread(stack.kafka.kill)
    try:
        yield
    finally:
        await asyncio.gather(
            asyncio.to_thread(stack.postgres.start), asyncio.to_thread(stack.kafka.start)
        )


@pytest.mark.timeout(300)
async def test_a_minute_without_servers_costs_a_minute(
    undisturbed: EndState, three: list[Waiting], second: Stack
) -> None:
    async with _away(second):
        await asyncio.sleep(_SETTLING_SECONDS)
        before = [await each.cpu_and_memory() for each in three]
        await asyncio.sleep(_OUTAGE_SECONDS - _SETTLING_SECONDS)
        after = [await each.cpu_and_memory() for each in three]
    for each, (cpu, memory), (cpu_then, memory_then) in zip(three, before, after, strict=True):
        cores = (cpu_then - cpu) / (_OUTAGE_SECONDS - _SETTLING_SECONDS)
        assert each.worker.running, each.worker.output
        assert cores < _MOST_CORES, f"without {each.lacks}: {cores:.3f} of a core"
        assert memory_then - memory < _MOST_GROWTH_BYTES, f"without {each.lacks}"
    await asyncio.gather(*(each.until_it_works() for each in three))
    for each in three:
        cards = await each.feed.enough()
        await each.world.until_drained(each.load, each.worker)
        assert await each.world.verdict(cards, given=undisturbed) == [], each.lacks
