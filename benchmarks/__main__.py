"""Measure the worker on an embedded Kafka and a Postgres that syncs to disk."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rich.console import Console

from card_fulfillment.devstack import Stack, embedded_stack

from .bulk import measure_curve, measure_fan_out
from .drain import measure_drain
from .hot_functions import measure_hot_functions
from .latency import measure_latency
from .machine import description
from .naive_drain import measure_naive
from .report import (
    Report,
    drain_figures,
    fan_out_figures,
    first_of,
    hot_figures,
    latency_figures,
)
from .stage import stage

_BOTH: Final = ("meridian", "delta")
_SIZES: Final = (5000, 20_000, 50_000, 200_000)


def main() -> int:
    """Exit code: 1 where the output had an anomaly or, with --check, where a floor was missed."""
    arguments = _arguments()
    console = Console(width=100)
    figures = hot_figures(asyncio.run(measure_hot_functions()))
    report = Report(figures, description(), judged=False)
    if not arguments.hot:
        with embedded_stack(progress=console.print, durable=True) as stack:
            report = asyncio.run(_measure(stack, arguments, figures))
    report.show(console)
    if arguments.json:
        arguments.json.write_text(report.as_json() + "\n", encoding="utf-8")
    missed = arguments.check and report.below
    return int(bool(report.anomalies or missed))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, too small for floors")
    parser.add_argument("--hot", action="store_true", help="the hot functions alone, no servers")
    parser.add_argument("--check", action="store_true", help="fail where a floor is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


async def _measure(stack: Stack, arguments: argparse.Namespace, hot: Mapping[str, float]) -> Report:
    servers = {"postgres": stack.postgres.pid, "kafka": stack.kafka.pid}
    cards, naive_cards, seconds = (2000, 100, 5) if arguments.quick else (20_000, 500, 20)
    members, sizes = (5000, (1000, 5000)) if arguments.quick else (50_000, _SIZES)
    with tempfile.TemporaryDirectory() as logs:
        where = (stack.bootstrap, stack.dsn)
        async with stage(*where, "drain", Path(logs)) as world:
            drain = await measure_drain(world, servers, cards)
        async with stage(*where, "two", Path(logs)) as world:
            by_two = await measure_drain(world, servers, cards, workers=2)
        async with stage(*where, "naive", Path(logs)) as world:
            naive = await measure_naive(world, servers, naive_cards)
        async with stage(*where, "steady", Path(logs)) as world:
            latency = await measure_latency(world, servers, seconds)
        async with stage(*where, "bulk", Path(logs), vendors=_BOTH) as world:
            fan_out = await measure_fan_out(world, servers, members)
        async with stage(*where, "curve", Path(logs), vendors=_BOTH) as world:
            curve = await measure_curve(world, servers, sizes)
    return Report(
        {
            **hot,
            **drain_figures(drain, by_two, naive),
            **latency_figures(latency),
            **fan_out_figures(fan_out, curve),
        },
        description(),
        not arguments.quick,
        first_of(
            {
                "drain": drain.anomalies,
                "two_workers": by_two.anomalies,
                "latency": latency.anomalies,
                "bulk": fan_out.anomalies,
            }
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
