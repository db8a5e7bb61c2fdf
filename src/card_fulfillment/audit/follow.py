"""The continuous auditor: a process that goes on proving, with an operator's port of its own."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

import structlog

from card_fulfillment import metrics
from card_fulfillment.audit.topic import TopicAudit, is_passing, is_waited_for
from card_fulfillment.metrics import AUDIT_CATALOGUE, Meter, by_topic
from card_fulfillment.ops.audit_health import AUDIT_VIOLATION, AuditHealth
from card_fulfillment.ops.http import operator_app, serving
from card_fulfillment.pipeline.audit import Finding, Violation
from card_fulfillment.process import limits_of, listening, told_to_stop, unless_stopped
from card_fulfillment.settings import Settings

log = structlog.get_logger("card_fulfillment")

_EACH: Final = 1.0
_AGAIN_IN: Final = 2.0
_CONNECTED_WITHIN: Final = 30.0
_LOOK_EVERY: Final = 1.0
_LINE_EVERY: Final = 60.0


async def follow(settings: Settings, topics: Sequence[str], last: int | None) -> None:
    """Until SIGTERM or SIGINT. An outage is waited for, once it began whatever keeps it from work.

    What is not as it must be when it begins is raised: Misfit, Alarmed, PortTaken.

    last: as of TopicAudit.
    """
    stop = told_to_stop()
    listener = listening(settings.ops)
    auditor = _Auditor(settings, topics)
    async with serving(operator_app(auditor.health, auditor.meter, time.monotonic), listener):
        log.info("audit.starting", topics=topics)
        await unless_stopped(stop, auditor.run(last))
    log.info("audit.stopped")


class _Auditor:
    def __init__(self, settings: Settings, topics: Sequence[str]) -> None:
        self._settings, self._topics = settings, topics
        self.health = AuditHealth(topics, limits_of(settings.ops), time.monotonic())
        self.meter = Meter(AUDIT_CATALOGUE)
        self.meter.begin(metrics.AUDITED, topics)
        self.meter.begin(metrics.AUDIT_VIOLATIONS, topics, (each.value for each in Violation))
        self._records = 0

    async def run(self, last: int | None) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_now_and_then())
            group.create_task(self._tell_now_and_then())
            for topic in self._topics:
                group.create_task(self._go_on(TopicAudit(self._settings, topic, last, self)))

    def held(self, topic: str, records: int, found: Sequence[Finding]) -> None:
        self._records += records
        self.health.turned(topic, time.monotonic())
        self.health.held(topic, records, found)
        self.meter.count(metrics.AUDITED, topic, by=records)
        for finding in found:
            self.meter.count(metrics.AUDIT_VIOLATIONS, topic, finding.violation.value)
            log.error(
                "audit.violation",
                violation=finding.violation.value,
                topic=topic,
                partition=finding.partition,
                offset=finding.offset,
                detail=finding.detail,
            )

    async def _go_on(self, audit: TopicAudit) -> None:
        """For ever; after a failure it goes on where it stood."""
        while True:
            try:
                await self._until_it_fails(audit)
            except Exception as error:
                if not (is_waited_for if audit.begun else is_passing)(error):
                    raise
                self._failed(audit.topic, error)
                await asyncio.sleep(_AGAIN_IN)

    async def _until_it_fails(self, audit: TopicAudit) -> None:
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(_CONNECTED_WITHIN):  # of many servers each takes its time
                connected = await stack.enter_async_context(audit.connected())
            while True:
                await connected.read_to_the_end()
                self.health.came_to_the_end(audit.topic, time.monotonic())
                await asyncio.sleep(_EACH)

    def _failed(self, topic: str, error: Exception) -> None:
        self.health.turned(topic, time.monotonic())
        log.warning("audit.failed", topic=topic, error=type(error).__name__, detail=str(error))

    async def _look_now_and_then(self) -> None:
        while True:
            now = time.monotonic()
            self.meter.set(metrics.ALARM, {(AUDIT_VIOLATION,): bool(self.health.alarms())})
            self.meter.set(metrics.READY, {(): not self.health.unready(now)})
            self.meter.set(metrics.AUDIT_BEHIND, by_topic(self.health.behind(now).items()))
            await asyncio.sleep(_LOOK_EVERY)

    async def _tell_now_and_then(self) -> None:
        """A line a minute, so that a silent auditor is not taken for a dead one."""
        while True:
            await asyncio.sleep(_LINE_EVERY)
            log.info("audit.held", records=self._records)
            self._records = 0
