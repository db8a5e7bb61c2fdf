"""The operator's port: is it alive, is it ready, and the metrics. Read only, without secrets."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final, Protocol, cast

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from card_fulfillment.metrics import Meter
from card_fulfillment.ops.health import Reason

USUAL_PORT: Final = 8080
_TEXT_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"
_UNAVAILABLE: Final = 503
_STOPS_WITHIN: Final = 1.0
_MOST_CONNECTIONS: Final = 64


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


class _Readable(JSONResponse):
    """For who asks with curl at night."""

    def render(self, content: object) -> bytes:
        return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


class Judged(Protocol):
    """What the port tells of a process. now: seconds of a monotonic clock."""

    def stuck(self, now: float) -> list[Reason]:
        """Why a restart would help."""
        ...

    def unready(self, now: float) -> list[Reason]:
        """Why it does not do all of its work."""
        ...

    def state(self) -> Mapping[str, Any]:
        """What there is to see at a glance, whatever the verdict."""
        ...


def operator_app(health: Judged, meter: Meter, now: Callable[[], float]) -> Starlette:
    """now: the monotonic clock that `health` is told by."""

    async def livez(_: Request) -> Response:
        return _verdict("live", health.stuck(now()), {})

    async def readyz(_: Request) -> Response:
        return _verdict("ready", health.unready(now()), health.state())

    async def metrics(_: Request) -> Response:
        return Response(meter.exposition(), media_type=_TEXT_FORMAT)

    answers = {"/livez": livez, "/readyz": readyz, "/metrics": metrics}
    return Starlette(routes=[Route(path, answer) for path, answer in answers.items()])


def _verdict(what: str, against: list[Reason], state: Mapping[str, Any]) -> Response:
    body = {what: not against, "reasons": [r._asdict() for r in against], **state}
    return _Readable(body, _UNAVAILABLE if against else 200)


class _Connection(H11Protocol):
    """One too many takes the place of the oldest: who only holds on keeps no probe out."""

    _numbers = count()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        self.number = next(self._numbers)
        if len(self.connections) > _MOST_CONNECTIONS:
            oldest = min(cast("set[_Connection]", self.connections), key=lambda each: each.number)
            self.connections.discard(oldest)
            oldest.transport.abort()


class _Server(uvicorn.Server):
    """Signals are the worker's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: Starlette, listener: socket.socket | None) -> AsyncIterator[None]:
    """Serve while it lasts; leaving it takes a second at most. Closes the listener."""
    if listener is None:
        yield
        return
    config = uvicorn.Config(
        app,
        http=_Connection,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        _, late = await asyncio.wait({task}, timeout=_STOPS_WITHIN)
        for each in late:
            each.cancel()
        await asyncio.wait({task})
        listener.close()
