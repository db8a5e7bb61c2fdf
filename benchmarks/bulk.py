"""A fan-out: how fast one statement reaches all cards of a bulk, and what other cards wait."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from acceptance.audit import Published, continuity_anomalies, live, read_output
from acceptance.workload import JOURNEY, Event
from acceptance.world import World

from .bulk_load import announcements, request, said_of_all
from .machine import Cost, Meter
from .stage import Stamps, feed, until

_RATE: Final = 1000.0
_OTHERS: Final = 1000  # cards of other events, at that rate for seven seconds


@dataclass(frozen=True)
class FanOut:
    """seconds: from the statement's timestamp to when a subscriber has the last member's change.

    others, others_alone: ms that other cards' events take meanwhile, and without a fan-out.
    """

    members: int
    seconds: float
    cost: Cost
    others: list[float]
    others_alone: list[float]
    anomalies: list[str]


@dataclass(frozen=True)
class Point:
    """One size of the curve: nothing else goes on."""

    members: int
    seconds: float
    cost: Cost


class _Subscriber:
    """Counts members by status, and notes when it received what of other cards."""

    def __init__(self, reader: AsyncIterator[list[Published]]) -> None:
        self.receipts: Stamps = {}
        self.told: dict[str, int] = {}
        self.latest: dict[str, float] = {}
        self._others = 0
        self._reader = reader

    async def read(self) -> None:
        async for records in self._reader:
            now = time.time_ns() / 1e6
            for record in records:
                self._take(record, now)

    def _take(self, record: Published, now: float) -> None:
        event = record.event
        if event["bulk_issuance_id"] is None:
            self._others += 1
            cause = event["cause"]
            self.receipts[cause["topic"], cause["partition"], cause["offset"]] = int(now)
        elif event["card_id"] is not None:
            key = f"{event['bulk_issuance_id']} {event['fulfillment_status']}"
            self.told[key] = self.told.get(key, 0) + 1
            self.latest[key] = now

    async def others(self) -> int:
        return self._others

    async def has_all(self, bulk: str, status: str, members: int) -> float:
        """When the last one came, in ms since the epoch."""

        async def count() -> int:
            return self.told.get(f"{bulk} {status}", 0)

        await until(count, members)
        return self.latest[f"{bulk} {status}"]


async def measure_fan_out(world: World, servers: Mapping[str, int], members: int) -> FanOut:
    """One statement about all members, while other cards' events go on at 1,000 a second."""
    async with _at_work(world) as subscriber:
        await _ordered(world, subscriber, "big", members)
        alone = await _others(world, subscriber, 0)
        meter = Meter({**servers, "worker": world.processes[-1].pid})
        load = asyncio.create_task(_others(world, subscriber, _OTHERS))
        await asyncio.sleep(1)
        seconds = await _spread(world, subscriber, "big", members)
        cost = meter.read()
        others = await load
    await world.stop()
    output = await read_output(world.bootstrap, world.output)
    return FanOut(members, seconds, cost, others, alone, continuity_anomalies(output))


async def measure_curve(
    world: World, servers: Mapping[str, int], sizes: Iterable[int]
) -> list[Point]:
    points = []
    async with _at_work(world) as subscriber:
        for members in sizes:
            bulk = f"of-{members}"
            await _ordered(world, subscriber, bulk, members)
            meter = Meter({**servers, "worker": world.processes[-1].pid})
            seconds = await _spread(world, subscriber, bulk, members)
            points.append(Point(members, seconds, meter.read()))
    await world.stop()
    return points


@asynccontextmanager
async def _at_work(world: World) -> AsyncIterator[_Subscriber]:
    world.worker()
    async with live(world.bootstrap, world.output) as reader:
        subscriber = _Subscriber(reader)
        reading = asyncio.create_task(subscriber.read())
        try:
            yield subscriber
        finally:
            reading.cancel()


async def _ordered(world: World, subscriber: _Subscriber, bulk: str, members: int) -> None:
    coming: list[Event] = [*announcements(bulk, members), request(bulk, members)]
    await world.load().produce(coming)
    await subscriber.has_all(bulk, "ordered", members)


async def _spread(world: World, subscriber: _Subscriber, bulk: str, members: int) -> float:
    began = time.time_ns() / 1e6
    await world.load().produce([said_of_all(bulk, members, "accepted")])
    return (await subscriber.has_all(bulk, "accepted", members) - began) / 1000


async def _others(world: World, subscriber: _Subscriber, first: int) -> list[float]:
    before = await subscriber.others()
    stamps = await feed(world, _OTHERS, first=first, rate=_RATE)
    await until(subscriber.others, before + _OTHERS * len(JOURNEY))
    return [now - stamps[r] for r, now in subscriber.receipts.items() if r in stamps]
