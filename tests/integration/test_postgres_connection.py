import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from unittest.mock import patch
from urllib.parse import urlsplit

import asyncpg
import pytest
from pydantic import SecretStr

from card_fulfillment.postgres.connection import (
    AccessRefused,
    connect,
    disconnect,
    is_transient,
    refusal,
)
from card_fulfillment.settings import PostgresSettings


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await connect(settings_for(dsn), application_name="the worker")
    yield opened
    await disconnect(opened)


def settings_for(dsn: str, **more: timedelta) -> PostgresSettings:
    return PostgresSettings(dsn=SecretStr(dsn), **more)


async def error_of(work: Awaitable[object]) -> Exception:
    try:
        await work
    except Exception as error:  # noqa: BLE001 - it is what is looked at
        return error
    raise AssertionError("it did not fail")


async def test_what_finds_all_by_keys_is_planned_once_and_not_for_small_tables(dsn: str) -> None:
    settings = settings_for(dsn)
    for by_keys, told in ((True, ("force_generic_plan", "off")), (False, ("auto", "on"))):
        opened = await connect(settings, application_name="the worker", by_keys=by_keys)
        shown = [await opened.fetchval(f"SHOW {n}") for n in ("plan_cache_mode", "enable_seqscan")]
        assert tuple(shown) == told
        await disconnect(opened)


async def test_no_statement_lock_or_idle_transaction_waits_for_ever(
    connection: asyncpg.Connection,
) -> None:
    names = [
        "application_name",
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "jit",
    ]
    shown = {name: await connection.fetchval(f"SHOW {name}") for name in names}
    assert shown == {
        "application_name": "the worker",
        "statement_timeout": "30s",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "5s",
        "jit": "off",
    }


async def test_a_transaction_that_holds_rows_has_an_end_though_it_is_never_idle(dsn: str) -> None:
    settings = settings_for(dsn, statement_timeout=timedelta(seconds=0.5))
    opened = await connect(settings, application_name="the worker", by_keys=True)
    if opened.get_server_version() < (17,):
        pytest.skip("Postgres before 17 has no such limit")
    await opened.execute("BEGIN")

    async def go_on() -> None:
        for _ in range(50):
            await opened.execute("SELECT pg_sleep(0.1)")

    error = await error_of(go_on())

    assert is_transient(error)
    assert is_transient(await error_of(opened.execute("SELECT 1")))
    opened.terminate()


@pytest.mark.parametrize("trouble", [TimeoutError, asyncio.CancelledError])
async def test_a_connection_that_cannot_be_set_up_is_not_left_open(
    dsn: str, connection: asyncpg.Connection, trouble: type[BaseException]
) -> None:
    if connection.get_server_version() < (17,):
        pytest.skip("there is nothing to set up")
    there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'left open'"
    with patch.object(asyncpg.Connection, "execute", side_effect=trouble), pytest.raises(trouble):
        await connect(settings_for(dsn), application_name="left open", by_keys=True)
    async with asyncio.timeout(5):
        while await connection.fetchval(there):  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)


async def test_a_dead_peer_is_noticed_on_a_tcp_connection(
    connection: asyncpg.Connection, dsn: str
) -> None:
    if not urlsplit(dsn).hostname:
        pytest.skip("the server is on a Unix socket")
    peer = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]  # private
    assert peer.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000


async def test_a_lost_connection_is_worth_another_try_in_whatever_shape_it_shows(
    connection: asyncpg.Connection, dsn: str
) -> None:
    killer = await asyncpg.connect(dsn)
    query = asyncio.create_task(error_of(connection.execute("SELECT pg_sleep(60)")))
    pid = connection.get_server_pid()
    while not await killer.fetchval(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid = $1 AND wait_event = 'PgSleep'",
        pid,
    ):
        pass
    await killer.close()
    during, after = await query, await error_of(connection.execute("SELECT 1"))
    assert isinstance(during, asyncpg.PostgresError)
    assert isinstance(after, asyncpg.InterfaceError)
    assert is_transient(during)
    assert is_transient(after)


async def test_a_server_that_is_down_or_silent_is_worth_another_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dsn = f"postgresql://postgres@127.0.0.1:{silent.getsockname()[1]}/postgres"
        patience = settings_for(dsn, connect_timeout=timedelta(seconds=0.2))
        unanswered = await error_of(connect(patience, application_name="x"))
    refused = await error_of(connect(patience, application_name="x"))
    assert isinstance(unanswered, TimeoutError)
    assert isinstance(refused, ConnectionRefusedError)
    assert is_transient(unanswered)
    assert is_transient(refused)


async def test_a_server_that_takes_no_writes_is_not_connected_to(dsn: str) -> None:
    admin = await asyncpg.connect(dsn)
    name = urlsplit(dsn).path[1:]
    await admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await admin.close()
    error = await error_of(connect(settings_for(dsn), application_name="x"))
    assert is_transient(error)


@pytest.mark.parametrize(
    ("statement", "transient"),
    [
        ("SET statement_timeout = 10; SELECT pg_sleep(5)", True),
        ("BEGIN READ ONLY; CREATE TABLE x ()", True),
        ("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$", True),
        ("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", True),
        ("DO $$ BEGIN RAISE SQLSTATE '55P03'; END $$", True),
        ("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$", True),
        ("DO $$ BEGIN RAISE SQLSTATE '57P03'; END $$", True),
        ("SELECT 1/0", False),
        ("SELECT 'x'::uuid", False),
        ("SELECT * FROM nowhere", False),
    ],
)
async def test_errors_of_the_server_are_told_apart_by_who_is_to_blame(
    connection: asyncpg.Connection, statement: str, *, transient: bool
) -> None:
    assert is_transient(await error_of(connection.execute(statement))) is transient


async def test_a_bad_value_is_never_worth_another_try(connection: asyncpg.Connection) -> None:
    assert not is_transient(await error_of(connection.execute("SELECT $1::int", "many")))
    assert not is_transient(asyncio.CancelledError())


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("channel_binding=require", 'unrecognized configuration parameter "channel_binding"'),
        ("work_mem=much", 'invalid value for parameter "work_mem": "much"'),
        ("fsync=off", 'parameter "fsync" cannot be changed now'),
    ],
)
async def test_a_parameter_that_the_server_does_not_take_is_refused_in_a_sentence(
    dsn: str, query: str, told: str
) -> None:
    refused = await error_of(connect(settings_for(f"{dsn}?{query}"), application_name="x"))
    assert isinstance(refused, AccessRefused)
    assert str(refused) == f"the DSN of Postgres cannot be used: {told}"


def test_what_postgres_refuses_is_told_on_one_line_with_its_details() -> None:
    answer = {"C": "42501", "M": "permission denied", "D": "no CONNECT.", "H": "ask for it"}
    refused = asyncpg.PostgresError.new(answer)
    assert refusal(refused) == (
        "Postgres refuses: permission denied DETAIL: no CONNECT. HINT: ask for it"
    )


async def test_a_dsn_without_a_user_is_refused_where_the_system_has_no_name_for_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "PGUSER", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 65_532)  # as in the image
    nobody = settings_for("postgresql://127.0.0.1:1/cards")
    refused = await error_of(connect(nobody, application_name="x"))
    assert isinstance(refused, AccessRefused)
    assert str(refused) == "the DSN of Postgres names no user"
