"""Between a worker and Postgres: loses commits, or the answers to them, and the connection."""

import asyncio
from enum import Enum
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from stack import through

_COMMIT: Final = b"COMMIT;"
_INTAKE: Final = b"card-fulfillment intake"
_CHUNK: Final = 262_144


class Loss(Enum):
    """before: Postgres never hears of the commit. no answer: it commits, and nobody is told."""

    BEFORE = "before"
    NO_ANSWER = "no answer"


class CommitProxy:
    """Loses every nth commit of the intake; `every` 0 loses none. `dsn` leads through it."""

    def __init__(self, dsn: str, loss: Loss, every: int) -> None:
        self.every = every
        self._loss, self._target = loss, urlsplit(dsn)
        self._commits = self._lost = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def dsn(self) -> str:
        assert self._server is not None
        return through(self._target.geturl(), self._server.sockets[0].getsockname()[1])

    async def has_lost(self, times: int) -> bool:
        return self._lost >= times

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.ensure_future(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(lambda _: writer.close())
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._target.hostname, self._target.port
        server_reader, server_writer = await asyncio.open_connection(host, port)
        told = asyncio.ensure_future(_copy(server_reader, writer))
        asked = asyncio.ensure_future(self._ask(reader, server_writer, told))
        try:
            await asyncio.wait({asked, told}, return_when=asyncio.FIRST_COMPLETED)
            if told.cancelled() and await asked:
                await server_reader.read(1)  # the answer that is lost
        finally:
            server_writer.close()
            writer.close()
            for task in (asked, told):
                task.cancel()
            await asyncio.gather(asked, told, return_exceptions=True)

    async def _ask(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        told: asyncio.Future[None],
    ) -> bool:
        """Pass on what the client says; True where a commit went through and must seem lost."""
        of_intake = False
        while chunk := await reader.read(_CHUNK):
            of_intake = of_intake or _INTAKE in chunk
            lose = of_intake and _COMMIT in chunk and self._is_nth()
            if lose and self._loss is Loss.BEFORE:
                self._lost += 1
                return False
            if lose:
                told.cancel()
            await _pass_on(chunk, writer)
            if lose:
                self._lost += 1
                return True
        return False

    def _is_nth(self) -> bool:
        self._commits += 1
        return self.every > 0 and self._commits % self.every == 0


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        await _pass_on(chunk, writer)


async def _pass_on(chunk: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(chunk)
    await writer.drain()
