"""How cards and bulk issuances that should have got on are shown."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson
from rich.console import RenderableType
from rich.text import Text

from card_fulfillment.ops import look
from card_fulfillment.pipeline.laggards import Laggard, Laggards, id_of


def as_table(found: Laggards, now: datetime, silent_for: timedelta) -> Iterator[RenderableType]:
    """Those silent for longest, and how many there are."""
    if found.oldest:
        table = look.table(
            "Should have got on",
            "id",
            "status",
            "last news (UTC)",
            "days",
            "late",
            "estimated",
            "shipment",
            "vendor",
        )
        for each in found.oldest:
            table.add_row(*_cells(each, now))
        yield table
    yield Text(_summary(found, silent_for))


def _cells(each: Laggard, now: datetime) -> Iterator[RenderableType]:
    event, shipment = each.event, each.event["shipment"]
    yield id_of(event)
    yield look.status(event["fulfillment_status"])
    yield f"{each.since:%Y-%m-%d}"
    yield Text(str((now - each.since).days), "bold yellow" if each.is_silent else "")
    yield Text("" if each.days_late is None else str(each.days_late), "bold yellow")
    yield Text(
        shipment["estimated_delivery"] or "",
        "bold yellow" if each.past_estimate is not None else "",
    )
    yield " ".join(filter(None, (shipment["carrier"], shipment["tracking_number"])))
    yield (event["vendor"] or {"id": ""})["id"]


def _summary(found: Laggards, silent_for: timedelta) -> str:
    total = sum(found.by_status.values())
    if not total:
        length = _in_words(silent_for)
        return f"nothing is past its estimated delivery, late in its phase or silent for {length}"
    counts = ", ".join(f"{count} {status}" for status, count in found.by_status.most_common())
    shown = f"the {len(found.oldest)} silent for longest of " if len(found.oldest) < total else ""
    return (
        f"{shown}{total}: {found.silent} silent for {_in_words(silent_for)} and more, "
        f"{found.past_estimate} past their estimated delivery, "
        f"{found.late} late in their phase ({counts})"
    )


def _in_words(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    for size, unit in ((24 * 60, "day"), (60, "hour")):
        if minutes % size == 0:
            return look.number(minutes // size, unit)
    return look.number(minutes, "minute")


def as_json(each: Laggard, now: datetime) -> str:
    """One line for a program: which one, why, and its last event."""
    line: dict[str, Any] = {
        "id": id_of(each.event),
        "silent_days": (now - each.since).days,
        "is_silent": each.is_silent,
        "days_past_estimate": each.past_estimate,
        "working_days_late": each.days_late,
        "event": each.event,
    }
    return orjson.dumps(line).decode()
