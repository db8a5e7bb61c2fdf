"""What was measured as a table for people and as JSON for machines, held against the floors."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from .bulk import FanOut, Point
from .drain import Drain
from .latency import Latency, quantile
from .machine import Cost
from .naive_drain import NaiveDrain

_MIB: Final = 2**20
_MICRO: Final = 1e6
# What is measured, and how it has to compare with which limit.
FLOORS: Final = {
    "drain.events_per_second": (">=", 20_000.0),
    "drain.times_naive": (">=", 40.0),
    "drain.worker_cpu_us_per_event": ("<=", 45.0),
    "drain.peak_rss_mib": ("<=", 100.0),
    "two_workers.times_one": (">=", 1.0),
    "latency.p50_ms": ("<=", 25.0),
    "latency.p99_ms": ("<=", 80.0),
    "bulk.seconds_to_last_change": ("<=", 3.0),
    "bulk.others_p99_ms": ("<=", 250.0),
}


@dataclass(frozen=True)
class Report:
    """All figures by name; `anomalies` are what the audits found.

    `judged`: whether the sizes were such that the floors mean something.
    """

    figures: Mapping[str, float]
    machine: Mapping[str, Any]
    judged: bool
    anomalies: list[str] = field(default_factory=list)

    @property
    def below(self) -> list[str]:
        """The figures that miss their floor."""
        if not self.judged:
            return []
        return [name for name, value in self.figures.items() if not _meets(name, value)]

    def as_json(self) -> str:
        return json.dumps(
            {
                "figures": {name: round(value, 3) for name, value in self.figures.items()},
                "floors": {name: " ".join(map(str, floor)) for name, floor in FLOORS.items()},
                "below": self.below,
                "anomalies": self.anomalies,
                "machine": self.machine,
            },
            indent=2,
        )

    def show(self, console: Console) -> None:
        build = "compiled" if self.machine["compiled"] else "not compiled"
        table = Table("figure", "value", "floor", "", title=f"the worker, {build}")
        for name, value in self.figures.items():
            comparison, limit = FLOORS.get(name, ("", 0.0))
            floor = f"{comparison} {limit:,.0f}" if comparison else ""
            verdict = "MISSED" if name in self.below else "ok" if comparison and self.judged else ""
            table.add_row(name, f"{value:,.1f}", floor, verdict)
        console.print(table)
        console.print(f"machine: {json.dumps(self.machine)}")
        for anomaly in self.anomalies[:20]:
            console.print(f"ANOMALY {anomaly}", style="bold red")


def _meets(name: str, value: float) -> bool:
    comparison, limit = FLOORS.get(name, (">=", float("-inf")))
    return value >= limit if comparison == ">=" else value <= limit


def drain_figures(drain: Drain, by_two: Drain, naive: NaiveDrain) -> dict[str, float]:
    return {
        "drain.events": drain.events,
        "drain.events_per_second": drain.rate,
        "drain.times_naive": drain.rate / naive.rate,
        "drain.seconds": drain.cost.seconds,
        "drain.first_change_after_seconds": drain.first,
        "drain.peak_rss_mib": drain.peak_memory / _MIB,
        **_cost("drain", drain.cost, drain.events),
        "two_workers.events_per_second": by_two.rate,
        "two_workers.times_one": by_two.rate / drain.rate,
        **_cost("two_workers", by_two.cost, by_two.events),
        "naive.events": naive.events,
        "naive.events_per_second": naive.rate,
        **_cost("naive", naive.cost, naive.events),
    }


def latency_figures(latency: Latency) -> dict[str, float]:
    return {
        "latency.events": latency.events,
        "latency.events_per_second": latency.rate,
        "latency.p50_ms": quantile(latency.milliseconds, 0.5),
        "latency.p99_ms": quantile(latency.milliseconds, 0.99),
        "latency.max_ms": quantile(latency.milliseconds, 1),
        "latency.peak_rss_mib": latency.peak_memory / _MIB,
        **_cost("latency", latency.cost, latency.events),
    }


def fan_out_figures(fan_out: FanOut, curve: Iterable[Point]) -> dict[str, float]:
    figures = {
        "bulk.members": float(fan_out.members),
        "bulk.seconds_to_last_change": fan_out.seconds,
        "bulk.members_per_second": fan_out.members / fan_out.seconds,
        "bulk.others_p99_ms": quantile(fan_out.others, 0.99),
        "bulk.others_alone_p99_ms": quantile(fan_out.others_alone, 0.99),
        **_cost("bulk", fan_out.cost, fan_out.members),
    }
    for point in curve:
        name = f"curve.{point.members}"
        figures[f"{name}.us_per_member"] = point.seconds / point.members * _MICRO
        figures[f"{name}.worker_cpu_us_per_member"] = (
            point.cost.cpu["worker"] / point.members * _MICRO
        )
    return figures


def _cost(what: str, cost: Cost, events: int) -> dict[str, float]:
    """CPU of each process per event, and what others took of the machine meanwhile."""
    each = {
        f"{what}.{name}_cpu_us_per_event": seconds / events * _MICRO
        for name, seconds in cost.cpu.items()
        if name != "benchmark"
    }
    return each | {
        f"{what}.benchmark_cpu_cores": cost.cpu["benchmark"] / cost.seconds,
        f"{what}.foreign_cpu_cores": cost.foreign / cost.seconds,
        f"{what}.idle_cores": cost.idle / cost.seconds,
    }


def hot_figures(microseconds: Mapping[str, float]) -> dict[str, float]:
    return {f"hot.{name}_us": value for name, value in microseconds.items()}


def first_of(anomalies: Mapping[str, Iterable[str]]) -> list[str]:
    """Say which measurement each anomaly is of."""
    return [f"{what}: {said}" for what, found in anomalies.items() for said in found]
