"""A backlog: how fast it goes from the input topics to where a subscriber sees it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg

from acceptance.audit import last_seqs
from acceptance.workload import JOURNEY
from acceptance.world import World

from .machine import Cost, Meter, peak_memory
from .stage import feed, until

_WINDOW: Final = 1000
_CHANGES: Final = "SELECT coalesce(sum(last_seq), 0) FROM lane"


@dataclass(frozen=True)
class Drain:
    """`events` in `cost.seconds`, the worker's start included; the first one after `first` s.

    peak_memory: bytes, of the greatest worker.
    """

    events: int
    first: float
    cost: Cost
    peak_memory: int
    anomalies: list[str]

    @property
    def rate(self) -> float:
        return self.events / self.cost.seconds


async def measure_drain(
    world: World, servers: Mapping[str, int], cards: int, *, workers: int = 1
) -> Drain:
    """Put a backlog into Kafka, start workers, and wait until all of it is published.

    The progress is asked of the database, cheaply: a subscriber that reads along costs a core.
    """
    await feed(world, cards, window=_WINDOW)
    expected = cards * len(JOURNEY)
    connection = await asyncpg.connect(world.dsn)

    async def changes() -> int:
        return int(await connection.fetchval(_CHANGES))

    async def visible() -> int:
        return sum((await last_seqs(world.bootstrap, world.output)).values())

    try:
        began = time.monotonic()
        started = [world.worker() for _ in range(workers)]
        pids = [worker.pid for worker in started]
        numbered = {f"worker_{number}": pid for number, pid in enumerate(pids[1:], 2)}
        meter = Meter({**servers, "worker": pids[0], **numbered})
        await until(changes, 1, *started)
        first = time.monotonic() - began
        await until(changes, expected, *started)
        await until(visible, expected)
        cost, memory = meter.read(), max(map(peak_memory, pids))
    finally:
        await connection.close()
    await world.stop()
    return Drain(expected, first, cost, memory, await world.verdict(range(cards)))
