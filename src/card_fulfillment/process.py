"""What any long-running process has: a clock, a name, the operator's port, the signal to stop."""

import asyncio
import os
import secrets
import signal
import socket
import time
from collections.abc import Awaitable
from typing import TypeVar

import structlog

from card_fulfillment.ops.health import Limits
from card_fulfillment.ops.http import bound
from card_fulfillment.settings import OpsSettings

log = structlog.get_logger("card_fulfillment")

T = TypeVar("T")


def clock() -> int:
    """Microseconds since the Unix epoch."""
    return time.time_ns() // 1000


async def unless_stopped(stop: asyncio.Event, work: Awaitable[T]) -> T | None:
    """The result of the work, or nothing where the stop came first and the work was cancelled."""
    working = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        stopped.cancel()
        working.cancel()
        await asyncio.wait({working, stopped})


def told_to_stop() -> asyncio.Event:
    """Set by SIGTERM and SIGINT from now on."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def limits_of(ops: OpsSettings) -> Limits:
    return Limits(ops.stalled_after.total_seconds(), ops.stuck_after.total_seconds())


def listening(ops: OpsSettings) -> socket.socket | None:
    """The operator's port, if there is to be one; the log tells which. Raises PortTaken."""
    listener = bound(ops.host, ops.port)
    if listener is not None:
        host, port = listener.getsockname()[:2]
        log.info("ops.listening", host=host, port=port)
    return listener


def process_name() -> str:
    """Of no other process: in containers every process has number 1, and hosts may share a name."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
