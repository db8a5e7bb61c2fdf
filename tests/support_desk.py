"""A worker without Kafka on a database, told one thing after another, for whoever asks about it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import StringIO

import asyncpg
from rich.console import RenderableType
from typer.testing import CliRunner, Result

from builders import NOW, Log, Sent, publishing
from card_fulfillment.cli import cli
from card_fulfillment.ops import look
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.fan_out import FanOut
from postgres_state import PostgresState, opened


@dataclass
class Desk:
    """Tells the worker something. connection: to look at what came of it."""

    state: PostgresState
    connection: asyncpg.Connection
    log: Log

    async def hear(self, *records: Sent) -> None:
        """Each in a transaction of its own."""
        store = self.state.store()
        for record in records:
            await self._take([record], Applier(store, publishing()))

    async def hear_together(self, records: Sequence[Sent]) -> None:
        await self._take(records, Applier(self.state.store(), publishing()))

    async def _take(self, records: Sequence[Sent], applier: Applier) -> None:
        batch = self.log.batch(records)
        await self.state.begin(self.log.ends)
        await applier.apply(batch, NOW)

    async def spread(self, most: int = 1000) -> None:
        """Bring to the members of bulks what is said of those, and publish counts, until quiet."""
        fan_out = FanOut(self.state.store().transaction, publishing(), most)
        await _until_quiet(fan_out.spread)
        await _until_quiet(fan_out.tick)


async def _until_quiet(step: Callable[[int], Awaitable[Effects | None]]) -> None:
    while await step(NOW) is not None:
        pass


@asynccontextmanager
async def opened_desk(dsn: str) -> AsyncIterator[Desk]:
    connection = await asyncpg.connect(dsn)
    async with opened(dsn) as state:
        yield Desk(state, connection, Log())
    await connection.close()


async def call(dsn: str, *arguments: str) -> Result:
    """Run a command on that database."""
    environment = {"FULFILLMENT_POSTGRES__DSN": dsn, "FULFILLMENT_LOG_LEVEL": "ERROR"}
    return await asyncio.to_thread(CliRunner().invoke, cli, arguments, env=environment)


def shown(what: RenderableType, width: int = 80) -> str:
    """Say what a screen of that width would show."""
    output = StringIO()
    look.show([what], output, width)
    return output.getvalue()


def lines_with(text: str, shown: str) -> list[list[str]]:
    return [line.split() for line in shown.splitlines() if text in line]
