"""How a command begins and ends: its settings, its exit code, and one readable line."""

import asyncio
import errno
import re
import select
import sys
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn, TypeVar

import uvloop
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from card_fulfillment import log, process, starting
from card_fulfillment.kafka import connection as kafka_connection
from card_fulfillment.ops.http import PortTaken
from card_fulfillment.pipeline.ports import StoreUnavailable
from card_fulfillment.postgres import connection as postgres_connection
from card_fulfillment.postgres.schema import SchemaMismatch
from card_fulfillment.settings import Settings
from card_fulfillment.topology import Topology, UnknownVendor, topology
from card_fulfillment.vendors.mistakes import ProfileError

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

# Sentences for kinds of errors whose own are about Python. The other ones speak for themselves.
_SENTENCES: Final[Mapping[str, str]] = {
    "extra_forbidden": "there is no such setting",
    "time_delta_parsing": "a length of time is expected, in seconds or as in PT30S and P7D",
    "list_type": "a list is expected, written as JSON in a variable",
    "dict_type": "a map is expected, written as JSON in a variable",
}
# And for settings of a form of their own, of which patterns or the first of several types are told.
_NAME: Final = "letters, digits, dots, dashes and underscores are expected"
_FORMS: Final[Mapping[str, str]] = {
    "FULFILLMENT_KAFKA__BOOTSTRAP_SERVERS": "host:port is expected, several comma separated",
    "FULFILLMENT_LOG_FORMAT": "auto, json or console is expected",
    "FULFILLMENT_OPS__PORT": "the number of a port is expected, or auto, or off",
    "FULFILLMENT_POSTGRES__DSN": "postgresql://USER:PASSWORD@HOST:PORT/DATABASE is expected",
    "FULFILLMENT_TOPICS__PREFIX": f"{_NAME}, 100 at most",
    **{
        f"FULFILLMENT_TOPICS__{topic}": f"{_NAME}, 249 at most"
        for topic in ("CARD_CREATED", "DEAD_LETTER", "EMBOSSING_REQUESTED", "STATUS_CHANGED")
    },
}
_LENGTH: Final = re.compile(r"datetime\.timedelta\((.*?)\)")
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # of a file; sockets have none of them

T = TypeVar("T")


def load_settings() -> Settings:
    try:
        settings = Settings.load()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        variable = _variable(first["loc"])
        fail(USAGE, f"settings: {variable}: {_FORMS.get(variable) or _sentence(first)}")
    except (OSError, ValueError) as error:
        fail(USAGE, f"settings: {error}")
    log.configure(settings.log_format, settings.log_level)
    return settings


def _sentence(error: ErrorDetails) -> str:
    """What is expected; of lengths of time as they can be written."""
    return _SENTENCES.get(error["type"], _LENGTH.sub(_in_seconds, error["msg"]))


def _in_seconds(length: re.Match[str]) -> str:
    parts = {name: int(number) for name, number in re.findall(r"(\w+)=(-?\d+)", length[1])}
    return f"{timedelta(**parts).total_seconds():.10g} s"


def _variable(location: tuple[int | str, ...]) -> str:
    """The variable of a setting; where it has several types, the location goes on with these."""
    steps: list[str] = []
    model: type[Any] = Settings
    for step in location:
        if not issubclass(model, BaseModel):
            break
        steps.append(str(step))
        field = model.model_fields.get(str(step))
        model = field.annotation if field and isinstance(field.annotation, type) else object
    return f"FULFILLMENT_{'__'.join(steps)}".upper()


def topics_of(settings: Settings) -> Topology:
    try:
        return topology(settings)
    except (ProfileError, UnknownVendor) as error:
        fail(USAGE, str(error))


def current_time() -> datetime:
    return datetime.fromtimestamp(process.clock() / 1_000_000, UTC)


def fail(code: int, message: str) -> NoReturn:
    sys.stderr.write(f"card-fulfillment: {message}\n")
    raise SystemExit(code)


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run it, and turn what it raises into an exit code and one readable line."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except Exception as error:
        cause = _first_of(error)
        if isinstance(cause, BrokenPipeError) and _nobody_reads():
            raise cause from None  # which ends a command without a word
        if has_no_room(cause):
            raise cause from None
        for kind, code in _EXIT_CODES.items():
            if isinstance(cause, kind):
                fail(code, str(cause))
        if reason := _refusal(cause) or (cause.__cause__ and _refusal(cause.__cause__)):
            fail(USAGE, reason)
        if _went_away(cause):
            fail(UNREACHABLE, f"Kafka or Postgres went away: {starting.in_a_line(cause)}")
        raise


def has_no_room(error: BaseException) -> bool:
    """Whether the output is a file that cannot grow."""
    return isinstance(error, OSError) and error.errno in _NO_ROOM


def _nobody_reads() -> bool:
    """Whether the output is a pipe to somebody who has read enough, such as `head`."""
    looking = select.poll()
    looking.register(sys.stdout, 0)
    return any(happened & select.POLLERR for _, happened in looking.poll(0))


def _refusal(error: BaseException) -> str | None:
    return postgres_connection.refusal(error) or kafka_connection.refusal(error)


def _went_away(error: BaseException) -> bool:
    return (
        isinstance(error, StoreUnavailable)
        or postgres_connection.is_transient(error)
        or kafka_connection.is_passing(error)
    )


def _first_of(error: Exception) -> Exception:
    """The exception that ended a task group."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
