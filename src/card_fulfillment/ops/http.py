"""The operator's port: is it alive, is it ready, and the metrics. Read only, without secrets."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import orjson

from card_fulfillment.metrics import Meter
from card_fulfillment.ops.health import Health, Reason

USUAL_PORT: Final = 8080
_TEXT_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"
_ANSWERED_WITHIN: Final = 5.0
_MOST_BYTES: Final = 8192  # of a request
_AT_ONCE: Final = 64  # connections

Pages = Mapping[str, Callable[[], "Page"]]


class PortTaken(Exception):
    """The port that the settings name cannot be listened on."""


def bound(host: str, port: int | str) -> socket.socket | None:
    """A listening socket. port: a number (0: any), "off", or "auto": the usual one, else any.

    Raises PortTaken where a number was given, and where the host is none of this machine.
    """
    if port == "off":
        return None
    if port == "auto":
        with contextlib.suppress(PortTaken):
            return _listening(host, USUAL_PORT)
        return _listening(host, 0)
    return _listening(host, int(port))


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise PortTaken(f"cannot listen on {host}:{port}: {error.strerror}") from error


class Page(NamedTuple):
    body: bytes
    media_type: str
    status: HTTPStatus = HTTPStatus.OK


def operator_pages(health: Health, meter: Meter, now: Callable[[], float]) -> Pages:
    """now: the monotonic clock that `health` is told by."""
    return {
        "/livez": lambda: _verdict("live", health.stuck(now()), {}),
        "/readyz": lambda: _verdict("ready", health.unready(now()), state_of(health)),
        "/metrics": lambda: Page(meter.exposition(), _TEXT_FORMAT),
    }


def _verdict(what: str, against: list[Reason], state: Mapping[str, Any]) -> Page:
    content = {what: not against, "reasons": [r._asdict() for r in against], **state}
    # For who asks with curl at night.
    body = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    status = HTTPStatus.SERVICE_UNAVAILABLE if against else HTTPStatus.OK
    return Page(body, "application/json", status)


def state_of(health: Health) -> dict[str, Any]:
    """What there is to see at a glance, whatever the verdict."""
    inputs: dict[str, dict[str, int]] = {}
    for each in health.inputs:
        topic = inputs.setdefault(each.partition.topic, {"partitions": 0, "lag": 0})
        topic["partitions"] += 1
        topic["lag"] += each.lag
    return {
        "inputs": inputs,
        "outputs": {
            output.topic: {"waiting": output.waiting, "oldest_seconds": output.oldest_seconds}
            for output in health.outputs
        },
        "relays": {
            topic: {"state": status.state.value, "published": status.published}
            for topic, status in health.relays.items()
        },
    }


@asynccontextmanager
async def serving(pages: Pages, listener: socket.socket | None) -> AsyncIterator[None]:
    """Serve while it lasts; who has not asked by then is hung up on. Closes the listener."""
    if listener is None:
        yield
        return
    talks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(talks) >= _AT_ONCE:
            writer.close()
            return
        talk = asyncio.create_task(_talk(pages, reader, writer))
        talks.add(talk)
        talk.add_done_callback(talks.discard)

    server = await asyncio.start_server(accept, sock=listener, limit=_MOST_BYTES)
    try:
        yield
    finally:
        server.close()
        for talk in talks:
            talk.cancel()
        if talks:
            await asyncio.wait(talks)


async def _talk(pages: Pages, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request a connection, without a body."""
    with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
        async with asyncio.timeout(_ANSWERED_WITHIN):
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(_response(head, pages))
            await writer.drain()
    writer.close()


def _response(head: bytes, pages: Pages) -> bytes:
    method, target, *_ = *head.split(b" ", 2), b""
    page = _page(pages, method, target.partition(b"?")[0].decode("latin-1"))
    lines = (
        f"HTTP/1.1 {page.status.value} {page.status.phrase}",
        f"Content-Type: {page.media_type}",
        f"Content-Length: {len(page.body)}",
        "Connection: close\r\n\r\n",
    )
    return "\r\n".join(lines).encode() + (b"" if method == b"HEAD" else page.body)


def _page(pages: Pages, method: bytes, path: str) -> Page:
    if path not in pages:
        return _refused(HTTPStatus.NOT_FOUND)
    if method not in (b"GET", b"HEAD"):
        return _refused(HTTPStatus.METHOD_NOT_ALLOWED)
    return pages[path]()


def _refused(status: HTTPStatus) -> Page:
    return Page(f"{status.phrase}\n".encode(), "text/plain", status)
