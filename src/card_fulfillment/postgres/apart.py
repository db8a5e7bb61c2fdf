"""One statement on a connection of its own, for what is asked now and then."""

import asyncpg

from card_fulfillment.pipeline.ports import StoreUnavailable
from card_fulfillment.postgres.connection import disconnect, is_transient
from card_fulfillment.postgres.store import Connect


async def fetch_apart(connect: Connect, statement: str, *values: object) -> list[asyncpg.Record]:
    """Raises StoreUnavailable where another try may succeed."""
    try:
        connection = await connect()
        try:
            return await connection.fetch(statement, *values)
        finally:
            await disconnect(connection)
    except Exception as error:
        if is_transient(error):
            raise StoreUnavailable(type(error).__name__) from error
        raise
