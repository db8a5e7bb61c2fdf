"""Times as people type them."""

from datetime import UTC, datetime, timedelta
from re import fullmatch
from typing import Final

import typer

from card_fulfillment.commands.running import current_time

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def moment(text: str) -> datetime:
    """A time, in UTC where it says nothing else, or so long ago: 30m, 12h, 7d."""
    if (ago := _length(text)) is not None:
        return current_time() - ago
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter("a time like 2026-03-02T06:00, or 30m, 12h, 7d ago") from None


def length(text: str) -> timedelta:
    """So long: 30m, 12h, 7d."""
    if (found := _length(text)) is not None:
        return found
    raise typer.BadParameter("a length of time like 30m, 12h, 7d")


def _length(text: str) -> timedelta | None:
    found = fullmatch(r"(\d{1,5})([mhd])", text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
