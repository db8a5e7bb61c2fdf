"""TLS to Postgres by the DSN.

The embedded server was built without TLS: it stands behind a proxy that takes TLS in its stead, as
the protocol has it: the client asks, is told `S`, and the handshake begins.
"""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from card_fulfillment.postgres.connection import AccessRefused, connect, disconnect
from card_fulfillment.postgres.schema import migrate
from card_fulfillment.settings import PostgresSettings
from certificates import Authority
from stack import through

_TLS_REQUEST: Final = struct.pack("!ii", 8, 80877103)
_KEY_PASSWORD: Final = "s3cret-of-the-key"  # noqa: S105 - of a key that lives for a second


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certificates")
    authority = Authority(directory, "authority")
    authority.issue("server")
    authority.issue("client", password=_KEY_PASSWORD)
    Authority(directory, "stranger")
    return directory


@asynccontextmanager
async def in_tls(dsn: str, directory: Path, *, mutual: bool = False) -> AsyncIterator[str]:
    """Give a DSN, without any query, of the same database behind TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(directory / "server.pem")
    if mutual:
        context.load_verify_locations(directory / "authority.crt")
        context.verify_mode = ssl.CERT_REQUIRED
    parts = urlsplit(dsn)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = None
        with suppress(OSError, asyncio.IncompleteReadError):
            assert await reader.readexactly(len(_TLS_REQUEST)) == _TLS_REQUEST
            writer.write(b"S")
            await writer.start_tls(context)
            back, behind = await asyncio.open_connection(parts.hostname, parts.port)
            await asyncio.gather(_pass_on(reader, behind), _pass_on(back, writer))
        for each in filter(None, (writer, behind)):
            each.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield through(dsn, server.sockets[0].getsockname()[1])


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while received := await reader.read(65_536):
        writer.write(received)
        await writer.drain()
    writer.close()


async def ask(dsn: str) -> int:
    settings = PostgresSettings(dsn=SecretStr(dsn), connect_timeout=timedelta(seconds=5))
    connection = await connect(settings, application_name="tls")
    try:
        return int(await connection.fetchval("SELECT 1"))
    finally:
        await disconnect(connection)


async def test_a_server_whose_certificate_is_verified(dsn: str, directory: Path) -> None:
    async with in_tls(dsn, directory) as tls:
        verified = f"{tls}?sslmode=verify-full&sslrootcert={directory}/authority.crt"
        assert await ask(verified) == 1
        await migrate(verified)


async def test_a_client_certificate_with_an_encrypted_key(dsn: str, directory: Path) -> None:
    async with in_tls(dsn, directory, mutual=True) as tls:
        ours = f"sslcert={directory}/client.crt&sslkey={directory}/client.key"
        verified = f"{tls}?sslmode=verify-full&sslrootcert={directory}/authority.crt&{ours}"
        assert await ask(f"{verified}&sslpassword={_KEY_PASSWORD}") == 1


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("sslmode=verify-full&sslrootcert={directory}/stranger.crt", "not trusted"),
        ("sslmode=always", "DSN of Postgres cannot be used"),
        ("sslmode=verify-full&sslrootcert=/nowhere.crt", "there is no file /nowhere.crt"),
    ],
)
async def test_what_does_not_fit_is_refused_in_a_sentence(
    dsn: str, directory: Path, query: str, told: str
) -> None:
    async with in_tls(dsn, directory) as tls:
        with pytest.raises(AccessRefused, match=told):
            await ask(f"{tls}?{query.format(directory=directory)}")


async def test_a_certificate_of_another_host_is_refused(dsn: str, directory: Path) -> None:
    async with in_tls(dsn, directory) as tls:
        other = tls.replace("127.0.0.1", "localhost")
        with pytest.raises(AccessRefused, match="not trusted"):
            await ask(f"{other}?sslmode=verify-full&sslrootcert={directory}/authority.crt")


async def test_a_server_without_tls_is_refused_where_the_dsn_asks_for_it(dsn: str) -> None:
    with pytest.raises(AccessRefused, match="offers no TLS"):
        await ask(f"{dsn}?sslmode=require")
