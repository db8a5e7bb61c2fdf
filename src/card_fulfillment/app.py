"""The composition root: opens what the worker needs, wires it, and ends it in order."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

import structlog

from card_fulfillment.kafka import connection as kafka_connection
from card_fulfillment.kafka.connection import client_options
from card_fulfillment.kafka.consumer import GroupOptions, InputSource
from card_fulfillment.kafka.partitioner import partition_of
from card_fulfillment.kafka.producer import publisher_of
from card_fulfillment.kafka.tail import read_tails
from card_fulfillment.kafka.topics import ensure_topics, partition_count
from card_fulfillment.messages.outbound import Encoder
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.decide import Publishing
from card_fulfillment.pipeline.decode import Decoder
from card_fulfillment.pipeline.intake import Intake
from card_fulfillment.pipeline.output_check import check_output
from card_fulfillment.pipeline.positions import InputRecreated
from card_fulfillment.pipeline.relay import Relay
from card_fulfillment.pipeline.relay_ports import RelayPorts, Unavailable
from card_fulfillment.postgres import connection as postgres_connection
from card_fulfillment.postgres.connection import connect, disconnect
from card_fulfillment.postgres.outbox import PartitionsChanged, outbox_of, pin_lanes
from card_fulfillment.postgres.positions import PostgresPositions
from card_fulfillment.postgres.schema import check_schema
from card_fulfillment.postgres.store import PostgresStore
from card_fulfillment.reporting import BatchReporter, RelayReporter
from card_fulfillment.settings import Settings
from card_fulfillment.topology import Topology, topology

log = structlog.get_logger("card_fulfillment")

_REACHABLE_WITHIN: Final = 30.0
_TRY_AGAIN_AFTER: Final = 0.5
_INTAKE_STOPS_WITHIN: Final = 4.0
_COLLECT_EVERY: Final = 20.0

T = TypeVar("T")
Lanes = Mapping[tuple[str, int], int]


class Unreachable(Exception):
    """A dependency did not answer within 30 s of the start."""


class Misfit(Exception):
    """What the worker runs on is not as it must be; the message says what to do."""


class Alarmed(Exception):
    """A person must look at it before the worker runs."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")


def clock() -> int:
    """Microseconds since the Unix epoch."""
    return time.time_ns() // 1000


async def reachable(
    what: str, attempt: Callable[[], Awaitable[T]], is_passing: Callable[[BaseException], bool]
) -> T:
    """Try until it answers. Raises Unreachable after 30 s."""
    ends = time.monotonic() + _REACHABLE_WITHIN
    while True:
        try:
            async with asyncio.timeout(max(ends - time.monotonic(), _TRY_AGAIN_AFTER)):
                return await attempt()
        except Exception as error:
            if not is_passing(error):
                raise
            if time.monotonic() > ends:
                raise Unreachable(f"{what} is not reachable: {type(error).__name__}") from error
            log.info("start.waiting", dependency=what, error=type(error).__name__)
        await asyncio.sleep(_TRY_AGAIN_AFTER)


async def check_topics(settings: Settings, known: Topology, *, check_only: bool) -> list[str]:
    """Sentences about what is not as it should be, after missing topics were created."""
    ensure = partial(
        ensure_topics, client_options(settings.kafka), known.plans, check_only=check_only
    )
    return await reachable("Kafka", ensure, kafka_connection.is_passing)


