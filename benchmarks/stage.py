"""What the measurements have in common: installations, loads from another process, waiting."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from acceptance.worker_process import WorkerProcess
from acceptance.workload import Load, events
from acceptance.world import World, installed
from card_fulfillment.postgres.schema import migrate
from card_fulfillment.settings import IntakeSettings
from stack import create_database

_OFTEN: Final = 0.02
_BATCH: Final = IntakeSettings().batch_records  # as it comes, where tests want little ones
_WITHIN: Final = 600.0

Stamps = dict[tuple[str, int, int], int]
"""Timestamps (ms) of records, by topic, partition and offset."""


class _Settled(World):
    """An installation as one would have it in production, not as tests want it."""

    def settings(self, **more: str) -> dict[str, str]:
        ours = {"INTAKE__BATCH_RECORDS": str(_BATCH), "KAFKA__SESSION_TIMEOUT": "PT6S"}
        return super().settings(**(ours | more))


@asynccontextmanager
async def stage(
    bootstrap: str, dsn: str, name: str, directory: Path, vendors: Sequence[str] = ("meridian",)
) -> AsyncIterator[World]:
    """Set up an installation with a database of its own; its worker ends with it."""
    database = await create_database(dsn)
    world = _Settled(bootstrap, database, f"{name}-", directory, partitions=6, vendors=vendors)
    await migrate(database)
    async with installed(world):
        yield world


class _StampedLoad(Load):
    def __init__(self, bootstrap: str, prefix: str) -> None:
        super().__init__(bootstrap, prefix)
        self.stamps: Stamps = {}

    def acknowledged(self, where: Any) -> None:  # noqa: ANN401 - aiokafka's RecordMetadata
        super().acknowledged(where)
        self.stamps[where.topic, where.partition, where.offset] = where.timestamp


@dataclass(frozen=True)
class _Order:
    """What a process of its own shall feed. `rate`: events a second, 0 is as fast as it goes."""

    bootstrap: str
    prefix: str
    cards: int
    first: int
    window: int
    rate: float


def _feed(order: _Order) -> Stamps:
    load = _StampedLoad(order.bootstrap, order.prefix)
    coming = events(order.cards, first=order.first, window=order.window)
    asyncio.run(load.produce(coming, rate=order.rate))
    return load.stamps


async def feed(
    world: World, cards: int, *, first: int = 0, window: int = 50, rate: float = 0
) -> Stamps:
    """Produce the events of some cards from another process, so that it disturbs nothing here."""
    order = _Order(world.bootstrap, world.prefix, cards, first, window, rate)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, _feed, order)


async def until(count: Callable[[], Awaitable[int]], expected: int, *living: WorkerProcess) -> None:
    """Wait until there are that many; fails where one of `living` ends before."""
    async with asyncio.timeout(_WITHIN):
        while await count() < expected:
            for worker in living:
                if not worker.running:
                    raise RuntimeError(f"the worker ended:\n{worker.output}")
            await asyncio.sleep(_OFTEN)
