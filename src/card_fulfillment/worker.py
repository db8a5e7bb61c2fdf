"""One process at work: intake, relays and the sweep, started together and ended in order."""

import asyncio
import contextlib
import gc
import time
from collections import Counter
from collections.abc import Awaitable
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from card_fulfillment.kafka import connection as kafka_connection
from card_fulfillment.kafka.connection import client_options
from card_fulfillment.kafka.consumer import InputSource
from card_fulfillment.kafka.group import GroupOptions
from card_fulfillment.kafka.producer import publisher_of
from card_fulfillment.messages.headers import Headers
from card_fulfillment.metrics import Meter
from card_fulfillment.ops.health import INPUT_RECREATED, Health
from card_fulfillment.ops.http import operator_app, serving
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.fan_out import FanOut
from card_fulfillment.pipeline.file_sweep import sweep_files
from card_fulfillment.pipeline.hints import Hints
from card_fulfillment.pipeline.intake import Intake
from card_fulfillment.pipeline.ports import Contended, StoreUnavailable
from card_fulfillment.pipeline.positions import InputRecreated
from card_fulfillment.pipeline.relay import Relay
from card_fulfillment.pipeline.relay_ports import RelayPorts
from card_fulfillment.pipeline.spreader import Spreader
from card_fulfillment.pipeline.sweep import sweep
from card_fulfillment.postgres.census import census_apart
from card_fulfillment.postgres.changes_writing import Lanes
from card_fulfillment.postgres.connection import connector
from card_fulfillment.postgres.file_accounts import FileSweepingTransaction
from card_fulfillment.postgres.outbox import outbox_of
from card_fulfillment.postgres.positions import PostgresPositions
from card_fulfillment.postgres.spreading import SpreadingTransaction
from card_fulfillment.postgres.store import PostgresStore, PostgresTransaction
from card_fulfillment.process import clock, limits_of, listening, process_name, unless_stopped
from card_fulfillment.reporting import IntakeReporter, RelayReporter, SpreadReporter, begin_counting
from card_fulfillment.settings import Settings
from card_fulfillment.starting import Alarmed, reachable
from card_fulfillment.topology import Topology
from card_fulfillment.watching import Expected, Watch
from card_fulfillment.wiring import decoder, publishing

log = structlog.get_logger("card_fulfillment")

_INTAKE_STOPS_WITHIN: Final = 4.0
_LETS_GO_WITHIN: Final = 1.0
_COLLECT_EVERY: Final = 20.0
_SIDE_BY_SIDE: Final = 3  # transactions that the intake has under way at most
_BATCHES_IN_HAND: Final = 3  # one is filled, and parts of two more may wait for their tracks


async def _collect_now_and_then() -> None:
    while True:
        await asyncio.sleep(_COLLECT_EVERY)
        gc.collect()


async def _within(seconds: float, work: Awaitable[None]) -> None:
    """Where it takes longer, or the database is away, it is left."""
    with contextlib.suppress(TimeoutError, StoreUnavailable):
        async with asyncio.timeout(seconds):
            await work


