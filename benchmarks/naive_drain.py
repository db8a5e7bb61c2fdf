"""The same backlog, smaller, for the worker that one would write first."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from acceptance.audit import record_counts
from acceptance.workload import JOURNEY
from acceptance.world import World

from .machine import Cost, Meter
from .stage import feed, until


@dataclass(frozen=True)
class NaiveDrain:
    """`events` in `cost.seconds`, its start not included."""

    events: int
    cost: Cost

    @property
    def rate(self) -> float:
        return self.events / self.cost.seconds


async def measure_naive(world: World, servers: Mapping[str, int], cards: int) -> NaiveDrain:
    """Start it on a backlog and measure from its first published event on."""
    await feed(world, cards)
    expected = cards * len(JOURNEY)

    async def published() -> int:
        return sum((await record_counts(world.bootstrap, [world.output])).values())

    with _naive_worker(world) as pid:
        await until(published, 1)
        before = await published()
        meter = Meter({**servers, "worker": pid})
        await until(published, expected)
        return NaiveDrain(expected - before, meter.read())


@contextmanager
def _naive_worker(world: World) -> Iterator[int]:
    settings = {"BOOTSTRAP": world.bootstrap, "DSN": world.dsn, "PREFIX": world.prefix}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.naive"], env=os.environ | settings
    )
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()
