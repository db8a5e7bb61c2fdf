"""What the pipeline tells is logged here: a canonical line a batch, one a change of state."""

import traceback
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import structlog

from card_fulfillment import metrics
from card_fulfillment.domain.journey import FactOutcome
from card_fulfillment.messages.envelope import Record, RefusalReason
from card_fulfillment.metrics import Meter
from card_fulfillment.pipeline.batch import Batch, RecordClass
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.ports import Contended, StoreUnavailable
from card_fulfillment.pipeline.relay import RelayState, RelayStatus

log = structlog.get_logger("card_fulfillment")


def begin_counting(meter: Meter, topics: Iterable[str], vendors: Iterable[str]) -> None:
    """topics: of the input. vendors: those that a topic belongs to."""
    meter.begin(metrics.RECORDS, topics, (became.value for became in RecordClass))
    meter.begin(metrics.FACTS, (outcome.value for outcome in FactOutcome))
    reasons = (reason.value for reason in RefusalReason)
    meter.begin(metrics.QUARANTINED, reasons, ("", *vendors))


class IntakeReporter:
    """Logs and counts what the intake did: a line for each batch, and each dead letter of it."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def batch_applied(self, batch: Batch, effects: Effects, seconds: float) -> None:
        _count(self._meter, effects, seconds)
        classes: Counter[RecordClass] = Counter()
        for counts in effects.counts.values():
            classes.update(counts)
        log.info(
            "batch.applied",
            records=len(batch.decoded),
            partitions=len(batch.moves),
            **{name.value: classes[name] for name in RecordClass},
            changes=len(effects.changes),
            milliseconds=round(seconds * 1000, 1),
        )
        for letter in effects.dead_letters:
            log.warning(
                "record.quarantined",
                reason=letter.reason.value,
                field=letter.field_path,
                vendor=letter.vendor,
                topic=letter.topic,
                partition=letter.partition,
                offset=letter.offset,
                dead_letter_id=letter.dead_letter_id,
            )

    def batch_failed(self, error: Exception, *, again_in: float) -> None:
        self._meter.count(metrics.BATCH_FAILURES, type(error).__name__)
        log.warning(
            "batch.failed", error=type(error).__name__, detail=str(error), again_in=again_in
        )

    def fetch_failed(self, error: Exception, *, again_in: float) -> None:
        self._meter.count(metrics.FETCH_FAILURES, type(error).__name__)
        log.warning(
            "fetch.failed", error=type(error).__name__, detail=str(error), again_in=again_in
        )

    def record_failed(self, record: Record, error: Exception) -> None:
        """Without the error's words, which may quote the record."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        log.error(
            "record.failed",
            error=type(error.__cause__ or error).__name__,
            at=f"{Path(place.filename).name}:{place.lineno}",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
        )


class SpreadReporter:
    """Logs and counts what the fan-out did: a line for each chunk of members, and each tick."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def spread(self, effects: Effects, seconds: float) -> None:
        log.info(
            "bulk.spread",
            bulks=len(effects.bulks),
            members=len(effects.cards),
            changes=len(effects.changes),
            milliseconds=round(seconds * 1000, 1),
        )
        self._meter.count(metrics.BULK_MEMBERS, by=len(effects.cards))
        self._meter.observe(metrics.BULK_SECONDS, seconds)

    def ticked(self, effects: Effects, seconds: float) -> None:
        log.info("bulk.ticked", bulks=len(effects.bulks), milliseconds=round(seconds * 1000, 1))
        self._meter.count(metrics.BULK_TICKS, by=len(effects.bulks))

    def failed(self, error: Exception, *, again_in: float) -> None:
        self._meter.count(metrics.BULK_FAILURES, type(error).__name__)
        log.warning(
            "bulk.failed",
            error=type(error).__name__,
            detail=str(error),
            again_in=again_in,
            exc_info=not isinstance(error, StoreUnavailable | Contended),
        )


def _count(meter: Meter, effects: Effects, seconds: float) -> None:
    meter.observe(metrics.BATCH_SECONDS, seconds)
    for (topic, _), counts in effects.counts.items():
        for became, count in counts.items():
            meter.count(metrics.RECORDS, topic, became.value, by=count)
    for outcome, count in effects.outcomes().items():
        meter.count(metrics.FACTS, outcome.value, by=count)
    for letter in effects.dead_letters:
        meter.count(metrics.QUARANTINED, letter.reason.value, letter.vendor or "")


class RelayReporter:
    """Logs what changed since the last status of one relay."""

    def __init__(self, topic: str) -> None:
        self._log = log.bind(topic=topic)
        self._last: tuple[RelayState, int] | None = None

    def __call__(self, status: RelayStatus) -> None:
        now = (status.state, status.failures)
        if now == self._last:
            return
        self._last = now
        if status.state is RelayState.ALARMED and status.alarm is not None:
            self._log.error("relay.alarm", alarm=status.alarm.name, detail=status.alarm.message)
        elif status.state is RelayState.RETRYING:
            self._log.warning("relay.failed", failures=status.failures, error=status.last_failure)
        else:
            self._log.info(f"relay.{status.state.value}", published=status.published)
