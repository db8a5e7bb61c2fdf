"""What a worker makes sure of before it works: what it needs is there, and is what it should be."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, TypeVar

import structlog

from card_fulfillment.kafka import connection as kafka_connection
from card_fulfillment.kafka.connection import client_options
from card_fulfillment.kafka.tail import read_tails
from card_fulfillment.kafka.topics import ensure_topics, partition_count
from card_fulfillment.ops.effective import redacted
from card_fulfillment.pipeline.output_check import OUTPUT_PARTITIONS_CHANGED, Alarm, check_output
from card_fulfillment.pipeline.relay_ports import Tail, Unavailable
from card_fulfillment.postgres.changes_writing import Lanes
from card_fulfillment.postgres.connection import (
    Connection,
    connected,
    connector,
    is_transient,
    open_connection,
)
from card_fulfillment.postgres.outbox import PartitionsChanged, outbox_of, pin_lanes
from card_fulfillment.postgres.schema import check_schema, migrate
from card_fulfillment.settings import Settings
from card_fulfillment.topology import Topology

log = structlog.get_logger("card_fulfillment")

_REACHABLE_WITHIN: Final = 30.0
_TRY_AGAIN_AFTER: Final = 0.5
_READ_WITHIN: Final = 10.0

T = TypeVar("T")


class Unreachable(Exception):
    """A dependency did not answer for 30 s: each thing that is asked of one has that time anew."""


class Misfit(Exception):
    """What the worker runs on is not as it must be; the message says what to do."""


class Alarmed(Exception):
    """A person must look at it before the worker runs."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")


async def reachable(
    what: str, attempt: Callable[[], Awaitable[T]], is_passing: Callable[[BaseException], bool]
) -> T:
    """Try until it answers. Raises Unreachable after 30 s."""
    ends, told = time.monotonic() + _REACHABLE_WITHIN, ""
    while True:
        try:
            async with asyncio.timeout(max(ends - time.monotonic(), _TRY_AGAIN_AFTER)):
                return await attempt()
        except Exception as error:
            if isinstance(error, PermissionError) or not is_passing(error):
                raise
            if time.monotonic() > ends:
                raise Unreachable(f"{what} is not reachable: {in_a_line(error)}") from error
            if told != (told := in_a_line(error)):
                log.info("start.waiting", dependency=what, error=told)
        await asyncio.sleep(_TRY_AGAIN_AFTER)


def postgres_at(settings: Settings) -> str:
    """Postgres and its address without a password, which a refused connection does not name."""
    return f"Postgres at {redacted(settings.postgres.dsn.get_secret_value())}"


def in_a_line(error: Exception) -> str:
    """The error on one line; Kafka's client names in it the address, nobody names a password."""
    name, told = type(error).__name__, " ".join(str(error).split())
    return f"{name}: {told.removeprefix(f'{name}: ')}".rstrip(": ")


@asynccontextmanager
async def database(settings: Settings, whose: str) -> AsyncIterator[Connection]:
    """A connection to a database that is there and has the right schema, until the body ends.

    whose: how the server names it. Raises Unreachable or SchemaMismatch.
    """
    open_ = connector(settings.postgres, whose)
    where = postgres_at(settings)
    async with connected(partial(reachable, where, open_, is_transient)) as connection:
        await check_schema(connection)
        yield connection


async def migrated(settings: Settings) -> str:
    """The revision after `migrate`. Raises Unreachable, or AccessRefused.

    Only the server must answer soon: a migration takes as long as its tables are large, or waits
    for another one.
    """
    dsn = settings.postgres.dsn.get_secret_value()
    open_ = partial(open_connection, dsn)
    async with connected(partial(reachable, postgres_at(settings), open_, is_transient)):
        pass
    return await migrate(dsn)


async def check_topics(settings: Settings, known: Topology, *, check_only: bool) -> list[str]:
    """Sentences about what is not as it should be.

    Missing topics are created before, unless `check_only`.
    """
    ensure = partial(
        ensure_topics, client_options(settings.kafka), known.plans, check_only=check_only
    )
    return await reachable("Kafka", ensure, kafka_connection.is_passing)


async def check_outputs(settings: Settings, lanes: Lanes) -> None:
    """Hold the output topics against the database: on one of the past nothing must be taken in."""
    for topic in {topic for topic, _ in lanes}:
        partitions = [partition for of, partition in lanes if of == topic]
        ends = partial(read_ends, settings, topic, partitions, settled=False)
        tails = await reachable("Kafka", ends, kafka_connection.is_passing)
        look = partial(_look_at_output, settings, topic, tails)
        alarm = await reachable(
            postgres_at(settings), look, lambda error: isinstance(error, Unavailable)
        )
        if alarm is not None:
            raise Alarmed(alarm.name, f"{topic}: {alarm.message}")


async def read_ends(
    settings: Settings, topic: str, partitions: Collection[int], *, settled: bool
) -> Mapping[int, Tail]:
    """As `read_tails`, or TimeoutError: where Kafka goes away meanwhile that would wait for ever.

    Soon: another try on a new connection gets further than waiting on a hung one.
    """
    async with asyncio.timeout(_READ_WITHIN):
        return await read_tails(client_options(settings.kafka), topic, partitions, settled=settled)


async def _look_at_output(
    settings: Settings, topic: str, tails: Mapping[int, Tail]
) -> Alarm | None:
    async with outbox_of(settings.postgres, topic=topic, holder="")(lambda: None) as outbox:
        return await check_output(outbox, tails)


async def checked_lanes(settings: Settings, known: Topology) -> Lanes:
    """The lanes of both outputs, made where there are none; the schema is looked at first."""
    counts = {
        topic: await reachable(
            "Kafka",
            partial(partition_count, client_options(settings.kafka), topic),
            kafka_connection.is_passing,
        )
        for topic in known.outputs
    }
    pin = partial(_pinned_lanes, settings, counts)
    return await reachable(postgres_at(settings), pin, is_transient)


async def _pinned_lanes(settings: Settings, counts: Mapping[str, int | None]) -> Lanes:
    lanes: dict[tuple[str, int], int] = {}
    async with connected(connector(settings.postgres, "start")) as connection:
        await check_schema(connection)
        try:
            for topic, count in counts.items():
                pinned = await pin_lanes(connection, topic, count or 0)
                lanes |= {(topic, partition): lane for partition, lane in pinned.items()}
        except PartitionsChanged as error:
            raise Alarmed(OUTPUT_PARTITIONS_CHANGED, str(error)) from error
    return lanes
