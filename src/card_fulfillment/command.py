"""How a command begins and ends: its settings, its exit code, and one readable line."""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from re import fullmatch
from typing import Any, Final, NoReturn, TypeVar

import typer
import uvloop
from pydantic import ValidationError

from card_fulfillment import log, starting, worker
from card_fulfillment.kafka import connection as kafka_connection
from card_fulfillment.ops.http import PortTaken
from card_fulfillment.postgres import connection as postgres_connection
from card_fulfillment.postgres.schema import SchemaMismatch
from card_fulfillment.settings import Settings
from card_fulfillment.topology import Topology, UnknownVendor, topology
from card_fulfillment.vendors.profile import ProfileError

FOUND_WRONG: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
ALARMED: Final = 4

_EXIT_CODES: Final[Mapping[type[Exception], int]] = {
    starting.Misfit: FOUND_WRONG,
    SchemaMismatch: FOUND_WRONG,
    ProfileError: USAGE,
    UnknownVendor: USAGE,
    PortTaken: USAGE,
    kafka_connection.AccessRefused: USAGE,
    postgres_connection.AccessRefused: USAGE,
    starting.Unreachable: UNREACHABLE,
    starting.Alarmed: ALARMED,
}

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}

T = TypeVar("T")


def load_settings() -> Settings:
    try:
        settings = Settings.load()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = "__".join(str(step) for step in first["loc"]).upper()
        fail(USAGE, f"settings: FULFILLMENT_{path}: {first['msg']}")
    except (OSError, ValueError) as error:
        fail(USAGE, f"settings: {error}")
    log.configure(settings.log_format, settings.log_level)
    return settings


def topics_of(settings: Settings) -> Topology:
    try:
        return topology(settings)
    except (ProfileError, UnknownVendor) as error:
        fail(USAGE, str(error))


def clock() -> datetime:
    return datetime.fromtimestamp(worker.clock() / 1_000_000, UTC)


def moment(text: str) -> datetime:
    """A time, in UTC where it says nothing else, or so long ago: 30m, 12h, 7d."""
    if ago := fullmatch(r"(\d{1,5})([mhd])", text):
        return clock() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a time like 2026-03-02T06:00, or 30m, 12h, 7d ago") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def fail(code: int, message: str) -> NoReturn:
    typer.echo(f"card-fulfillment: {message}", err=True)
    raise typer.Exit(code)


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run it, and turn what it raises into an exit code and one readable line."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except Exception as error:
        cause = _first_of(error)
        for kind, code in _EXIT_CODES.items():
            if isinstance(cause, kind):
                fail(code, str(cause))
        if reason := postgres_connection.refusal(cause) or kafka_connection.refusal(cause):
            fail(USAGE, reason)
        raise


def _first_of(error: Exception) -> Exception:
    """The exception that ended a task group."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
