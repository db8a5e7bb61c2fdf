"""Every metric that a worker or an auditor gives: its name, its labels and what it means.

Counted once a batch or once a tick, never once a record. Gauges marked "of the installation" are
read from the database that all workers share: take the maximum over workers, not the sum.
"""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from itertools import product
from platform import python_version
from typing import Any, Final, Generic, NamedTuple, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest

disable_created_metrics()  # a second series for each counter, which nobody asks for

PREFIX: Final = "card_fulfillment_"


Kind = TypeVar("Kind")


class Metric(NamedTuple, Generic[Kind]):
    """name: without the prefix."""

    kind: type[Kind]
    name: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def full_name(self) -> str:
        return PREFIX + self.name


RECORDS: Final = Metric(
    Counter,
    "records_total",
    ("topic", "became"),
    "Records taken from an input topic, by what became of them: "
    "applied, duplicate, ignored, parked or quarantined.",
)
FACTS: Final = Metric(
    Counter,
    "facts_total",
    ("outcome",),
    "New facts by what became of them at once: published, unchanged, late, enrichment or parked.",
)
QUARANTINED: Final = Metric(
    Counter,
    "quarantined_total",
    ("reason", "vendor"),
    "Dead letters of records that this worker took in, by reason and by the vendor that the topic "
    "belongs to; not those of deadlines and files.",
)
BATCH_SECONDS: Final = Metric(
    Histogram, "batch_seconds", (), "How long the transaction of a batch took, in seconds."
)
BATCH_FAILURES: Final = Metric(
    Counter, "batch_failures_total", ("error",), "Batches that were rolled back and tried again."
)
FETCH_FAILURES: Final = Metric(
    Counter, "fetch_failures_total", ("error",), "Fetches that failed and were tried again."
)
BULK_MEMBERS: Final = Metric(
    Counter,
    "bulk_members_total",
    (),
    "Members of bulk issuances to which this worker brought what was said of all, a range or a "
    "parcel.",
)
BULK_SECONDS: Final = Metric(
    Histogram,
    "bulk_spread_seconds",
    (),
    "How long a transaction took that brought what was said of a bulk issuance to some of its "
    "members, in seconds.",
)
BULK_TICKS: Final = Metric(
    Counter,
    "bulk_ticks_total",
    (),
    "How often this worker published changed counts alone, a tick after they changed.",
)
BULK_FAILURES: Final = Metric(
    Counter,
    "bulk_failures_total",
    ("error",),
    "Transactions that bring something to members, or publish changed counts, that were rolled "
    "back and tried again.",
)
PUBLISHED: Final = Metric(
    Counter, "published_total", ("topic",), "Records published to an output topic by this worker."
)
ASSIGNED: Final = Metric(
    Gauge, "assigned_partitions", ("topic",), "Input partitions that this worker takes from."
)
LAG: Final = Metric(
    Gauge,
    "input_lag",
    ("topic",),
    "Offsets not applied yet, of the partitions that this worker takes from.",
)
OLDEST: Final = Metric(
    Gauge,
    "input_oldest_seconds",
    ("topic",),
    "Age of the oldest record not applied yet, by its Kafka timestamp; 0 without lag.",
)
WITHHELD: Final = Metric(
    Gauge,
    "input_withheld",
    ("topic",),
    "Offsets that Kafka holds back because somebody's transaction on the input topic is open.",
)
IN_DOUBT: Final = Metric(
    Gauge,
    "partitions_in_doubt",
    (),
    "Input partitions at which workers died again and again, so that this worker takes few "
    "records at a time.",
)
OUTBOX: Final = Metric(
    Gauge,
    "outbox_backlog",
    ("topic",),
    "Of the installation: changes committed and not noted as published.",
)
OUTBOX_OLDEST: Final = Metric(
    Gauge,
    "outbox_oldest_seconds",
    ("topic",),
    "Of the installation: age of the oldest change committed and not noted as published; 0 "
    "without any.",
)
OPEN_LETTERS: Final = Metric(
    Gauge, "open_dead_letters", ("reason",), "Of the installation: open dead letters."
)
PARKED: Final = Metric(
    Gauge,
    "parked_facts",
    ("overdue",),
    "Of the installation: facts that wait for what they are about, past their deadline or not.",
)
BULKS_AT_WORK: Final = Metric(
    Gauge,
    "bulks_at_work",
    ("waits_for",),
    "Of the installation: bulk issuances of which members lack something (members), or changed "
    "counts are not published yet (tick).",
)
BULK_STANDSTILL: Final = Metric(
    Gauge,
    "bulk_standstill_seconds",
    (),
    "Of the installation, as this worker sees it: for how long nothing was written of the bulk "
    "issuance that waits for longest; 0 without any.",
)
RELAY_STATE: Final = Metric(
    Gauge, "relay_state", ("topic", "state"), "1 for the state that this worker's relay is in."
)
RELAY_FAILURES: Final = Metric(
    Gauge, "relay_failures", ("topic",), "Failures of this worker's relay in a row; 0: all is well."
)
ALARM: Final = Metric(
    Gauge, "alarm", ("name",), "1 while an alarm of that name stands; the runbook has a page each."
)
READY: Final = Metric(Gauge, "ready", (), "1 while /readyz says yes.")
BUILD: Final = Metric(Gauge, "build_info", ("version", "python"), "1; which build this is.")

