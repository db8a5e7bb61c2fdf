"""Connections to Postgres on which nothing hangs for ever; which errors are worth a retry."""

import getpass
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from card_fulfillment.settings import PostgresSettings

# What those have in hand who know this package, and not asyncpg.
Connection = asyncpg.Connection
Connect = Callable[[], Awaitable[Connection]]

_ANSWER_MARGIN: Final = timedelta(seconds=5)  # the server's own timeouts should speak first
_KEEPALIVE_SECONDS: Final = 5
_KEEPALIVE_PROBES: Final = 3
_CLOSE_SECONDS: Final = 0.5

_transport_of: Final = attrgetter("_transport")  # private, and the only way to the socket

_TRANSIENT_CLASSES: Final = frozenset(
    {
        "08",  # the connection
        "40",  # rolled back: deadlocks, serialization
        "53",  # out of disk, memory or connections
    }
)
_TRANSIENT_STATES: Final = frozenset(
    {
        "25006",  # read-only: a former primary
        "25P03",  # our transaction was idle for too long
        "25P04",  # our transaction took too long
        "55P03",  # lock not available
        "57014",  # statement timeout
        "57P01",  # ended by an administrator
        "57P02",  # ended by a crash
        "57P03",  # starting up or shutting down
        "57P05",  # idle for too long
    }
)
_OTHER_TRANSIENT: Final = (
    OSError,  # refused, reset, unreachable and every timeout
    asyncpg.InterfaceError,  # the connection was lost before this call
    asyncpg.InvalidCachedStatementError,
    asyncpg.InternalClientError,
)
# One plan for all values, and by an index: these statements find everything by its key.
_PLANNED_ONCE: Final = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}
_KEPT_PREPARED: Final = {"max_cached_statement_lifetime": 0}  # for ever, not for five minutes
_HAS_TRANSACTION_TIMEOUT: Final = (17,)
_FILES: Final = frozenset({"sslrootcert", "sslcert", "sslkey", "sslcrl"})
_NOT_LET_IN: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,  # wrong password included
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)
_PARAMETER_REFUSED: Final = (
    asyncpg.UndefinedObjectError,
    asyncpg.InvalidParameterValueError,
    asyncpg.CantChangeRuntimeParamError,
)
_DEFECTS: Final = (
    asyncpg.DataError,
    asyncpg.ClientConfigurationError,
    asyncpg.UnsupportedClientFeatureError,
    asyncpg.UnsupportedServerFeatureError,
)


class AccessRefused(PermissionError):
    """Postgres is there and does not let us in, or we do not trust it; the message says why."""


async def connect(
    settings: PostgresSettings,
    *,
    application_name: str,
    durable: bool = True,
    by_keys: bool = False,
) -> asyncpg.Connection:
    """Connect to a server that takes writes; every wait on the connection has an end.

    `durable=False` is for what may be lost when the server crashes: its commits do not wait for
    the disk. `by_keys` is for the same few statements again and again that find all by keys:
    they are planned once, and never for a table as small as it was then; and no transaction of
    these lasts longer than a statement may, whatever its client does (Postgres 17 and later).

    Raises what `is_transient` judges. AccessRefused is transient too: what a worker was allowed
    once comes back when a mistake is corrected; only a start should not wait for it.
    """
    connection = await open_connection(
        settings.dsn.get_secret_value(),
        timeout=settings.connect_timeout.total_seconds(),
        command_timeout=(settings.statement_timeout + _ANSWER_MARGIN).total_seconds(),
        target_session_attrs=SessionAttribute.read_write,
        server_settings={
            "application_name": application_name,
            "statement_timeout": _milliseconds(settings.statement_timeout),
            "lock_timeout": _milliseconds(settings.lock_timeout),
            "idle_in_transaction_session_timeout": _milliseconds(
                settings.idle_in_transaction_timeout
            ),
            "jit": "off",
            **({} if durable else {"synchronous_commit": "off"}),
            **(_PLANNED_ONCE if by_keys else {}),
        },
        **(_KEPT_PREPARED if by_keys else {}),
    )
    try:
        await _bounded(connection, settings, by_keys=by_keys)
    except BaseException:
        connection.terminate()  # nobody else has it: the server would keep it open
        raise
    return connection


async def _bounded(
    connection: asyncpg.Connection, settings: PostgresSettings, *, by_keys: bool
) -> None:
    _notice_a_dead_peer(connection, settings.statement_timeout)
    if by_keys and connection.get_server_version() >= _HAS_TRANSACTION_TIMEOUT:
        limit = _milliseconds(settings.statement_timeout)
        await connection.execute(f"SET transaction_timeout = {limit}")