class Worker:
    """Intake, relays and sweep of one process."""

    def __init__(self, settings: Settings, known: Topology, lanes: Lanes) -> None:
        self._settings, self._known, self._lanes = settings, known, lanes
        self._publishing = publishing(settings, known, lanes)
        self._meter = Meter()
        begin_counting(self._meter, known.readers, known.vendors.values())
        self._name = process_name()
        headers = Headers(settings.events.source, settings.events.schema_base)
        self._relays = {
            topic: Relay(
                RelayPorts(
                    outbox_of(settings.postgres, topic=topic, holder=self._name),
                    publisher_of(settings.kafka, topic, headers),
                ),
                observe=RelayReporter(topic),
            )
            for topic in (known.status_changed, known.dead_letter)
        }
        self._health = Health(
            {topic: relay.status for topic, relay in self._relays.items()},
            limits_of(settings.ops),
        )
        census = partial(census_apart, connector(settings.postgres, "census"))
        self._spreader = self._made_spreader()
        pinned = Counter(topic for topic, _ in lanes)
        expected = Expected(known.readers.keys(), pinned)
        self._watch = Watch(expected, self._health, self._meter, census, clock)

    async def run(self, stop: asyncio.Event) -> None:
        """Raises PortTaken before anything is started."""
        listener = listening(self._settings.ops)
        app = operator_app(self._health, self._meter, time.monotonic)
        async with serving(app, listener):
            await self._work(stop)

    async def _work(self, stop: asyncio.Event) -> None:
        """The intake stops first, so that the relays publish what it committed.

        But they do not wait until it has left its group, which takes seconds where Kafka is away.
        """
        relays_stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            chores = [
                group.create_task(_collect_now_and_then()),
                group.create_task(self._sweep_now_and_then()),
                group.create_task(self._watch.run()),
                group.create_task(self._spreader.run()),
            ]
            for relay in self._relays.values():
                group.create_task(relay.run(relays_stop))
            try:
                await self._take_in(stop, relays_stop)
            finally:
                for chore in chores:
                    chore.cancel()

    async def _take_in(self, stop: asyncio.Event, ended: asyncio.Event) -> None:
        """ended: set when it commits nothing any more."""
        source = self._source()
        stores = [self._intake_store() for _ in range(_SIDE_BY_SIDE)]
        hints = Hints()
        intake = Intake(
            source,
            decoder(self._settings, self._known),
            [Applier(store, self._publishing, hints) for store in stores],
            clock,
            IntakeReporter(self._meter),
            self._spreader.look_at,
        )
        self._health.intake = intake.status
        self._watch.follow(source)
        try:
            start = reachable("Kafka", source.start, kafka_connection.is_passing)
            await unless_stopped(stop, start)
            await intake.run(stop, self._settings.intake.batch_records)
            await _within(_LETS_GO_WITHIN, source.let_go())
        except InputRecreated as error:
            if not source.begun:
                raise Alarmed(INPUT_RECREATED, str(error)) from error
            self._health.raise_alarm(INPUT_RECREATED, str(error))
            log.exception("intake.alarm", alarm=INPUT_RECREATED, detail=str(error))
            await stop.wait()  # the relays go on; an exit would only loop
        finally:
            ended.set()
            for store in stores:
                store.discard()
            await _within(_INTAKE_STOPS_WITHIN, source.stop())

    def _made_spreader(self) -> Spreader:
        bulks = self._settings.bulks
        connect = connector(self._settings.postgres, "fan-out", by_keys=True)
        store = PostgresStore(connect, self._lanes, SpreadingTransaction)
        fan_out = FanOut(store.transaction, self._publishing, bulks.members_at_a_time)
        return Spreader(fan_out, bulks.tick.total_seconds(), clock, SpreadReporter(self._meter))

    async def _sweep_now_and_then(self) -> None:
        """Any worker may sweep; a failure is told, and the next turn tries again."""
        parking, grace = self._settings.parking, self._settings.files.grace
        connect = connector(self._settings.postgres, "sweep")
        store = PostgresStore(connect, self._lanes, FileSweepingTransaction)
        while True:
            await asyncio.sleep(parking.sweep_every.total_seconds())
            try:
                swept = await sweep(store.transaction, parking.deadline, self._publishing, clock())
                if swept:
                    log.warning("sweep.overdue", facts=swept)
                files = await sweep_files(store.transaction, grace, self._publishing, clock())
                if any(files):
                    log.warning("sweep.files", raised=files.raised, resolved=files.resolved)
            except (StoreUnavailable, Contended) as error:
                log.warning("sweep.failed", error=type(error).__name__, detail=str(error))
            except Exception:  # a defect: what sweeps is no reason to take nothing in
                log.exception("sweep.failed")
            finally:
                store.discard()

    def _intake_store(self) -> PostgresStore[PostgresTransaction]:
        connect = connector(self._settings.postgres, "intake", by_keys=True)
        return PostgresStore(connect, self._lanes, PostgresTransaction)

    def _source(self) -> InputSource:
        kafka = self._settings.kafka
        return InputSource(
            client_options(kafka),
            GroupOptions(kafka.group_id, kafka.session_timeout // timedelta(milliseconds=1)),
            self._known.readers,
            PostgresPositions(connector(self._settings.postgres, "positions"), self._name),
            _BATCHES_IN_HAND * self._settings.intake.batch_records,
        )
