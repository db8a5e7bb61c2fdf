"""A connection of its own, for what is asked now and then."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from card_fulfillment.pipeline.ports import StoreUnavailable
from card_fulfillment.postgres.connection import Connect, connected, is_transient, passing


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
    """One statement. Raises StoreUnavailable for a right that was taken away, too."""
    try:
        async with apart(connect) as connection:
            return await connection.fetch(statement, *values)
    except asyncpg.InsufficientPrivilegeError as error:
        raise StoreUnavailable(passing(error)) from error
