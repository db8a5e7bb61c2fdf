"""Which schema a database has, and refusing one that this worker cannot run on."""

from importlib import resources
from typing import Final

import asyncpg

_REVISIONS: Final = "card_fulfillment.postgres.migrations.versions"


class SchemaMismatch(Exception):
    """The database's schema is not one that this worker can run on; the message says what to do."""


def newest_revision() -> str:
    """The name of the last revision, e.g. `0001`: revisions are SQL files in the order of names."""
    names = (file.name for file in resources.files(_REVISIONS).iterdir())
    return max(name.split("_")[0] for name in names if name.endswith(".sql"))


async def migrate(dsn: str) -> str:
    """Bring the database to the newest revision known here; returns the one that it has then.

    One that is ahead stays as it is. A second migration meanwhile waits.
    """
    from card_fulfillment.postgres.migration import upgrade  # noqa: PLC0415 - 30 MB for this alone

    return await upgrade(dsn, newest_revision())


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
