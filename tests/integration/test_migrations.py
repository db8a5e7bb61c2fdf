"""From the first revision to the newest, with what an installation holds and while it works."""

import asyncio
from collections.abc import AsyncIterator
from importlib import resources
from typing import Final
from unittest.mock import patch

import asyncpg
import pytest
from pydantic import SecretStr

from card_fulfillment import starting
from card_fulfillment.pipeline.relay_ports import PageLimits, Row
from card_fulfillment.postgres.outbox import outbox_of
from card_fulfillment.postgres.schema import check_schema, migrate, newest_revision
from card_fulfillment.settings import PostgresSettings, Settings

_FIRST: Final = (
    resources.files("card_fulfillment.postgres.migrations.versions") / "0001_first.sql"
).read_text("utf-8")
_ALEMBIC: Final = """
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0001')
"""
_REVISIONS: Final = {
    file.name.partition("_")[0]
    for file in resources.files("card_fulfillment.postgres.migrations.versions").iterdir()
    if file.name.endswith(".sql")
}
_INTERRUPTED: Final = """
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
CREATE FUNCTION interrupt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'interrupted';
END $$;
CREATE TRIGGER interrupted BEFORE INSERT OR UPDATE ON alembic_version
FOR EACH ROW WHEN (NEW.version_num = '{revision}') EXECUTE FUNCTION interrupt()
"""
_TAKE_A_NUMBER: Final = "UPDATE lane SET last_seq = last_seq + 1 RETURNING last_seq"
_INSERT: Final = "INSERT INTO change (lane, seq, key, headers, value) VALUES (1, $1, 'k', $2, $3)"
_HEADERS: Final = '{"ce_id":"one"}'
_WAITS_FOR_A_LOCK: Final = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE NOT granted AND datname = current_database()
"""


@pytest.fixture
async def old(bare_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect to a database of the first revision, with one lane and nothing published of it."""
    connection = await asyncpg.connect(bare_dsn)
    await connection.execute(_FIRST)
    await connection.execute(_ALEMBIC)
    await connection.execute("INSERT INTO lane (topic, partition) VALUES ('out', 0)")
    yield connection
    await connection.close()


async def _write_a_change(connection: asyncpg.Connection) -> None:
    seq = await connection.fetchval(_TAKE_A_NUMBER)
    await connection.execute(_INSERT, seq, _HEADERS, b"value")


async def test_a_change_of_the_first_revision_is_published_after_an_upgrade_as_it_is(
    old: asyncpg.Connection, bare_dsn: str
) -> None:
    await _write_a_change(old)
    await migrate(bare_dsn)
    await check_schema(old)
    settings = PostgresSettings(dsn=SecretStr(bare_dsn))
    async with outbox_of(settings, topic="out", holder="one")(lambda: None) as outbox:
        (lane,) = (await outbox.read({1: 0}, PageLimits())).lanes
    assert lane.rows == [Row(1, "k", _HEADERS, b"value")]


async def test_a_migration_waits_for_the_transaction_of_a_worker_and_neither_fails(
    old: asyncpg.Connection, bare_dsn: str
) -> None:
    watching = await asyncpg.connect(bare_dsn)
    async with old.transaction():
        seq = await old.fetchval(_TAKE_A_NUMBER)
        migrating = asyncio.create_task(migrate(bare_dsn))
        async with asyncio.timeout(10):
            while not await watching.fetchval(_WAITS_FOR_A_LOCK):  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.01)
        await old.execute(_INSERT, seq, _HEADERS, b"value")
    await migrating
    await check_schema(old)
    assert await old.fetchval("SELECT count(*) FROM change") == 1
    await watching.close()


@pytest.mark.parametrize("revision", sorted(_REVISIONS))
async def test_a_migration_that_is_interrupted_is_run_again(bare_dsn: str, revision: str) -> None:
    """Between the tables of a revision and its name there is no moment to die in."""
    connection = await asyncpg.connect(bare_dsn)
    await connection.execute(_INTERRUPTED.format(revision=revision))
    with pytest.raises(Exception, match="interrupted"):
        await migrate(bare_dsn)
    await connection.execute("DROP TRIGGER interrupted ON alembic_version")
    assert await migrate(bare_dsn) == newest_revision()
    await check_schema(connection)
    await connection.close()


async def test_a_schema_that_is_ahead_stays_as_it_is_after_a_rollback(
    old: asyncpg.Connection, bare_dsn: str
) -> None:
    assert await migrate(bare_dsn) == newest_revision()
    await old.execute("UPDATE alembic_version SET version_num = '9999'")
    assert await migrate(bare_dsn) == "9999"
    await check_schema(old)


async def test_a_migration_that_takes_long_is_no_database_that_is_away(
    old: asyncpg.Connection, bare_dsn: str
) -> None:
    settings = Settings(postgres=PostgresSettings(dsn=SecretStr(bare_dsn)))
    watching = await asyncpg.connect(bare_dsn)
    with patch.object(starting, "_REACHABLE_WITHIN", 1.0):
        async with old.transaction():
            await old.fetchval(_TAKE_A_NUMBER)
            migrating = asyncio.create_task(starting.migrated(settings))
            async with asyncio.timeout(20):
                while not await watching.fetchval(_WAITS_FOR_A_LOCK):  # noqa: ASYNC110 - nobody tells us
                    await asyncio.sleep(0.01)
            await asyncio.sleep(1.5)
        assert await migrating == newest_revision()
    await watching.close()