async def run(settings: Settings) -> None:
    """The worker, until SIGTERM or SIGINT. Raises Unreachable, Misfit or Alarmed at start."""
    known = topology(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    findings = await check_topics(settings, known, check_only=True)
    if findings:
        raise Misfit("; ".join(findings) + ": run `card-fulfillment topics`")
    lanes = await _checked_lanes(settings, known)
    await _check_outputs(settings, lanes)
    _collect_seldom()
    log.info("worker.starting", inputs=sorted(known.readers), lanes=len(lanes))
    await Worker(settings, known, lanes).run(stop)
    log.info("worker.stopped")


async def _check_outputs(settings: Settings, lanes: Lanes) -> None:
    """Hold the output topics against the database: on one of the past nothing must be taken in."""
    for topic in {topic for topic, _ in lanes}:
        partitions = [partition for of, partition in lanes if of == topic]
        open_outbox = outbox_of(settings.postgres, topic=topic, holder="")
        async with open_outbox(lambda: None) as outbox:
            try:
                tails = await read_tails(client_options(settings.kafka), topic, partitions)
            except Unavailable:
                continue  # another worker publishes to it just now, and has checked it
            alarm = await check_output(outbox, tails)
        if alarm is not None:
            raise Alarmed(alarm.name, f"{topic}: {alarm.message}")


async def _checked_lanes(settings: Settings, known: Topology) -> Lanes:
    open_ = partial(connect, settings.postgres, application_name="card-fulfillment start")
    connection = await reachable("Postgres", open_, postgres_connection.is_transient)
    lanes: dict[tuple[str, int], int] = {}
    try:
        await check_schema(connection)
        for topic in (known.status_changed, known.dead_letter):
            count = await partition_count(client_options(settings.kafka), topic) or 0
            pinned = await pin_lanes(connection, topic, count)
            lanes |= {(topic, partition): lane for partition, lane in pinned.items()}
    except PartitionsChanged as error:
        raise Alarmed("output_partitions_changed", str(error)) from error
    finally:
        await disconnect(connection)
    return lanes


def _collect_seldom() -> None:
    """Batches die by reference counts; looking for cycles among them costs a third of the time.

    What is in cycles all the same is collected now and then.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


async def _collect_now_and_then() -> None:
    while True:
        await asyncio.sleep(_COLLECT_EVERY)
        gc.collect()


class Worker:
    """Intake and relays of one process."""

    def __init__(self, settings: Settings, known: Topology, lanes: Lanes) -> None:
        self._settings, self._known, self._lanes = settings, known, lanes
        holder = f"{socket.gethostname()}/{os.getpid()}"
        self._relays = [
            Relay(
                RelayPorts(
                    outbox_of(settings.postgres, topic=topic, holder=holder),
                    publisher_of(settings.kafka, topic),
                ),
                observe=RelayReporter(topic),
            )
            for topic in (known.status_changed, known.dead_letter)
        ]

    async def run(self, stop: asyncio.Event) -> None:
        """The intake stops first, so that the relays publish what it committed."""
        relays_stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            collecting = group.create_task(_collect_now_and_then())
            for relay in self._relays:
                group.create_task(relay.run(relays_stop))
            try:
                await self._take_in(stop)
            finally:
                relays_stop.set()
                collecting.cancel()

    async def _take_in(self, stop: asyncio.Event) -> None:
        kafka, topics = self._settings.kafka, self._known.readers
        connect_intake = partial(
            connect, self._settings.postgres, application_name="card-fulfillment intake"
        )
        store = PostgresStore(connect_intake, self._lanes)
        source = InputSource(
            client_options(kafka),
            GroupOptions(kafka.group_id, kafka.session_timeout // timedelta(milliseconds=1)),
            topics,
            PostgresPositions(connect_intake),
            self._settings.intake.batch_records,
        )
        reporter = BatchReporter()
        intake = Intake(
            source,
            Decoder(topics, self._settings.intake.max_record_bytes),
            Applier(store, self._publishing()),
            clock,
            reporter,
        )
        await reachable("Kafka", source.start, kafka_connection.is_passing)
        try:
            await intake.run(stop)
        except InputRecreated as error:
            if not reporter.batches:
                raise Alarmed("input_recreated", str(error)) from error
            log.exception("intake.alarm", alarm="input_recreated", detail=str(error))
            await stop.wait()  # the relays go on; an exit would only loop
        finally:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(source.stop(), _INTAKE_STOPS_WITHIN)
            store.discard()

    def _publishing(self) -> Publishing:
        events = self._settings.events
        counts = {topic: 0 for topic, _ in self._lanes}
        for topic, _ in self._lanes:
            counts[topic] += 1
        return Publishing(
            Encoder(events.source, events.schema_base),
            self._known.status_changed,
            self._known.dead_letter,
            lambda topic, key: partition_of((key or "").encode(), counts[topic]),
            updates=events.updates,
        )
