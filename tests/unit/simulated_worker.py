"""A process as a whole, put together of what the worker is made of, on simulated servers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Final

from relay_memory import Topic
from simulated_database import Connection, Database
from simulated_fate import Fate
from simulated_kafka import Inputs, Outbox, Publisher, Source

from builders import NOW, publishing
from card_fulfillment.messages.pan_guard import PanGuard
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.batch import Batch
from card_fulfillment.pipeline.decode import Decoder
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.fan_out import FanOut
from card_fulfillment.pipeline.hints import Hints
from card_fulfillment.pipeline.intake import Intake
from card_fulfillment.pipeline.relay import Relay, RelayState
from card_fulfillment.pipeline.relay_ports import PageLimits, RelayPorts
from card_fulfillment.pipeline.spreader import Spreader

MOST: Final = 8  # records in a batch
_TRACKS: Final = 2
_TICK: Final = 1.0
_LIMITS: Final = PageLimits(rows=3)


@dataclass(frozen=True)
class Servers:
    """What all processes share. outputs: by topic."""

    inputs: Inputs
    database: Database
    outputs: dict[str, Topic]


class _Silent:
    """An observer that has nothing to say."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class _Applying:
    """One track of the intake; says which batch its connection is busy with."""

    def __init__(self, connection: Connection, hints: Hints) -> None:
        self._connection = connection
        self._applier = Applier(connection, publishing(), hints)

    async def apply(self, batch: Batch, now: int) -> Effects:
        self._connection.batch = batch
        return await self._applier.apply(batch, now)


class Process:
    """One worker. `name` is what it holds leases as."""

    def __init__(self, servers: Servers, name: str, fate: Fate, rng: Random) -> None:
        self.name, self.fate = name, fate
        self._servers = servers
        inputs, database = servers.inputs, servers.database
        self.source = Source(inputs, database, fate, rng)
        fan_out = FanOut(Connection(database, fate).transaction, publishing(), rng.choice((1, 2)))
        self._spreader = Spreader(fan_out, _TICK, lambda: NOW, _Silent())
        hints = Hints()
        self._intake = Intake(
            self.source,
            Decoder({p.topic: inputs.read for p in inputs.logs}, PanGuard((), {}, 1000), 1000),
            [_Applying(Connection(database, fate), hints) for _ in range(_TRACKS)],
            lambda: NOW,
            _Silent(),
            self._spreader.look_at,
        )
        self._relays = [Relay(self._ports(topic), chance=rng.random) for topic in servers.outputs]
        self._stop = asyncio.Event()
        self.work = asyncio.create_task(self._work())

    async def _work(self) -> None:
        """As the worker does: the intake ends first, the relays publish what it committed."""
        relays_stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            spreading = group.create_task(self._spreader.run())
            for relay in self._relays:
                group.create_task(relay.run(relays_stop))
            try:
                await self._intake.run(self._stop, MOST)
            finally:
                relays_stop.set()
                spreading.cancel()

    def _ports(self, topic: str) -> RelayPorts:
        ledger, output = self._servers.database.ledgers[topic], self._servers.outputs[topic]

        @asynccontextmanager
        async def outbox(wake: Callable[[], None]) -> AsyncIterator[Outbox]:
            ledger.listeners.append(wake)
            try:
                yield Outbox(ledger, self.name, self.fate)
            finally:
                ledger.listeners.remove(wake)

        @asynccontextmanager
        async def publisher() -> AsyncIterator[Publisher]:
            yield Publisher(output, self.fate)

        return RelayPorts(outbox, publisher, _LIMITS)

    @property
    def is_well(self) -> bool:
        states = {relay.status.state for relay in self._relays}
        alarms = [relay.status.alarm for relay in self._relays if relay.status.alarm]
        return states <= {RelayState.PUBLISHING, RelayState.WAITING_FOR_LEASE} and not alarms

    async def end(self) -> None:
        """In order."""
        self._stop.set()
        await self.work

    async def kill(self) -> None:
        self.fate.kill()
        self.work.cancel()
        await asyncio.wait({self.work})
