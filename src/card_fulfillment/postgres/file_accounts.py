"""What came of vendors' files, counted from their lines: for the sweep, and for who asks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import asyncpg
import orjson

from card_fulfillment.domain.file_accounts import FileAccount
from card_fulfillment.domain.files import FileName
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.serials import Ranges
from card_fulfillment.messages.envelope import Record, RefusalReason
from card_fulfillment.pipeline.file_alerts import FILE_ALERTS
from card_fulfillment.pipeline.file_sweep import Gap, Looked, OpenAlert
from card_fulfillment.postgres.files import lock_files
from card_fulfillment.postgres.letters_writing import RESOLVED
from card_fulfillment.postgres.past_deadline import SweepingTransaction
from card_fulfillment.postgres.rows import Json, reference_text

_COLUMNS: Final = """
f.vendor, f.file, f.sequence,
(SELECT max(p.sequence) FROM vendor_file p WHERE p.vendor = f.vendor AND p.sequence < f.sequence),
s.lines, s.quantity, f.totals::text, f.with_trailer, s.missing, s.conflicting
FROM vendor_file f
CROSS JOIN LATERAL (
    SELECT count(*) AS lines, coalesce(sum(quantity), 0)::bigint AS quantity,
           (array_agg(ARRAY[line + 1, next - 1] ORDER BY line)
              FILTER (WHERE next > line + 1))[1:100] AS missing,
           (array_agg(ARRAY[line, line] ORDER BY line)
              FILTER (WHERE contents > 1))[1:100] AS conflicting
    FROM (
        SELECT l.line, sum(l.quantity) AS quantity, count(*) AS contents,
               lead(l.line) OVER (ORDER BY l.line) AS next
        FROM vendor_file_line l WHERE l.vendor = f.vendor AND l.file = f.file GROUP BY l.line
    ) AS by_line
) AS s
"""
_MENTIONING: Final = f"""
SELECT {_COLUMNS}
WHERE (f.vendor, f.file) IN (
    SELECT l.vendor, l.file FROM vendor_file_line l WHERE l.reference = ANY ($1::text[])
)
ORDER BY f.began_at DESC, f.vendor, f.file LIMIT $2
"""  # noqa: S608 - a constant of this module
_LOOK: Final = f"""
SELECT f.last_cause::text, f.changed_at, f.changed_at <= clock_timestamp() - $1::interval,
       f.watched, {_COLUMNS}
WHERE (f.vendor, f.file) IN (
    (SELECT w.vendor, w.file FROM vendor_file w
     WHERE w.watched AND w.changed_at <= clock_timestamp() - $1::interval
     ORDER BY w.changed_at LIMIT $2)
    UNION ALL
    SELECT t.vendor, t.file FROM unnest($3::text[], $4::text[]) AS t (vendor, file)
    JOIN vendor_file w ON w.vendor = t.vendor AND w.file = t.file WHERE w.watched
)
"""  # noqa: S608 - a constant of this module
_GAPS: Final = """
SELECT f.vendor, f.file, g.previous, g.sequence, f.last_cause::text
FROM (
    SELECT vendor, sequence, min(file) AS file, min(began_at) AS began_at,
           lag(sequence) OVER in_order AS previous,
           lag(min(began_at)) OVER in_order AS previous_began_at
    FROM vendor_file WHERE vendor = ANY ($1::text[]) AND sequence IS NOT NULL
    GROUP BY vendor, sequence WINDOW in_order AS (PARTITION BY vendor ORDER BY sequence)
) AS g
JOIN vendor_file f ON f.vendor = g.vendor AND f.file = g.file
WHERE g.sequence > g.previous + 1
  AND greatest(g.began_at, g.previous_began_at) <= clock_timestamp() - $2::interval
"""
_OPEN: Final = """
SELECT dead_letter_id::text, reason, vendor, key FROM dead_letter
WHERE reason = ANY ($1::text[]) AND state = 'open'
"""
_STORED: Final = """
SELECT dead_letter_id::text, closed_by FROM dead_letter WHERE dead_letter_id = ANY ($1::uuid[])
"""
_SETTLE: Final = """
UPDATE vendor_file f SET watched = false
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS u (vendor, file, changed_at)
WHERE f.vendor = u.vendor AND f.file = u.file AND f.changed_at = u.changed_at AND f.watched
"""
# One process at a time: nobody waits, and the lock ends with the transaction.
_TAKE_TURN: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('vendor_file sweep', 0))"


async def files_of(
    connection: asyncpg.Connection, references: Iterable[Reference], most: int
) -> list[FileAccount]:
    """The newest files of which a line has one of the references, the oldest of them first."""
    keys = [reference_text(reference) for reference in references]
    rows = await connection.fetch(_MENTIONING, keys, most)
    return [_account(tuple(row)) for row in reversed(rows)]


class FileSweepingTransaction(SweepingTransaction):
    """For both sweeps: one connection does for them, which take turns."""

    async def take_turn(self) -> bool:
        return bool(await self._connection.fetchval(_TAKE_TURN))

    async def open_file_alerts(self) -> Sequence[OpenAlert]:
        return [
            OpenAlert(letter_id, RefusalReason(reason), FileName(vendor, key.decode()))
            for letter_id, reason, vendor, key in await self._connection.fetch(_OPEN, FILE_ALERTS)
        ]

    async def looked_at(
        self, grace: timedelta, told_of: Collection[FileName], most: int
    ) -> Sequence[Looked]:
        vendors, files = [name.vendor for name in told_of], [name.name for name in told_of]
        rows = await self._connection.fetch(_LOOK, grace, most, vendors, files)
        return [
            Looked(_account(account), _record(cause), changed_at, is_due, is_new)
            for cause, changed_at, is_due, is_new, *account in rows
        ]

    async def gaps(self, vendors: Collection[str], grace: timedelta) -> Sequence[Gap]:
        rows = await self._connection.fetch(_GAPS, list(vendors), grace)
        return [
            Gap(FileName(vendor, file), previous, sequence, _record(cause))
            for vendor, file, previous, sequence, cause in rows
        ]

    async def stored_letters(self, ids: Collection[str]) -> Mapping[str, bool]:
        rows = await self._connection.fetch(_STORED, list(ids))
        return {letter_id: closed_by == RESOLVED for letter_id, closed_by in rows}

    async def settle(self, looked: Sequence[Looked]) -> None:
        if not looked:
            return
        vendors = [each.account.name.vendor for each in looked]
        files = [each.account.name.name for each in looked]
        await lock_files(self._connection, [each.account.name for each in looked])
        changed = [each.changed_at for each in looked]
        await self._connection.execute(_SETTLE, vendors, files, changed)


def _account(row: Sequence[Any]) -> FileAccount:
    vendor, file, sequence, previous, lines, quantity, totals, with_trailer, missing, double = row
    return FileAccount(
        name=FileName(vendor, file),
        sequence=sequence,
        previous=previous,
        lines=lines,
        quantity=quantity,
        totals=frozenset(orjson.loads(totals)),
        with_trailer=with_trailer,
        missing=_ranges(missing),
        conflicting=_ranges(double),
    )


def _ranges(stored: Sequence[Sequence[int]] | None) -> Ranges:
    return tuple((first, last) for first, last in stored or ())


def _record(cause: Json) -> Record:
    """The record of a file's last line, without its bytes: what is looked at has at least one."""
    topic, partition, offset, timestamp = orjson.loads(cause)
    return Record(topic, partition, offset, timestamp, None, None)
