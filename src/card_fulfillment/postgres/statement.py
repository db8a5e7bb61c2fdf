"""Statements on many rows at once: each array that they take travels as one text.

asyncpg looks at every element of an array several times. A text is only copied, and Postgres splits
it in less time than it takes to read an array.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, Final

import asyncpg

_ARRAY: Final = re.compile(r"\$(\d+)::(\w+)\[\]")
_PARAMETER: Final = re.compile(r"\$(\d+)")

Column = Collection[Any]


async def execute(
    connection: asyncpg.Connection, statement: str, rows: Iterable[Sequence[Any]]
) -> None:
    """Run the statement once with the rows turned into columns; not at all without rows."""
    columns = list(zip(*rows, strict=True))
    if columns:
        await connection.execute(split_in_postgres(statement), *joined(columns))


async def execute_on(
    connection: asyncpg.Connection, statement: str, *columns: Column, whole: Sequence[Any] = ()
) -> None:
    """`whole` are the parameters after the arrays, which travel as they are."""
    *texts, separator, null = joined(columns)
    await connection.execute(split_in_postgres(statement), *texts, *whole, separator, null)


async def fetch(
    connection: asyncpg.Connection, statement: str, *columns: Column
) -> list[asyncpg.Record]:
    """Rows of a statement all of whose parameters are arrays."""
    return await connection.fetch(split_in_postgres(statement), *joined(columns))


@lru_cache
def split_in_postgres(statement: str) -> str:
    """The statement for texts in place of its arrays, and what is between and for null behind them.

    The first element is dropped: without one, a text of one empty element would be no element.
    """
    last = max(map(int, _PARAMETER.findall(statement)))
    split = rf"(string_to_array($\1, ${last + 1}, ${last + 2}))[2:]::\2[]"
    return _ARRAY.sub(split, statement)


def joined(columns: Iterable[Column]) -> list[str]:
    """A text for each column, and then what is between elements and what stands for null."""
    cells = [_cells(list(column)) for column in columns]
    given = "".join([each for column in cells for each in column if each is not None])
    separator, null = _marks_beside(given)
    return [*(_text(column, separator, null) for column in cells), separator, null]


def _cells(column: list[Any]) -> list[str | None]:
    """Elements as Postgres reads them from text."""
    example = next((each for each in column if each is not None), "")
    if isinstance(example, str):
        return column
    if isinstance(example, bytes):
        return [None if each is None else "\\x" + each.hex() for each in column]
    return [None if each is None else str(each) for each in column]


def _text(cells: list[str | None], separator: str, null: str) -> str:
    return separator.join(["", *[null if each is None else each for each in cells]])


def _marks_beside(text: str) -> tuple[str, str]:
    """The first separator and null that the text has nowhere."""
    return next(marks for marks in _marks() if not any(mark in text for mark in marks))


def _marks() -> Iterator[tuple[str, str]]:
    """Control characters, which hardly any text has.

    Else longer ones; a separator never ends as it begins, so that it cannot overlap with itself.
    """
    yield "\x1f", "\x1d"
    for number in count():
        yield f"\x1f{number}\x1e", f"\x1d{number}\x1e"
