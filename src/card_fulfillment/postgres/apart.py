"""A connection of its own, for what is asked now and then."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from card_fulfillment.pipeline.ports import StoreUnavailable
from card_fulfillment.postgres.connection import Connect, connected, is_transient


@asynccontextmanager
async def apart(connect: Connect) -> AsyncIterator[asyncpg.Connection]:
    """Raises StoreUnavailable where another try may succeed."""
    try:
        async with connected(connect) as connection:
            yield connection
    except Exception as error:
        if is_transient(error):
            raise StoreUnavailable(type(error).__name__) from error
        raise


async def fetch_apart(connect: Connect, statement: str, *values: object) -> list[asyncpg.Record]:
    """One statement; raises as `apart` does."""
    async with apart(connect) as connection:
        return await connection.fetch(statement, *values)
