"""Writing dead letters, and closing those whose cause is over."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.pipeline.alerts import alert_ids
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.postgres.rows import dump_headers
from card_fulfillment.postgres.statement import execute, prepare

# By whom dead letters are closed: what waited was applied, the cause of an alert is over.
APPLIED: Final = "applied"
RESOLVED: Final = "resolved"

_INSERT_DEAD_LETTERS: Final = f"""
INSERT INTO dead_letter (dead_letter_id, reason, field_path, message, vendor, mapping_version,
                         topic, partition, "offset", record_timestamp, sha256, key, value, headers)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                     $7::text[], $8::int[], $9::bigint[], $10::bigint[], $11::bytea[], $12::bytea[],
                     $13::bytea[], $14::text[]) AS u
ON CONFLICT (dead_letter_id) DO UPDATE SET state = 'open', closed_at = NULL, closed_by = NULL
WHERE dead_letter.closed_by = '{APPLIED}'  -- what was applied waits again
"""  # noqa: S608 - a constant of this module
# Found by its id, whatever Postgres believes of the index of open ones while there are few.
_CLOSE: Final = """
UPDATE dead_letter d SET state = 'closed', closed_at = now(), closed_by = u.closed_by
FROM unnest($1::uuid[], $2::text[]) AS u (dead_letter_id, closed_by)
WHERE d.dead_letter_id = u.dead_letter_id AND (d.state = 'open') IS TRUE
"""
# What was over is there again: somebody was told of it already.
_REOPEN: Final = f"""
UPDATE dead_letter SET state = 'open', closed_at = NULL, closed_by = NULL
WHERE dead_letter_id = ANY ($1::uuid[]) AND closed_by = '{RESOLVED}'
"""  # noqa: S608 - a constant of this module


async def write_letters(connection: asyncpg.Connection, effects: Effects) -> None:
    await execute(connection, _INSERT_DEAD_LETTERS, map(_row, effects.dead_letters))
    closed = [(i, APPLIED) for fact in effects.settled for i in alert_ids(fact)]
    closed += [(i, RESOLVED) for i in effects.resolved]
    await execute(connection, _CLOSE, closed)
    await execute(connection, _REOPEN, ((i,) for i in effects.reopened))


async def rehearse(connection: asyncpg.Connection) -> None:
    """Run what ordinary batches run, on no rows."""
    await prepare(connection, _INSERT_DEAD_LETTERS, _CLOSE)


def _row(letter: DeadLetter) -> Sequence[Any]:
    return (
        letter.dead_letter_id,
        letter.reason,
        letter.field_path,
        letter.message,
        letter.vendor,
        letter.mapping_version,
        letter.topic,
        letter.partition,
        letter.offset,
        letter.record_timestamp,
        bytes.fromhex(letter.sha256),
        letter.key,
        letter.value,
        dump_headers(letter.headers),
    )