def connector(settings: PostgresSettings, whose: str, *, by_keys: bool = False) -> Connect:
    """How a part of the product connects; `whose`: which part, as `pg_stat_activity` shows it."""
    name = f"card-fulfillment {whose}"
    return partial(connect, settings, application_name=name, by_keys=by_keys)


async def open_connection(dsn: str, **options: Any) -> asyncpg.Connection:  # noqa: ANN401 - asyncpg's
    """As asyncpg does it. Raises AccessRefused for what fails of the login, TLS or the DSN."""
    _check_files(dsn)
    _check_user(dsn)
    try:
        return await asyncpg.connect(dsn, **options)
    except Exception as error:
        if reason := refusal(error):
            raise AccessRefused(reason) from error
        if isinstance(error, _PARAMETER_REFUSED):  # what asyncpg does not know, it hands on
            raise AccessRefused(_unusable(error)) from error
        raise


def _check_files(dsn: str) -> None:
    """Name the file that is missing: asyncpg says no more than that one is."""
    for name, file in parse_qsl(urlsplit(dsn).query):
        if name in _FILES and not Path(file).is_file():
            raise AccessRefused(f"the DSN of Postgres: {name}: there is no file {file}")


def _check_user(dsn: str) -> None:
    """Without one it is the user of the system, who has no name in a container."""
    parts = urlsplit(dsn)
    named = {name for name, _ in parse_qsl(parts.query)} & {"user", "service"}
    if parts.username or named or os.environ.keys() & {"PGUSER", "PGSERVICE"}:
        return
    try:
        getpass.getuser()
    except (KeyError, OSError):
        raise AccessRefused("the DSN of Postgres names no user") from None


def refusal(error: BaseException) -> str | None:
    """Say what Postgres refuses, where this is why; for a person, without any password."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"Postgres has a certificate that is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"Postgres and we agree on no TLS connection: {error.reason or error}"
        case ConnectionError() if "rejected SSL" in str(error):
            return "Postgres offers no TLS, and sslmode of the DSN asks for it"
        case asyncpg.ClientConfigurationError():
            return _unusable(error)
        case asyncpg.PostgresError() if isinstance(error, _NOT_LET_IN):
            return f"Postgres refuses: {_in_a_line(error)}"
        case _:
            return None


def _unusable(error: Exception) -> str:
    return f"the DSN of Postgres cannot be used: {_in_a_line(error)}"


def _in_a_line(error: Exception) -> str:
    """Postgres gives details and hints lines of their own."""
    return " ".join(str(error).split())


async def disconnect(connection: asyncpg.Connection) -> None:
    """Say goodbye, or hang up where the server does not answer at once. Never raises."""
    with suppress(Exception):
        await connection.close(timeout=_CLOSE_SECONDS)
    connection.terminate()


@asynccontextmanager
async def connected(open_: Connect) -> AsyncIterator[asyncpg.Connection]:
    """A connection until the body ends. Raises what opening it raises."""
    connection = await open_()
    try:
        yield connection
    finally:
        await disconnect(connection)


def is_transient(error: BaseException) -> bool:
    """Whether a new connection and the same work again may succeed.

    False for what the work itself is to blame for (bad values, violated constraints, bad SQL),
    and for a cancellation.
    """
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        return True
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or "08000"
        return state in _TRANSIENT_STATES or state[:2] in _TRANSIENT_CLASSES
    if isinstance(error, _DEFECTS):
        return False
    return isinstance(error, _OTHER_TRANSIENT)


def passing(error: BaseException) -> str | None:
    """Why the database does not do its work just now, for who was at work with it and waits.

    A right that was taken away passes too, as a mistake that is corrected. None: see is_transient.
    """
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return refusal(error)
    return type(error).__name__ if is_transient(error) else None


def _milliseconds(duration: timedelta) -> str:
    return str(duration // timedelta(milliseconds=1))


def _notice_a_dead_peer(connection: asyncpg.Connection, patience: timedelta) -> None:
    """Set on the socket what asyncpg does not: else a black hole holds a read for many minutes."""
    peer: socket.socket | None = _transport_of(connection).get_extra_info("socket")
    if peer is None or peer.family not in (socket.AF_INET, socket.AF_INET6):
        return
    options = {
        "TCP_KEEPIDLE": _KEEPALIVE_SECONDS,
        "TCP_KEEPINTVL": _KEEPALIVE_SECONDS,
        "TCP_KEEPCNT": _KEEPALIVE_PROBES,
        "TCP_USER_TIMEOUT": int(_milliseconds(patience)),
    }
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in options.items():
        if hasattr(socket, name):  # not every system has them all
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
