"""Looking after the worker while it works: measuring, beside the work, what operators are shown."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from card_fulfillment import metrics
from card_fulfillment.metrics import Meter, by_topic
from card_fulfillment.ops.health import (
    ALARMS,
    INPUT_MISSING,
    SCHEMA_MISMATCH,
    Health,
)
from card_fulfillment.pipeline.backlog import BulkBacklog, Census, InputBacklog, Measured
from card_fulfillment.pipeline.intake_ports import SourceUnavailable
from card_fulfillment.pipeline.output_check import OUTPUT_PARTITIONS_CHANGED, partitions_changed
from card_fulfillment.pipeline.ports import StoreUnavailable
from card_fulfillment.pipeline.relay import RelayState

log = structlog.get_logger("card_fulfillment")

_LOOK_EVERY: Final = 1.0
# So often within the time after which a standstill is an alarm: it is noticed soon enough.
_MEASURES_A_STALL: Final = 6
_MICROS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Expected:
    """What Kafka has to have: topics of the inputs, and with how many partitions each output."""

    inputs: Collection[str]
    outputs: Mapping[str, int]


class Watch:
    """Keeps health and gauges up to date. clock: microseconds since the Unix epoch."""

    def __init__(
        self,
        expected: Expected,
        health: Health,
        meter: Meter,
        census: Callable[[], Awaitable[Census | str]],
        clock: Callable[[], int],
    ) -> None:
        """census: of the database; a sentence where its schema is no more one to work on.

        It raises StoreUnavailable.
        """
        self._expected, self._health, self._meter = expected, health, meter
        self._census, self._clock = census, clock
        self._inputs: Measured | None = None
        self._published: dict[str, int] = {}
        self._in_doubt = 0
        self._standing: set[str] = set()

    def follow(self, inputs: Measured) -> None:
        self._inputs = inputs

    async def run(self) -> None:
        """Until it is cancelled. Raises nothing: nobody's work depends on being watched."""
        measure_every = self._health.limits.stalled / _MEASURES_A_STALL
        async with asyncio.TaskGroup() as group:
            group.create_task(_each(_LOOK_EVERY, self._look))
            group.create_task(_each(measure_every, self._measure_inputs))
            group.create_task(_each(measure_every, self._take_census))

    async def _look(self) -> None:
        now = time.monotonic()
        if self._inputs is not None:
            self._health.heard_of_group(
                now, joined=self._inputs.joined, is_member=self._inputs.is_member
            )
        self._health.look(now)
        alarms = {reason.name: reason.detail for reason in self._health.alarms(now)}
        self._tell(alarms)
        self._look_at_doubts()
        self._look_at_relays()
        self._meter.set(metrics.ALARM, {(n,): n in alarms for n in (*ALARMS, *alarms)})
        self._meter.set(metrics.READY, {(): not self._health.unready(now)})

    def _tell(self, alarms: dict[str, str]) -> None:
        """Log what began and what ended since the last look."""
        for name in alarms.keys() - self._standing:
            log.error("alarm.raised", alarm=name, detail=alarms[name])
        for name in self._standing - alarms.keys():
            log.info("alarm.over", alarm=name)
        self._standing = set(alarms)

    def _look_at_doubts(self) -> None:
        before, now = self._in_doubt, self._inputs.in_doubt if self._inputs else 0
        self._in_doubt = now
        self._meter.set(metrics.IN_DOUBT, {(): now})
        if now and not before:
            log.warning("intake.in_doubt", partitions=now)
        elif before and not now:
            log.info("intake.in_doubt_no_more")

    def _look_at_relays(self) -> None:
        meter, relays = self._meter, self._health.relays.items()
        meter.set(
            metrics.RELAY_STATE,
            {(t, s.value): s is status.state for t, status in relays for s in RelayState},
        )
        meter.set(metrics.RELAY_FAILURES, {(t,): status.failures for t, status in relays})
        for topic, status in relays:
            news = status.published - self._published.get(topic, 0)
            meter.count(metrics.PUBLISHED, topic, by=news)
            self._published[topic] = status.published

    async def _measure_inputs(self) -> None:
        if self._inputs is None or not self._inputs.joined:
            return
        try:
            inputs, counts = await self._inputs.backlog(), await self._inputs.partition_counts()
        except SourceUnavailable:
            return  # health notices that nothing was heard
        now = time.monotonic()
        self._health.heard_of_inputs(inputs, now)
        missing = ", ".join(sorted(set(self._expected.inputs) - counts.keys()))
        self._alarm_if(INPUT_MISSING, missing and f"Kafka has no topic {missing}")
        changed = "; ".join(
            partitions_changed(topic, counts[topic], pinned)
            for topic, pinned in self._expected.outputs.items()
            if counts.get(topic, pinned) != pinned
        )
        self._alarm_if(OUTPUT_PARTITIONS_CHANGED, changed)
        self._show_inputs(inputs, now)

    def _alarm_if(self, name: str, detail: str) -> None:
        """It stands as long as there is something to say of it."""
        if detail:
            self._health.raise_alarm(name, detail)
        else:
            self._health.lower_alarm(name)

    def _show_inputs(self, inputs: Sequence[InputBacklog], now: float) -> None:
        of_topic = [(each.partition.topic, each) for each in inputs]
        meter = self._meter
        meter.set(metrics.ASSIGNED, by_topic((t, 1) for t, _ in of_topic))
        meter.set(metrics.LAG, by_topic((t, each.lag) for t, each in of_topic))
        meter.set(metrics.WITHHELD, by_topic((t, each.withheld) for t, each in of_topic))
        oldest: dict[tuple[str, ...], float] = {}
        for topic, each in of_topic:
            oldest[topic,] = max(oldest.get((topic,), 0.0), self._age(each, now))
        meter.set(metrics.OLDEST, oldest)

    def _age(self, each: InputBacklog, now: float) -> float:
        if not each.lag:
            return 0.0
        if each.oldest is None:
            return self._health.waiting_seconds(each.partition, now)
        return (self._clock() - each.oldest) / _MICROS

    async def _take_census(self) -> None:
        try:
            census = await self._census()
        except StoreUnavailable:
            return
        if isinstance(census, str):
            self._health.raise_alarm(SCHEMA_MISMATCH, census)
            return
        self._health.lower_alarm(SCHEMA_MISMATCH)
        self._health.heard_of_outputs(census.outputs, time.monotonic())
        meter = self._meter
        meter.set(metrics.OUTBOX, {(o.topic,): o.waiting for o in census.outputs})
        meter.set(metrics.OUTBOX_OLDEST, {(o.topic,): o.oldest_seconds for o in census.outputs})
        meter.set(metrics.OPEN_LETTERS, {(r,): count for r, count in census.letters.items()})
        self._look_at_bulks(census.bulks)
        meter.set(metrics.PARKED, {("no",): census.parked, ("yes",): census.past_deadline})

    def _look_at_bulks(self, bulks: Sequence[BulkBacklog]) -> None:
        now = time.monotonic()
        self._health.heard_of_bulks(bulks, now)
        lagging = sum(each.lags for each in bulks)
        waiting: dict[tuple[str, ...], float] = {
            ("members",): lagging,
            ("tick",): len(bulks) - lagging,
        }
        self._meter.set(metrics.BULKS_AT_WORK, waiting)
        self._meter.set(metrics.BULK_STANDSTILL, {(): self._health.bulk_seconds(now)})


async def _each(seconds: float, look: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await look()
        except Exception:
            log.exception("watch.failed", what=look.__name__)
        await asyncio.sleep(seconds)
