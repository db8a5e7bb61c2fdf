"""Arrays on their way to Postgres as texts: every value arrives as it was."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import asyncpg
import pytest

from card_fulfillment.postgres.statement import columns_of, execute, execute_together, fetch

_CREATE: Final = "CREATE TEMP TABLE kept (n int, said text, bytes bytea, yes bool)"
_KEEP: Final = """
INSERT INTO kept SELECT * FROM unnest($1::int[], $2::text[], $3::bytea[], $4::bool[]) AS u
"""
_CONTROLS: Final = "".join(map(chr, range(1, 32)))
_LONGER_MARKS: Final = "".join(f"\x1f{n}\x1e \x1d{n}\x1e" for n in range(3))


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(dsn)
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    "rows",
    [
        [(1, "a", b"\x00\xff", True)],
        [(1, "", b"", False)],
        [(1, None, None, None)],
        [(1, None, None, None), (2, None, b"", None)],
        [(1, "", b"", True), (2, None, None, None), (3, "\\ {a},\"b\" 'c' éß漢\n", b"\x1f", False)],
        [(1, _CONTROLS, b"", True), (2, None, b"", None)],
        [(1, "\x1d", b"", True), (2, None, b"", None)],
        [(1, "\x1f", b"", True), (2, "\x1e", b"", None), (3, "1\x1e", b"\x1d", True)],
        [(1, _CONTROLS + _LONGER_MARKS, b"", True), (2, "\x1f3", None, None), (3, "3\x1e", b"", 0)],
    ],
)
async def test_every_value_arrives_as_it_was(
    connection: asyncpg.Connection, rows: Sequence[tuple[Any, ...]]
) -> None:
    await connection.execute(_CREATE)
    await execute(connection, _KEEP, rows)
    found = await connection.fetch("SELECT * FROM kept ORDER BY n")
    assert [tuple(row) for row in found] == list(rows)


async def test_a_row_that_would_be_lost_is_an_error(connection: asyncpg.Connection) -> None:
    await connection.execute(_CREATE)
    kept, lost = (1, "a", b"", True), (None, "b", b"", True)
    for rows in ([kept, lost], [lost]):
        with pytest.raises(ValueError, match="first column"):
            await execute(connection, _KEEP, rows)
        with pytest.raises(ValueError, match="first column"):
            await execute_together(
                connection, (_KEEP, [(2,), (None,), (None,), (None,)]), (_KEEP, columns_of(rows))
            )
    assert not await connection.fetch("SELECT FROM kept")


async def test_arrays_are_as_long_as_they_were(connection: asyncpg.Connection) -> None:
    lengths = "SELECT cardinality($1::text[]), cardinality($2::bytea[])"
    for texts, several in (([], []), ([""], [b""]), (["a", ""], [b"b"])):
        (row,) = await fetch(connection, lengths, texts, several)
        assert tuple(row) == (len(texts), len(several))


async def test_what_is_unnested_without_a_name_is_unnested_too(
    connection: asyncpg.Connection,
) -> None:
    for statement in ("SELECT unnest($1::text[])", "SELECT * FROM unnest($1::text[])"):
        found = await fetch(connection, statement, ["", "a", "b"])
        assert [row[0] for row in found] == ["", "a", "b"]


async def test_without_rows_nothing_is_asked(connection: asyncpg.Connection) -> None:
    await execute(connection, "this is no statement", [])
    await execute_together(connection, ("nor is this", []), ("nor this", []))


async def test_statements_that_go_together_have_rows_of_their_own(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute(_CREATE)
    first, second = (1, "a", b"1", True), (2, "\x1f", None, False)
    await execute_together(
        connection, (_KEEP, columns_of([first])), (_KEEP, []), (_KEEP, columns_of([second]))
    )
    found = await connection.fetch("SELECT * FROM kept ORDER BY n")
    assert [tuple(row) for row in found] == [first, second]
