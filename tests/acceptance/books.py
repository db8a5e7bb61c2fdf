"""The database after a run: whether its books add up, and how each card ended."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import asyncpg

Fetch = Callable[..., Awaitable[list[asyncpg.Record]]]
Partition = tuple[str, int]
EndState = Mapping[str, tuple[object, Sequence[Mapping[str, Any]]]]

_FACTS_OF_A_CARD: Final = 8
_STATEMENTS_OF_A_CARD: Final = 9  # the third SHIPPED says nothing that the second did not

_POSITIONS: Final = """
SELECT topic, partition, next_offset, applied, duplicate, ignored, parked, quarantined,
       applied + duplicate + ignored + parked + quarantined AS counted
FROM input_position
"""
_FACTS: Final = """
SELECT count(*) AS facts, coalesce(sum(copies), 0) AS statements,
       count(*) FILTER (WHERE outcome = 'published') AS published,
       count(*) FILTER (WHERE outcome = 'parked') AS parked,
       count(*) FILTER (WHERE card_id IS NULL) AS homeless
FROM fact
"""
_CHANGES: Final = """
SELECT count(*) FILTER (WHERE convert_from(value, 'UTF8')::jsonb ->> 'change' <> 'update')
FROM change WHERE card_id IS NOT NULL
"""
_LEFT_OVER: Final = """
SELECT (SELECT count(*) FROM waiting) AS waiting,
       (SELECT count(*) FROM dead_letter) AS dead_letters,
       (SELECT count(*) FROM card WHERE identity IS NULL) AS placeholders
"""
_TRANSACTIONS: Final = """
SELECT pid, xact_start FROM pg_stat_activity
WHERE datname = current_database() AND state LIKE 'idle in transaction%'
"""
_A_MOMENT: Final = 1.0
_LANES: Final = """
SELECT lane.partition, lane.last_seq, lane.published_seq, count(change.seq) AS changes
FROM lane LEFT JOIN change USING (lane) WHERE lane.topic = $1 GROUP BY lane.lane
"""
_CARDS: Final = "SELECT card_id, status, attempt, version FROM card"
_CHANGES_BY_CARD: Final = """
SELECT card_id, convert_from(value, 'UTF8') FROM change WHERE card_id IS NOT NULL
ORDER BY card_id, version
"""


async def wrong_books(fetch: Fetch, records: Mapping[Partition, int], cards: int) -> list[str]:
    """Say what does not add up. `records`: of each input partition, as Kafka counts them."""
    return [
        *_wrong_positions(await fetch(_POSITIONS), records),
        *_wrong_facts((await fetch(_FACTS))[0], (await fetch(_CHANGES))[0][0], cards),
        *(f"{n} {what} left" for what, n in (await fetch(_LEFT_OVER))[0].items() if n),
        *await _left_open(fetch),
    ]


async def _left_open(fetch: Fetch) -> list[str]:
    """Transactions that are idle, and still are a moment later: a worker at work has short ones."""
    seen = {tuple(row) for row in await fetch(_TRANSACTIONS)}
    if seen:
        await asyncio.sleep(_A_MOMENT)
        seen &= {tuple(row) for row in await fetch(_TRANSACTIONS)}
    return [f"a transaction left: process {pid} since {start}" for pid, start in seen]


def _wrong_positions(
    rows: Iterable[asyncpg.Record], records: Mapping[Partition, int]
) -> Iterable[str]:
    positions = {(row["topic"], row["partition"]): row for row in rows}
    for partition, count in records.items():
        row = positions.get(partition)
        taken = (row["next_offset"], row["counted"]) if row else (0, 0)
        if taken != (count, count):
            yield f"{partition} has {count} records, position and counters say {taken}"
        elif row and (row["duplicate"] or row["ignored"] or row["quarantined"]):
            yield f"{partition}: {dict(row)} of records that are all good"


def _wrong_facts(row: asyncpg.Record, changes: int, cards: int) -> Iterable[str]:
    found = (row["facts"], row["statements"])
    if found != (cards * _FACTS_OF_A_CARD, cards * _STATEMENTS_OF_A_CARD):
        yield f"{found} facts and statements of {cards} cards"
    if row["published"] != changes:
        yield f"{row['published']} facts were published in {changes} changes"
    if row["parked"] or row["homeless"]:
        yield f"{row['parked']} facts are parked, {row['homeless']} are nobody's"


async def wrong_lanes(fetch: Fetch, topic: str, in_kafka: Mapping[int, int]) -> list[str]:
    """Say which lane's counters differ. `in_kafka`: the last seq in each partition."""
    return [
        f"partition {row['partition']}: {dict(row)}, in Kafka {in_kafka.get(row['partition'], 0)}"
        for row in await fetch(_LANES, topic)
        if {row["last_seq"], row["published_seq"], row["changes"]}
        != {in_kafka.get(row["partition"], 0)}
    ]


async def end_state(fetch: Fetch, prefix: str) -> EndState:
    """Of each card its row and its changes, without what differs from one run to the next."""
    changes: dict[str, list[dict[str, Any]]] = {}
    for card, value in await fetch(_CHANGES_BY_CARD):
        changes.setdefault(card, []).append(_lasting(json.loads(value), prefix))
    return {card: (tuple(told), _settled(changes[card])) for card, *told in await fetch(_CARDS)}


def _settled(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is known of the parcel may be told with an earlier event where a batch had both."""
    return [change | {"shipment": None} for change in changes[:-1]] + changes[-1:]


def differences(card: str, found: EndState, given: EndState) -> Iterable[str]:
    """Say in what a card's end differs from the one given."""
    (row, changes), (given_row, given_changes) = found.get(card, ((), ())), given[card]
    if row != given_row:
        yield f"{card} ended as {row}, not as {given_row}"
    if len(changes) != len(given_changes):
        yield f"{card} has {len(changes)} changes, not {len(given_changes)}"
    for change, other in zip(changes, given_changes, strict=False):
        yield from (
            f"{card} version {change['version']}: {name} is {change[name]}, not {other[name]}"
            for name in change
            if change[name] != other[name]
        )


def _lasting(event: dict[str, Any], prefix: str) -> dict[str, Any]:
    cause = event["cause"]
    event["cause"] = (cause["event_id"], cause["topic"].removeprefix(prefix), cause["partition"])
    return {k: v for k, v in event.items() if k not in ("received_at", "recorded_at")}
