"""A steady stream: how long an event takes from its record's timestamp to a subscriber."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from acceptance.audit import Published, live
from acceptance.workload import JOURNEY
from acceptance.world import World

from .machine import Cost, Meter, peak_memory
from .stage import Stamps, feed, until

_WARM_UP: Final = 100  # cards
_RATE: Final = 1000.0


@dataclass(frozen=True)
class Latency:
    """Milliseconds, of `events` at `rate` a second."""

    events: int
    rate: float
    milliseconds: list[float]
    cost: Cost
    peak_memory: int
    anomalies: list[str]


def quantile(milliseconds: Sequence[float], share: float) -> float:
    ordered = sorted(milliseconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class _Subscriber:
    """Notes when it received what; receipts are in ms, by the coordinates of the causing record."""

    def __init__(self, reader: AsyncIterator[list[Published]]) -> None:
        self.receipts: Stamps = {}
        self._received = 0
        self._reader = reader

    async def read(self) -> None:
        async for records in self._reader:
            now = time.time_ns() // 1_000_000
            self._received += len(records)
            causes = (record.event["cause"] for record in records)
            self.receipts |= {(c["topic"], c["partition"], c["offset"]): now for c in causes}

    async def count(self) -> int:
        return self._received


async def measure_latency(world: World, servers: Mapping[str, int], seconds: float) -> Latency:
    """Run a worker on a stream of 1,000 events a second, after a short warm-up."""
    cards = int(seconds * _RATE / len(JOURNEY))
    worker = world.worker()
    async with live(world.bootstrap, world.output) as reader:
        subscriber = _Subscriber(reader)
        reading = asyncio.create_task(subscriber.read())
        await feed(world, _WARM_UP, rate=_RATE)
        await until(subscriber.count, _WARM_UP * len(JOURNEY), worker)
        meter = Meter({**servers, "worker": worker.pid})
        stamps = await feed(world, cards, first=_WARM_UP, rate=_RATE)
        await until(subscriber.count, (_WARM_UP + cards) * len(JOURNEY), worker)
        cost, memory = meter.read(), peak_memory(worker.pid)
        reading.cancel()
    await world.stop()
    return Latency(
        len(stamps),
        _RATE,
        [now - stamps[r] for r, now in subscriber.receipts.items() if r in stamps],
        cost,
        memory,
        await world.verdict(range(_WARM_UP + cards)),
    )
