"""Several processes at work on the same servers, and all that happens to them meanwhile."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from itertools import count
from random import Random
from typing import Final
from unittest.mock import patch

from relay_memory import Topic
from simulated_database import Database
from simulated_fate import KAFKA, POSTGRES, Fate, Weather
from simulated_kafka import Inputs
from simulated_worker import Process, Servers

from builders import DEAD_LETTERS, OUTPUT_PARTITIONS, STATUS_TOPIC, Sent
from card_fulfillment.pipeline import intake
from card_fulfillment.pipeline.batch import Partition
from snapshot import Snapshot
from snapshot_bulk import is_quiet

_SOON: Final = 0.1
_A_READING: Final = 1e-6
_AT_REST_WITHIN: Final = 600.0
_TRANSACTION: Final = 2  # records of a batch that are worth one of their own


class Cluster:
    """trouble: how often of a hundred times a call of a server fails."""

    def __init__(self, rng: Random, inputs: Collection[Partition], *, trouble: int) -> None:
        self.rng, self.weather = rng, Weather(rng, trouble)
        outputs = {topic: Topic(OUTPUT_PARTITIONS) for topic in (STATUS_TOPIC, DEAD_LETTERS)}
        self.servers = Servers(Inputs(inputs), Database(outputs), outputs)
        self.processes: list[Process] = []
        self.happened: list[str] = []
        self._started = 0

    async def work(self, told: Sequence[Sent], processes: int, misfortunes: int) -> None:
        """Take all of it in, whatever happens meanwhile, and come to rest."""
        await self.servers.database.begin(self.servers.inputs.logs)
        with (
            patch.object(time, "monotonic", _passing(asyncio.get_running_loop().time)),
            patch.object(intake, "_WORTH_A_TRANSACTION", _TRANSACTION),
        ):
            for _ in range(processes):
                self._start()
            self._share_out()
            feeding = asyncio.create_task(self._feed(told))
            for _ in range(misfortunes):
                await asyncio.sleep(self.rng.uniform(0, 3))
                await self._befall()
            await feeding
            await self._come_to_rest()
            await asyncio.gather(*(process.end() for process in self.processes))

    async def _feed(self, told: Sequence[Sent]) -> None:
        for each in told:
            self.servers.inputs.append(each, hole=self.rng.choice((0, 0, 2)))
            await asyncio.sleep(self.rng.choice((0, 0, 0, 0.1, 1.0)))

    def _start(self) -> None:
        self._started += 1
        fate = Fate(self.weather)
        self.processes.append(Process(self.servers, f"p{self._started}", fate, self.rng))

    def _share_out(self) -> None:
        """Among those that hear of it; who stands still goes on to believe what was before."""
        hearing = [process for process in self.processes if not process.fate.frozen]
        shares: dict[str, list[Partition]] = {process.name: [] for process in hearing}
        for partition in self.servers.inputs.logs:
            if hearing:
                shares[self.rng.choice(hearing).name].append(partition)
        for process in hearing:
            process.source.assign(shares[process.name])

    # What happens to them.

    async def _befall(self) -> None:
        for process in self.processes:
            assert not process.work.done(), process.work
        what: Callable[[], Awaitable[None]] = self.rng.choice(
            (self._kill, self._freeze, self._thaw, self._replace, self._shuffle, self._outage)
        )
        self.happened.append(what.__name__.removeprefix("_"))
        await what()

    async def _kill(self) -> None:
        victim = self.rng.choice(self.processes)
        self.processes.remove(victim)
        await victim.kill()
        await asyncio.sleep(self.rng.choice((0, 0.5, 4)))
        self._start()
        self._share_out()

    async def _freeze(self) -> None:
        self.rng.choice(self.processes).fate.freeze()
        await asyncio.sleep(self.rng.choice((0, 2, 7)))
        self._share_out()

    async def _thaw(self) -> None:
        for process in self.processes:
            process.fate.thaw()
        await asyncio.sleep(self.rng.choice((0, 0, 1)))  # it does not know yet what it missed
        self._share_out()

    async def _replace(self) -> None:
        leaving = self.rng.choice(self.processes)
        if not leaving.fate.frozen:
            self.processes.remove(leaving)
            await leaving.end()
        self._start()
        self._share_out()

    async def _shuffle(self) -> None:
        self._share_out()

    async def _outage(self) -> None:
        servers = self.rng.sample((KAFKA, POSTGRES), self.rng.randint(1, 2))
        self.weather.away.update(servers)
        await asyncio.sleep(self.rng.choice((0.2, 2, 8)))
        self.weather.away.difference_update(servers)

    # The end.

    async def _come_to_rest(self) -> None:
        self.weather.clear_up()
        for process in self.processes:
            process.fate.thaw()
        self._share_out()
        async with asyncio.timeout(_AT_REST_WITHIN):
            while not await self._is_at_rest():  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(_SOON)

    async def _is_at_rest(self) -> bool:
        database = self.servers.database
        snapshot = await database.snapshot()
        return (
            all(process.is_well for process in self.processes)
            and database.positions() == self.servers.inputs.ends()
            and is_quiet(snapshot.bulks, snapshot.cards)
            and self.published() == _written(snapshot)
        )

    def published(self) -> dict[tuple[str, int], list[int]]:
        """By output partition the numbers of the lane as a subscriber has seen them."""
        outputs = self.servers.outputs.items()
        return {
            (name, partition): [seq for _, seq in log]
            for name, topic in outputs
            for partition, log in topic.log.items()
            if log
        }


def _written(snapshot: Snapshot) -> dict[tuple[str, int], list[int]]:
    return {lane: list(range(1, len(c) + 1)) for lane, c in snapshot.lanes.items() if c}


def _passing(clock: Callable[[], float]) -> Callable[[], float]:
    """A clock that is never read twice at the same time, as none is."""
    readings = count()
    return lambda: clock() + next(readings) * _A_READING
