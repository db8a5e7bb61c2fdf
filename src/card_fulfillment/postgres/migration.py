"""Running the revisions of the schema, with alembic."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from card_fulfillment.postgres.connection import AccessRefused, open_connection, refusal

_MIGRATION_LOCK: Final = 0x63617264  # one migration at a time per database


async def upgrade(dsn: str, newest: str) -> str:
    """To the newest revision, unless it is ahead of that; returns the one that it has then.

    A second one meanwhile waits for its turn. Raises AccessRefused.
    """
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: open_connection(dsn),
        poolclass=NullPool,
    )
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_upgrade, newest)
    except DBAPIError as error:
        cause = error.orig and error.orig.__cause__
        if cause and (reason := refusal(cause)):
            raise AccessRefused(f"{reason}; migrations run as the owner of the schema") from error
        raise
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, newest: str) -> str:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
    found = MigrationContext.configure(connection).get_current_revision()
    connection.commit()
    if found is not None and found > newest:
        return found  # alembic knows no revisions but those that are here
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
    return newest
