"""Vendors' files and their lines: locked, read and written by batches that have lines of them."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import asyncpg
import orjson

from card_fulfillment.domain.files import FileLine, FileName, LineKey, Span, VendorFile
from card_fulfillment.domain.naming import Reference
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.postgres.rows import Json, dump, reference_of, reference_text
from card_fulfillment.postgres.statement import execute

_CREATE: Final = """
INSERT INTO vendor_file (vendor, file) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT DO NOTHING
"""
_LOCK: Final = """
SELECT FROM vendor_file f
WHERE (f.vendor, f.file) IN (SELECT * FROM unnest($1::text[], $2::text[]))
ORDER BY f.vendor, f.file FOR UPDATE
"""
_COLUMNS: Final = "f.vendor, f.file, f.sequence, f.totals::text, f.mentioned::text, f.with_trailer"
_FILES: Final = f"""
SELECT {_COLUMNS} FROM vendor_file f
WHERE (f.vendor, f.file) IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""  # noqa: S608 - a constant of this module
_FILED: Final = f"""
SELECT {_COLUMNS} FROM vendor_file f
WHERE (f.vendor, f.file) IN (
    SELECT l.vendor, l.file FROM vendor_file_line l WHERE l.reference = ANY ($1::text[])
)
"""  # noqa: S608 - a constant of this module
_STORED: Final = """
SELECT l.vendor, l.file, l.line, l.content
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[]) AS u (vendor, file, line, content)
JOIN vendor_file_line l USING (vendor, file, line, content)
"""
_ADD_LINES: Final = """
INSERT INTO vendor_file_line (vendor, file, line, content, reference, quantity, total)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[], $5::text[], $6::bigint[],
                     $7::bigint[]) AS u
"""
_WRITE: Final = """
UPDATE vendor_file f SET sequence = u.sequence, totals = u.totals, mentioned = u.mentioned,
                         last_cause = u.cause, with_trailer = u.with_trailer,
                         watched = true, changed_at = clock_timestamp()
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::json[], $5::json[], $6::json[],
            $7::bool[])
     AS u (vendor, file, sequence, totals, mentioned, cause, with_trailer)
WHERE f.vendor = u.vendor AND f.file = u.file
"""


async def lock_files(connection: asyncpg.Connection, names: Collection[FileName]) -> None:
    """After references, before lanes."""
    if names:
        columns = list(zip(*sorted(names), strict=True))
        await connection.execute(_CREATE, *columns)
        await connection.execute(_LOCK, *columns)


async def load_files(
    connection: asyncpg.Connection,
    names: Collection[FileName],
    mentioning: Collection[Reference],
) -> dict[FileName, VendorFile]:
    """Files by their names, and those of which a line has one of the references."""
    rows: list[asyncpg.Record] = []
    if names:
        rows += await connection.fetch(_FILES, *zip(*names, strict=True))
    if mentioning:
        rows += await connection.fetch(_FILED, [reference_text(r) for r in mentioning])
    return {FileName(vendor, file): _load_file(*columns) for vendor, file, *columns in rows}


async def stored_lines(
    connection: asyncpg.Connection, keys: Collection[LineKey]
) -> frozenset[LineKey]:
    """Those of the lines that are stored."""
    if not keys:
        return frozenset()
    columns = zip(*((*file, line, content) for file, line, content in keys), strict=True)
    rows = await connection.fetch(_STORED, *columns)
    return frozenset(
        LineKey(FileName(vendor, file), line, content) for vendor, file, line, content in rows
    )


async def write_files(connection: asyncpg.Connection, effects: Effects) -> None:
    await execute(connection, _ADD_LINES, (_line_row(*each) for each in effects.lines.items()))
    last = {line.file: line for line in effects.lines.values()}
    await execute(
        connection, _WRITE, (_file_row(n, f, last[n]) for n, f in sorted(effects.files.items()))
    )


def _line_row(key: LineKey, line: FileLine) -> Sequence[Any]:
    reference = reference_text(line.reference) if line.reference else None
    return (*key.file, key.line, key.content, reference, line.quantity, line.total)


def _file_row(name: FileName, file: VendorFile, last: FileLine) -> Sequence[Any]:
    mentioned = file.mentioned
    cause = last.cause
    return (
        *name,
        file.sequence,
        dump(sorted(file.totals)),
        dump(
            None if mentioned is None else [(reference_text(r), *s) for r, s in mentioned.items()]
        ),
        dump((cause.topic, cause.partition, cause.offset, last.received_at)),
        file.with_trailer,
    )


def _load_file(
    sequence: int | None,
    totals: Json,
    mentioned: Json,
    with_trailer: bool,  # noqa: FBT001 - a column
) -> VendorFile:
    spans = orjson.loads(mentioned)
    return VendorFile(
        sequence,
        frozenset(orjson.loads(totals)),
        None if spans is None else {reference_of(text): Span(*span) for text, *span in spans},
        with_trailer,
    )
