"""Statements on many rows at once: each array that they take travels as one text.

asyncpg looks at every element of an array several times. A text is only copied, and Postgres splits
it in less time than it takes to read an array. Where arrays are unnested side by side, as rows, the
first one has no nulls; another one that has nothing else travels without elements, since what is
shorter than the first one is filled up with nulls.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import count
from typing import Any, Final

import asyncpg

_ARRAY: Final = re.compile(r"\$(\d+)::(\w+)\[\]")
# Arrays side by side: a row of each of their elements. They have a name, without which Postgres 15
# takes no rows of ours for them: others remain arrays.
_ROWS: Final = re.compile(r"unnest\(((?:\s*\$\d+::\w+\[\],?)+)\)(?=\s+AS\s)")
_PARAMETER: Final = re.compile(r"\$(\d+)")

Column = Collection[Any]


async def execute(
    connection: asyncpg.Connection, statement: str, rows: Iterable[Sequence[Any]]
) -> None:
    """Run the statement once with the rows turned into columns; not at all without rows."""
    columns = columns_of(rows)
    if columns:
        await execute_on(connection, statement, *columns)


async def execute_on(connection: asyncpg.Connection, statement: str, *columns: Column) -> None:
    """Run a statement all of whose parameters are arrays."""
    await connection.execute(_split_in_postgres(statement), *_joined(statement, columns))


async def fetch_value_on(
    connection: asyncpg.Connection, statement: str, *columns: Column, whole: Sequence[Any] = ()
) -> Any:  # noqa: ANN401 - as asyncpg gives it
    """The first value. `whole` are the parameters after the arrays, which travel as they are."""
    *texts, separator, null = _joined(statement, columns)
    return await connection.fetchval(_split_in_postgres(statement), *texts, *whole, separator, null)


async def prepare(connection: asyncpg.Connection, *statements: str) -> None:
    """Run each on no rows: asyncpg keeps it prepared. All of their parameters are arrays."""
    for statement in statements:
        await execute_on(connection, statement, *no_rows(statement))


async def execute_together(
    connection: asyncpg.Connection, *work: tuple[str, Sequence[Column]]
) -> None:
    """Run several statements as one, each with its columns, or with none where it has no rows.

    None of them sees what another one changes. Not at all where nothing has rows.
    """
    if not any(columns for _, columns in work):
        return
    every = [column for text, columns in work for column in columns or no_rows(text)]
    await execute_on(connection, _together(tuple(text for text, _ in work)), *every)


def columns_of(rows: Iterable[Sequence[Any]]) -> list[Column]:
    """None without rows."""
    return list(zip(*rows, strict=True))


async def fetch(
    connection: asyncpg.Connection, statement: str, *columns: Column
) -> list[asyncpg.Record]:
    """Rows of a statement all of whose parameters are arrays of what it looks for, in any order.

    They are sorted here in a tenth of the time in which Postgres would do it for its index.
    """
    texts = _joined(statement, map(sorted, columns))
    return await connection.fetch(_split_in_postgres(statement), *texts)


@lru_cache
def _together(statements: tuple[str, ...]) -> str:
    """One statement of several, which go on counting their parameters."""
    parts: list[str] = []
    known = 0
    for statement in statements:
        parts.append(_PARAMETER.sub(partial(_counted_on, known), statement))
        known += _parameters(statement)
    named = ", ".join(f"part_{number} AS ({part})" for number, part in enumerate(parts))
    return f"WITH {named} SELECT"


@lru_cache
def _parameters(statement: str) -> int:
    return max(map(int, _PARAMETER.findall(statement)))


def no_rows(statement: str) -> list[Column]:
    """Columns without elements for a statement all of whose parameters are arrays."""
    return [()] * _parameters(statement)


def _counted_on(known: int, parameter: re.Match[str]) -> str:
    return f"${known + int(parameter[1])}"


@lru_cache
def _split_in_postgres(statement: str) -> str:
    """The statement with texts in place of its arrays, which Postgres splits into elements.

    Two parameters follow the texts: what stands between two elements, and what stands for null.
    Each text begins with a null that is dropped: an empty text would have no element, and could not
    be told from one empty element.
    """
    last = _parameters(statement)
    marks = f"${last + 1}, ${last + 2}"
    in_rows = _ROWS.sub(partial(_rows, marks), statement)
    return _ARRAY.sub(rf"(string_to_array($\1, {marks}))[2:]::\2[]", in_rows)


def _rows(marks: str, unnest: re.Match[str]) -> str:
    """Rows of what texts have, side by side, without making arrays of them first.

    The dropped row is told by its first column, which is never null in others. It is asked how many
    nulls that one has because Postgres expects that of few rows, a two-hundredth, and looks each up
    by its key; of `IS NOT NULL` it would expect all of a thousand, and read small tables instead.
    """
    columns = _ARRAY.findall(unnest[1])
    texts = ", ".join(f"string_to_table(${number}, {marks})" for number, _ in columns)
    names = ", ".join(f"c{number}" for number, _ in columns)
    values = ", ".join(f"c{number}::{kind}" for number, kind in columns)
    rows = f"SELECT {values} FROM ROWS FROM ({texts}) AS texts ({names})"  # noqa: S608 - constants
    return f"({rows} WHERE num_nulls(c{columns[0][0]}) = 0)"


@lru_cache
def _free(statement: str) -> frozenset[int]:
    """Places of the columns of text: only there can the marks occur, which are control characters.

    Numbers, bytes in hexadecimal and JSON have none.
    """
    kinds = {int(number): kind for number, kind in _ARRAY.findall(statement)}
    return frozenset(number - 1 for number, kind in kinds.items() if kind == "text")


@lru_cache
def _firsts(statement: str) -> frozenset[int]:
    """Places of the columns by which rows are told from the one that is dropped."""
    return frozenset(int(_ARRAY.findall(columns)[0][0]) - 1 for columns in _ROWS.findall(statement))


def _joined(statement: str, columns: Iterable[Column]) -> list[str]:
    """A text for each column, and then what is between elements and what stands for null.

    Raises ValueError for a null by which its whole row would be lost.
    """
    elements = [list(column) for column in columns]
    if any(None in elements[place] for place in _firsts(statement)):
        raise ValueError("a first column has a null")
    free = _free(statement)
    cells = [_cells(each) for each in elements]
    return next(texts for marks in _marks() if (texts := _marked(cells, free, *marks)))


def _marked(
    columns: list[list[str | None]], free: frozenset[int], separator: str, null: str
) -> list[str]:
    """The columns as texts, and the marks; nothing where an element has one of these in it."""
    texts = []
    for place, cells in enumerate(columns):
        if place in free:
            said = "".join([cell for cell in cells if cell is not None])
            if separator in said or null in said:
                return []
        texts.append(separator.join([null, *[null if cell is None else cell for cell in cells]]))
    return [*texts, separator, null]


def _cells(column: list[Any]) -> list[str | None]:
    """Elements as Postgres reads them from text; none where all are null."""
    example = next((each for each in column if each is not None), None)
    if example is None:
        return []
    if isinstance(example, str):
        return column
    if isinstance(example, bytes):
        return [None if each is None else "\\x" + each.hex() for each in column]
    return [None if each is None else str(each) for each in column]


def _marks() -> Iterator[tuple[str, str]]:
    """Control characters, which hardly any text has.

    Else longer ones; a separator never ends as it begins, so that it cannot overlap with itself.
    """
    yield "\x1f", "\x1d"
    for number in count():
        yield f"\x1f{number}\x1e", f"\x1d{number}\x1e"
