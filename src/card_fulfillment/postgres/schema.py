"""The schema's revision: bringing a database up to it, and refusing one that is behind."""

from pathlib import Path
from typing import Final

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

_MIGRATION_LOCK: Final = 0x63617264  # one migration at a time per database


class SchemaMismatch(Exception):
    """The database's schema is not one that this worker can run on. The message says what to do."""


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def newest_revision() -> str:
    head = ScriptDirectory.from_config(_alembic()).get_current_head()
    if head is None:
        raise SchemaMismatch("this installation has no revisions of the schema")
    return head


async def migrate(dsn: str) -> None:
    """Bring the database to the newest revision; a second migration meanwhile waits for its turn."""
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(dsn),
        poolclass=NullPool,
    )
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
    connection.commit()
    config = _alembic()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()


async def check_schema(connection: asyncpg.Connection) -> None:
    """Refuse a schema that is behind, or one that is ahead and says that this worker is too old.

    Revisions are ordered by their names. Raises SchemaMismatch.
    """
    known = newest_revision()
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        raise SchemaMismatch("the database has no schema yet: run `card-fulfillment migrate`")
    found = await connection.fetchval("SELECT version_num FROM alembic_version")
    if found is None or found < known:
        raise SchemaMismatch(
            f"the database is at revision {found}, this worker needs {known}: "
            "run `card-fulfillment migrate`"
        )
    floor = await connection.fetchval("SELECT revision FROM schema_floor")
    if floor > known:
        raise SchemaMismatch(
            f"the database needs a worker of revision {floor} or newer, this one is {known}: "
            "deploy a newer worker"
        )
