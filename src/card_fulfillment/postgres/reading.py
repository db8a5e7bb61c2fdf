"""Reading what a batch needs: unlocked to find out what that is, then again under the locks."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

import asyncpg

from card_fulfillment.domain.bindings import Bindings
from card_fulfillment.domain.bulk import Bulk
from card_fulfillment.domain.naming import (
    Reference,
    Subject,
    SubjectKind,
    bulk_issuance,
    card,
    is_issuers_name,
)
from card_fulfillment.domain.parcels import Parcel
from card_fulfillment.pipeline.ports import MOST_FACTS, Unwieldy
from card_fulfillment.pipeline.view import CardState, Need, Place, Seen, StoredFact, View
from card_fulfillment.postgres.bulk_rows import BULK_COLUMNS, PARCEL_COLUMNS, load_bulk, load_parcel
from card_fulfillment.postgres.card_rows import CARD_COLUMNS, load_card
from card_fulfillment.postgres.fact_rows import load_fact
from card_fulfillment.postgres.files import load_files, stored_lines
from card_fulfillment.postgres.issuers_names import issuers_bindings
from card_fulfillment.postgres.rows import load_bindings, reference_text
from card_fulfillment.postgres.statement import fetch, prepare
from card_fulfillment.postgres.words import OUTCOMES, ROLES

_CARDS: Final = f"SELECT {CARD_COLUMNS} FROM card WHERE card_id = ANY ($1::text[])"  # noqa: S608 - a constant
_REFERENCES: Final = """
SELECT reference, bindings::text FROM vendor_reference WHERE reference = ANY ($1::text[])
"""
_FACT_COLUMNS: Final = """
f.fact_id, f.content, f.vendor, f.status, f.body::text,
f.card_id, f.bulk_issuance_id, f.attempt, f.outcome, coalesce(f.number, 0), f.side
"""
# One more than are taken, which tells that there are more.
_LIMIT: Final = MOST_FACTS + 1
# An array of the ids found first: a join could be planned as a look at every fact.
_WAITING_IDS: Final = f"""SELECT DISTINCT w.fact_id FROM waiting w
WHERE w.reference = ANY ($1::text[]) LIMIT {_LIMIT}"""  # noqa: S608 - a constant
_WAITING: Final = f"ARRAY({_WAITING_IDS})"
_AROUND: Final = f"""
SELECT 'waiting', {_FACT_COLUMNS}, NULL::bigint FROM fact f WHERE f.fact_id = ANY ({_WAITING})
UNION ALL
SELECT 'history', {_FACT_COLUMNS}, NULL FROM fact f
WHERE f.fact_id = ANY (ARRAY(
    SELECT DISTINCT h.fact_id FROM fact h WHERE h.card_id = ANY ($2::text[]) LIMIT {_LIMIT}
))
UNION ALL
SELECT 'seen', f.fact_id, f.content, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       CASE WHEN f.body ->> 'precision' = 'unknown' THEN (f.body ->> 'stated')::bigint END
FROM fact f WHERE f.fact_id = ANY ($3::bytea[]) AND f.part = 0
"""  # noqa: S608 - constants of this module
# What tells what is needed: of journeys only those of several attempts, of what waits the ids.
_GLANCE: Final = f"""
SELECT 'card', card_id, bulk_issuance_id, serial_number, identity::text, version,
       CASE WHEN attempt > 1 THEN journey::text END, folded_number, NULL::bytea
