"""Dead letters in Postgres: finding them, and applying their records again."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import replace
from typing import Final, NamedTuple

import asyncpg

from card_fulfillment.messages.envelope import Record, RefusalReason
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.batch import Batch
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.publishing import Publishing
from card_fulfillment.pipeline.redrive import Selection, StoredLetter
from card_fulfillment.postgres.apart import fetch_apart
from card_fulfillment.postgres.changes_writing import Lanes
from card_fulfillment.postgres.connection import Connect
from card_fulfillment.postgres.rows import load_headers
from card_fulfillment.postgres.store import PostgresStore, PostgresTransaction

_PAGE: Final = 100  # the bytes of a letter can be large
_FITS: Final = """
    (cardinality($1::uuid[]) = 0 OR dead_letter_id = ANY ($1::uuid[]))
    AND ($2::text IS NULL OR reason = $2) AND ($3::text IS NULL OR vendor = $3)
    AND ($4::text IS NULL OR topic = $4) AND ($5::timestamptz IS NULL OR recorded_at >= $5)
    AND ($6::timestamptz IS NULL OR recorded_at < $6) AND ($7::text IS NULL OR state = $7)
"""
_SELECT: Final = f"""
SELECT dead_letter_id, reason, field_path, message, vendor, mapping_version, topic, partition,
       "offset", recorded_at, state, closed_at, closed_by, record_timestamp, sha256, key, value,
       headers
FROM dead_letter
WHERE {_FITS}
  AND ($8::timestamptz IS NULL OR (recorded_at, dead_letter_id) > ($8, $9::uuid))
ORDER BY recorded_at, dead_letter_id LIMIT {_PAGE}
"""  # noqa: S608 - words of our own
_TALLY: Final = f"""
SELECT reason, vendor, count(*) FROM dead_letter WHERE {_FITS}
GROUP BY reason, vendor ORDER BY count(*) DESC, reason, vendor
"""  # noqa: S608 - words of our own
_KNOWN: Final = "SELECT dead_letter_id FROM dead_letter WHERE dead_letter_id = ANY ($1::uuid[])"
_CLOSE: Final = """
UPDATE dead_letter SET state = 'closed', closed_at = now(), closed_by = $2
WHERE dead_letter_id = $1 AND state = 'open'
"""
_CLOSE_ALL: Final = """
UPDATE dead_letter SET state = 'closed', closed_at = now(), closed_by = $2
WHERE dead_letter_id = ANY ($1::uuid[]) AND state = 'open' RETURNING dead_letter_id::text
"""


class _Undone(Exception):
    """Rolls a dry run back, and tells what it would have done."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects


class _Redriving(PostgresTransaction):
    """A transaction that also closes the letter that it redrives."""

    def __init__(self, connection: asyncpg.Connection, lanes: Lanes, closing: "_Closing") -> None:
        super().__init__(connection, lanes)
        self._closing = closing

    async def write(self, effects: Effects) -> None:
        again = {letter.dead_letter_id for letter in effects.dead_letters}
        known = {str(row[0]) for row in await self._connection.fetch(_KNOWN, list(again))}
        await super().write(_without(effects, known))
        if self._closing.letter_id not in again:
            await self._connection.execute(_CLOSE, self._closing.letter_id, self._closing.by)
        if not self._closing.keep:
            raise _Undone(effects)


class _Closing(NamedTuple):
    letter_id: str
    by: str
    keep: bool


def _without(effects: Effects, known: Collection[str]) -> Effects:
    """What fails again in the same way is in quarantine already, and was told.

    Nor did the elements that were applied at once come another time.
    """
    told = (change for change in effects.changes if change.subject is None)
    repeated = [
        c for c, d in zip(told, effects.dead_letters, strict=True) if d.dead_letter_id in known
    ]
    return replace(
        effects,
        copies=Counter(),
        changes=[change for change in effects.changes if change not in repeated],
        dead_letters=[d for d in effects.dead_letters if d.dead_letter_id not in known],
    )


class PostgresQuarantine:
    """Looks at dead letters, on connections of its own; raises StoreUnavailable."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def select(self, selection: Selection) -> AsyncIterator[StoredLetter]:
        page: list[StoredLetter] = []
        while True:
            after = (page[-1].recorded_at, page[-1].id) if page else (None, None)
            rows = await fetch_apart(self._connect, _SELECT, *_conditions(selection), *after)
            page = [_letter(row) for row in rows]
            for letter in page:
                yield letter
            if len(page) < _PAGE:
                return

    async def tally(self, selection: Selection) -> list[tuple[str, str | None, int]]:
        """How many fit: by reason and vendor, the most first."""
        return [
            tuple(row) for row in await fetch_apart(self._connect, _TALLY, *_conditions(selection))
        ]

    async def close(self, ids: Collection[str], by: str) -> set[str]:
        """Close open letters without doing anything about them; returns which."""
        return {row[0] for row in await fetch_apart(self._connect, _CLOSE_ALL, list(ids), by)}


class RedrivingQuarantine(PostgresQuarantine):
    """Applies their records again, too."""

    def __init__(
        self, connect: Connect, lanes: Lanes, publishing: Publishing, clock: Callable[[], int]
    ) -> None:
        super().__init__(connect)
        self._publishing, self._clock = publishing, clock
        self._closing = _Closing("", "", keep=False)
        self._store = PostgresStore(connect, lanes, self._begun)

    async def redrive(self, batch: Batch, letter_id: str, by: str, *, keep: bool) -> Effects:
        self._closing = _Closing(letter_id, by, keep)
        try:
            return await Applier(self._store, self._publishing).apply(batch, self._clock())
        except _Undone as undone:
            return undone.effects

    def discard(self) -> None:
        """Close the connection that it redrives on: one for all letters."""
        self._store.discard()

    def _begun(self, connection: asyncpg.Connection, lanes: Lanes) -> _Redriving:
        return _Redriving(connection, lanes, self._closing)


def _conditions(selection: Selection) -> tuple[object, ...]:
    return (
        list(selection.ids),
        selection.reason,
        selection.vendor,
        selection.topic,
        selection.since,
        selection.until,
        selection.state,
    )


def _letter(row: asyncpg.Record) -> StoredLetter:
    record = Record(
        row["topic"],
        row["partition"],
        row["offset"],
        row["record_timestamp"],
        row["key"],
        row["value"],
        load_headers(row["headers"]),
    )
    return StoredLetter(
        id=str(row["dead_letter_id"]),
        reason=RefusalReason(row["reason"]),
        field_path=row["field_path"],
        message=row["message"],
        vendor=row["vendor"],
        mapping_version=row["mapping_version"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        record_timestamp=row["record_timestamp"],
        recorded_at=row["recorded_at"],
        sha256=row["sha256"].hex(),
        state=row["state"],
        closed_at=row["closed_at"],
        closed_by=row["closed_by"],
        record=record if row["value"] is not None else None,
    )
