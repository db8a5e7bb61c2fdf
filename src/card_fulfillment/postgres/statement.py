"""One statement for many rows: each column is an array."""

from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg


async def execute(
    connection: asyncpg.Connection, statement: str, rows: Iterable[Sequence[Any]]
) -> None:
    """Run the statement once with the rows turned into columns; not at all without rows."""
    columns = list(zip(*rows, strict=True))
    if columns:
        await connection.execute(statement, *columns)