FROM card WHERE card_id = ANY ($1::text[])
UNION ALL
SELECT 'reference', reference, NULL, NULL, bindings::text, NULL, NULL, NULL, NULL
FROM vendor_reference WHERE reference = ANY ($2::text[])
UNION ALL
SELECT 'waiting', NULL, NULL, NULL, NULL, NULL, NULL, NULL, w.fact_id
FROM (
    SELECT DISTINCT fact_id FROM waiting WHERE reference = ANY ($3::text[]) LIMIT {_LIMIT}
) AS w
"""  # noqa: S608 - constants
_HISTORIES: Final = f"""
SELECT {_FACT_COLUMNS} FROM fact f
WHERE f.fact_id = ANY (ARRAY(
    SELECT h.fact_id FROM fact h WHERE h.card_id = ANY ($1::text[])
    UNION SELECT h.fact_id FROM fact h WHERE h.bulk_issuance_id = ANY ($2::text[])
    LIMIT {_LIMIT}
))
ORDER BY f.fact_id, f.part
"""  # noqa: S608 - a constant of this module
_BY_ID: Final = f"""
SELECT {_FACT_COLUMNS} FROM fact f WHERE f.fact_id = ANY ($1::bytea[]) ORDER BY f.fact_id, f.part
"""  # noqa: S608 - a constant of this module
# One look for each card, here and at serials: a join could be planned as a look at all there are.
_SPOKEN_OF: Final = """
SELECT c.card_id FROM card c
CROSS JOIN LATERAL (
    SELECT FROM fact f WHERE f.card_id = c.card_id AND f.vendor IS NOT NULL LIMIT 1
) AS said
WHERE c.bulk_issuance_id = ANY ($1::text[])
"""
_SAYINGS: Final = f"""
SELECT {_FACT_COLUMNS} FROM fact f
WHERE f.fact_id = ANY (ARRAY(
    SELECT s.fact_id FROM fact s WHERE s.bulk_issuance_id = $1 AND s.number > $2
    UNION ALL SELECT unnest($3::bytea[])
))
ORDER BY f.fact_id, f.part
"""  # noqa: S608 - a constant of this module
_TAKEN: Final = """
SELECT u.bulk_id, u.serial FROM unnest($1::text[], $2::int[]) AS u (bulk_id, serial)
CROSS JOIN LATERAL (
    SELECT FROM card WHERE bulk_issuance_id = u.bulk_id AND serial_number = u.serial LIMIT 1
) AS taken
"""
_BULKS: Final = f"""
SELECT bulk_issuance_id, {BULK_COLUMNS} FROM bulk_issuance
WHERE bulk_issuance_id = ANY ($1::text[])
"""  # noqa: S608 - a constant
_PARCELS: Final = f"""
SELECT bulk_issuance_id, {PARCEL_COLUMNS} FROM parcel WHERE bulk_issuance_id = ANY ($1::text[])
"""  # noqa: S608 - a constant


async def peek(connection: asyncpg.Connection, need: Need) -> View:
    """Of the journeys of cards only those of several attempts."""
    view = View(
        bulks=await load_bulks(connection, need.bulks),
        histories=await _histories(connection, need.refolds),
        files=await load_files(connection, need.files, need.file_references),
    )
    keys = {reference_text(r): r for r in need.references}
    unlocks = list(map(reference_text, need.unlocks))
    waiting: list[bytes] = []
    if need.cards or keys or unlocks:
        rows = await fetch(connection, _GLANCE, need.cards, keys, unlocks)
        for what, key, *columns, fact_id in rows:
            if what == "card":
                card_id, view.cards[card_id] = load_card((key, *columns))
            elif what == "reference":
                view.bindings[keys[key]] = load_bindings(columns[2])
            else:
                waiting.append(fact_id)
    view.bindings |= await issuers_bindings(connection, filter(is_issuers_name, need.references))
    if len(waiting) > MOST_FACTS:  # what is believed of their references may be too old
        view.bindings |= await _bindings(connection, need.unlocks - view.bindings.keys())
    # Nobody may have known before that one is crowded.
    if waiting and len(unlocked := need.unlocked(view.bindings)) < len(unlocks):
        unlocks = list(map(reference_text, unlocked))
        waiting = [row[0] for row in await fetch(connection, _WAITING_IDS, unlocks)]
    if waiting:
        _refuse_too_many(waiting)
        view.waiting = _facts(await fetch(connection, _BY_ID, waiting))
    return view


async def read(connection: asyncpg.Connection, need: Need, held: View) -> View:
    """held: what was read of cards and references when they were locked."""
    view = View(
        bulks=await load_bulks(connection, need.bulks),
        cards=held.cards | await _cards(connection, need.cards - held.cards.keys()),
        bindings={r: b for r, b in held.bindings.items() if r in need.references},
        histories=await _histories(connection, need.refolds),
        files=await load_files(connection, need.files, need.file_references),
    )
    view.bindings |= await _bindings(connection, need.references - held.bindings.keys())
    await _read_around(connection, need, view)
    view.sayings = await _sayings(connection, need, view)
    if need.serials:
        rows = await connection.fetch(_TAKEN, *map(list, zip(*need.serials, strict=True)))
        view.taken = frozenset((bulk_id, serial) for bulk_id, serial in rows)
    view.lines = await stored_lines(connection, need.lines)
    if need.retimed:
        view.retimed = _facts(await fetch(connection, _BY_ID, need.retimed))
    return view


async def _read_around(connection: asyncpg.Connection, need: Need, view: View) -> None:
    """Facts that wait, those of the cards announced, and which of the batch were seen before."""
    announced = [i for i in need.histories if card(i) not in need.refolds]
    if not (need.unlocks or announced or need.fact_ids):
        return
    unlocks = list(map(reference_text, need.unlocked(view.bindings)))
    rows = await fetch(connection, _AROUND, unlocks, announced, need.fact_ids)
    view.waiting = _facts(columns for what, *columns, _ in rows if what == "waiting")
    histories = _facts(columns for what, *columns, _ in rows if what == "history")
    _refuse_too_many(view.waiting)
    _refuse_too_many(histories)
    view.histories |= _by_subject(histories.values(), set(map(card, announced)))
    view.seen = {row[1]: Seen(row[2], row[-1]) for row in rows if row[0] == "seen"}


async def rehearse(connection: asyncpg.Connection) -> None:
    """Run what ordinary batches run, on no rows."""
    await prepare(connection, _GLANCE, _AROUND, _BY_ID, _CARDS, _REFERENCES, _HISTORIES)


async def load_bulks(connection: asyncpg.Connection, ids: Collection[str]) -> dict[str, Bulk]:
    if not ids:
        return {}
    parcels: defaultdict[str, dict[Reference, Parcel]] = defaultdict(dict)
    for bulk_id, *columns in await fetch(connection, _PARCELS, ids):
        reference, parcel = load_parcel(*columns)
        parcels[bulk_id][reference] = parcel
    rows = await fetch(connection, _BULKS, ids)
    return {bulk_id: load_bulk(columns, parcels[bulk_id]) for bulk_id, *columns in rows}


async def _cards(connection: asyncpg.Connection, ids: Collection[str]) -> dict[str, CardState]:
    if not ids:
        return {}
    return dict(map(load_card, await fetch(connection, _CARDS, ids)))


async def _bindings(connection: asyncpg.Connection, references: Iterable[Reference]) -> Bindings:
    keys = {reference_text(r): r for r in references}
    if not keys:
        return {}
    rows = await fetch(connection, _REFERENCES, keys)
    stored: Bindings = {keys[text]: load_bindings(bindings) for text, bindings in rows}
    return stored | await issuers_bindings(connection, filter(is_issuers_name, keys.values()))


async def _histories(
    connection: asyncpg.Connection, subjects: Collection[Subject]
) -> dict[Subject, Sequence[StoredFact]]:
    """All that is stored for each subject, and for the members of a bulk that were spoken of."""
    if not subjects:
        return {}
    bulks = [s.id for s in subjects if s.kind is SubjectKind.BULK_ISSUANCE]
    wanted = set(subjects)
    if bulks:
        wanted |= {card(row[0]) for row in await connection.fetch(_SPOKEN_OF, bulks)}
    cards = [s.id for s in wanted if s.kind is SubjectKind.CARD]
    found = _facts(await fetch(connection, _HISTORIES, cards, bulks))
    _refuse_too_many(found)
    return _by_subject(found.values(), wanted)


def _by_subject(
    facts: Iterable[StoredFact], wanted: AbstractSet[Subject]
) -> dict[Subject, Sequence[StoredFact]]:
    histories: defaultdict[Subject, list[StoredFact]] = defaultdict(list)
    for stored in facts:
        for subject in stored.places.keys() & wanted:
            histories[subject].append(stored)
    return {**histories}


async def _sayings(
    connection: asyncpg.Connection, need: Need, view: View
) -> dict[str, Sequence[StoredFact]]:
    """Of each bulk the facts that some card of the need has not folded, or all of them."""
    floors: dict[str, int] = {}
    for state in view.cards.values():
        bulk_id = state.identity.bulk_issuance_id if state.identity else None
        if bulk_id is not None and bulk_id in view.bulks:
            floors[bulk_id] = min(state.folded, floors.get(bulk_id, state.folded))
    floors |= dict.fromkeys(need.whole & view.bulks.keys(), -1)
    asked = {i: floor for i, floor in floors.items() if floor < view.bulks[i].last_number}
    asked |= {i: floors.get(i, 0) for i in floors if _names_a_parcel(need, view.bulks[i])}
    return {
        bulk_id: await load_sayings(connection, bulk_id, view.bulks[bulk_id], floor, need)
        for bulk_id, floor in asked.items()
    }


def _names_a_parcel(need: Need, bulk: Bulk) -> bool:
    return not need.references.isdisjoint(bulk.said.parcels)


async def load_sayings(
    connection: asyncpg.Connection, bulk_id: str, bulk: Bulk, floor: int, need: Need
) -> list[StoredFact]:
    """Facts about a bulk of a later number, or found by a parcel that got serials since or now.

    floor: the number up to which all that need them have folded.
    """
    repacked = {
        fact_id
        for reference, parcel in bulk.said.parcels.items()
        if reference in need.references or any(line.number > floor for line in parcel.lines)
        for fact_id in parcel.facts
    }
    rows = await connection.fetch(_SAYINGS, bulk_id, floor, list(repacked))
    return list(_facts(rows).values())


def _refuse_too_many(facts: Collection[object]) -> None:
    if len(facts) > MOST_FACTS:
        raise Unwieldy(f"more than {MOST_FACTS:,} stored facts are concerned at once")


def _facts(rows: Iterable[Iterable[Any]]) -> dict[bytes, StoredFact]:
    """A fact has a row for each of its subjects, or one without; part by part."""
    found: dict[bytes, StoredFact] = {}
    placed: defaultdict[bytes, dict[Subject, Place]] = defaultdict(dict)
    for fact_id, content, vendor, status, body, card_id, bulk_id, *place in rows:
        if fact_id not in found:
            fact = load_fact(fact_id, content, vendor, status, body)
            found[fact_id] = StoredFact(fact, placed[fact_id])
        if card_id is not None:
            placed[fact_id][card(card_id)] = _place(*place)
        elif bulk_id is not None:
            placed[fact_id][bulk_issuance(bulk_id)] = _place(*place)
    return found


def _place(attempt: int, outcome: str, number: int, side: str | None) -> Place:
    return Place(attempt, OUTCOMES[outcome], number, ROLES[side])