AUDITED: Final = Metric(
    Counter,
    "audited_total",
    ("topic",),
    "Records of an output topic that were held against the outbox.",
)
AUDIT_VIOLATIONS: Final = Metric(
    Counter,
    "audit_violations_total",
    ("topic", "violation"),
    "What a subscriber should never have seen; the runbook says of each where it can come from.",
)
AUDIT_BEHIND: Final = Metric(
    Gauge,
    "audit_behind_seconds",
    ("topic",),
    "Since when the auditor has not come to the end of an output topic; it does each second or so.",
)

CATALOGUE: Final[tuple[Metric[Any], ...]] = (
    RECORDS,
    FACTS,
    QUARANTINED,
    BATCH_SECONDS,
    BATCH_FAILURES,
    FETCH_FAILURES,
    BULK_MEMBERS,
    BULK_SECONDS,
    BULK_TICKS,
    BULK_FAILURES,
    PUBLISHED,
    ASSIGNED,
    LAG,
    OLDEST,
    WITHHELD,
    IN_DOUBT,
    OUTBOX,
    OUTBOX_OLDEST,
    OPEN_LETTERS,
    PARKED,
    BULKS_AT_WORK,
    BULK_STANDSTILL,
    RELAY_STATE,
    RELAY_FAILURES,
    ALARM,
    READY,
    BUILD,
)
"""Those of a worker."""

AUDIT_CATALOGUE: Final[tuple[Metric[Any], ...]] = (
    AUDITED,
    AUDIT_VIOLATIONS,
    AUDIT_BEHIND,
    ALARM,
    READY,
    BUILD,
)
"""Those of an auditor."""

_Labels = tuple[str, ...]


class Meter:
    """The metrics of one process; nothing is global. Label values are in the metric's order."""

    def __init__(self, catalogue: Iterable[Metric[Any]] = CATALOGUE) -> None:
        self._registry = CollectorRegistry()
        self._made: dict[Metric[Any], Any] = {
            metric: metric.kind(
                metric.full_name, metric.meaning, metric.labels, registry=self._registry
            )
            for metric in catalogue
        }
        ProcessCollector(registry=self._registry)
        self.set(BUILD, {(version("card-fulfillment"), python_version()): 1})

    def count(self, metric: Metric[Counter], *labels: str, by: float = 1) -> None:
        made: Counter = self._made[metric]
        (made.labels(*labels) if labels else made).inc(by)

    def begin(self, metric: Metric[Counter], *labels: Iterable[str]) -> None:
        """Show 0 for all of these labels together: an alert on growth sees the first event too."""
        for together in product(*labels):
            self._made[metric].labels(*together)

    def observe(self, metric: Metric[Histogram], value: float) -> None:
        made: Histogram = self._made[metric]
        made.observe(value)

    def set(self, metric: Metric[Gauge], values: Mapping[_Labels, float]) -> None:
        """All values of a gauge at once: those of other labels are gone."""
        made: Gauge = self._made[metric]
        if not metric.labels:
            made.set(values[()])
            return
        made.clear()
        for labels, value in values.items():
            made.labels(*labels).set(value)

    def exposition(self) -> bytes:
        """What Prometheus scrapes, in its text format 0.0.4."""
        return generate_latest(self._registry)


def by_topic(values: Iterable[tuple[str, float]]) -> dict[_Labels, float]:
    """Sums by the first of each pair."""
    sums: dict[_Labels, float] = {}
    for topic, value in values:
        sums[topic,] = sums.get((topic,), 0) + value
    return sums
