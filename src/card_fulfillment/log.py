"""Logging: structlog, one line an event, dotted names, never a payload."""

import logging
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any, Final

import structlog

_CLIENT: Final = "aiokafka"
_REPEAT_THEMSELVES: Final = (_CLIENT, "uvicorn")
_SAYS_IT_EVERY: Final = 10.0


def configure(format_: str, level: str) -> None:
    """`format_`: json, console, or auto (console on a terminal).

    Other libraries log through the same lines.
    """
    console = format_ == "console" or (format_ == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    render: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _name_the_library],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    handler.addFilter(_not_too_often())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # Client libraries report every rebalance and reconnect; what matters of it we report ourselves.
    logging.getLogger(_CLIENT).setLevel(max(logging.getLevelName(level), logging.ERROR))
    logging.getLogger("alembic").setLevel(max(logging.getLevelName(level), logging.WARNING))


def _not_too_often() -> Callable[[logging.LogRecord], bool]:
    """While a server or a topic is away, Kafka's client says the same ten times a second.

    So does what serves the operator's port, as often as anybody sends it what is no request.
    """
    said: dict[tuple[str, int], float] = {}

    def is_news(record: logging.LogRecord) -> bool:
        if not record.name.startswith(_REPEAT_THEMSELVES):
            return True
        where, now = (record.pathname, record.lineno), time.monotonic()
        if now - said.get(where, -_SAYS_IT_EVERY) < _SAYS_IT_EVERY:
            return False
        said[where] = now
        return True

    return is_news


def _name_the_library(
    logger: logging.Logger | None, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    record = event.get("_record")
    event["library"] = record.name if record else getattr(logger, "name", None)
    return event
