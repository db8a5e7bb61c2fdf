"""The stored state in Postgres, for tests: stores on it, all that it holds, how to empty it."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import asyncpg
from pydantic import SecretStr

from builders import DEAD_LETTERS, OUTPUT_PARTITIONS, STATUS_TOPIC
from card_fulfillment.domain.facts import ParcelRole
from card_fulfillment.domain.files import FileName, LineKey
from card_fulfillment.domain.journey import FactOutcome
from card_fulfillment.domain.naming import Reference, Subject, bulk_issuance, card
from card_fulfillment.messages.envelope import Outgoing
from card_fulfillment.pipeline.batch import Partition, RecordClass
from card_fulfillment.pipeline.effects import NewChange
from card_fulfillment.pipeline.view import Need, Place, View
from card_fulfillment.postgres.connection import connect, disconnect
from card_fulfillment.postgres.file_accounts import FileSweepingTransaction
from card_fulfillment.postgres.outbox import pin_lanes
from card_fulfillment.postgres.positions import PostgresPositions
from card_fulfillment.postgres.spreading import SpreadingTransaction
from card_fulfillment.postgres.store import PostgresStore, PostgresTransaction
from card_fulfillment.settings import PostgresSettings
from snapshot import Position, Row, Snapshot

_EMPTY: Final = """
TRUNCATE card, bulk_issuance, parcel, vendor_reference, fact, waiting, change, dead_letter,
         input_position, vendor_file, vendor_file_line;
UPDATE lane SET last_seq = 0, published_seq = 0
"""
_BLOCKED: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0
"""


class PostgresState:
    """A database for tests. Each store has a connection of its own."""

    def __init__(self, dsn: str, connection: asyncpg.Connection) -> None:
        self._settings = PostgresSettings(dsn=SecretStr(dsn))
        self._connection = connection
        self._connect = partial(connect, self._settings, application_name="tests")
        self.lanes: dict[tuple[str, int], int] = {}
        self._stores: list[PostgresStore[SpreadingTransaction]] = []
        self._sweeping: list[PostgresStore[FileSweepingTransaction]] = []

    async def pin_lanes(self) -> None:
        for topic in (STATUS_TOPIC, DEAD_LETTERS):
            lanes = await pin_lanes(self._connection, topic, OUTPUT_PARTITIONS)
            self.lanes |= {(topic, partition): lane for partition, lane in lanes.items()}

    def store(self) -> PostgresStore[SpreadingTransaction]:
        self._stores.append(PostgresStore(self._connect, self.lanes, SpreadingTransaction))
        return self._stores[-1]

    def sweeping_store(self) -> PostgresStore[FileSweepingTransaction]:
        self._sweeping.append(PostgresStore(self._connect, self.lanes, FileSweepingTransaction))
        return self._sweeping[-1]

    def hang_up(self) -> None:
        for store in self._stores:
            store.discard()
        for sweeping in self._sweeping:
            sweeping.discard()

    async def begin(self, partitions: Iterable[Partition]) -> None:
        """Start partitions that have no position yet at 0."""
        await PostgresPositions(self._connect).begin(dict.fromkeys(partitions, 0))

    async def empty(self) -> None:
        await self._connection.execute(_EMPTY)

    async def until_blocked(self) -> None:
        """Wait until some session waits for another one's lock."""
        async with asyncio.timeout(10):
            while not await self._connection.fetchval(_BLOCKED):  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.01)

    async def snapshot(self) -> Snapshot:
        view = await self._read()
        return Snapshot(
            bulks=view.bulks,
            cards=view.cards,
            bindings={r: frozenset(held) for r, held in view.bindings.items()},
            facts=await self._facts(),
            waiting=await self._waiting(),
            lanes=await self._changes(),
            positions=await self._positions(),
            dead_letters=await self._column("SELECT reason FROM dead_letter ORDER BY reason"),
            files=view.files,
            lines=await self._lines(),
        )

    async def _column(self, query: str) -> list[str]:
        return [row[0] for row in await self._connection.fetch(query)]

    async def _read(self) -> View:
        cards = await self._column("SELECT card_id FROM card")
        references = await self._column("SELECT reference FROM vendor_reference")
        bulks = await self._column("SELECT bulk_issuance_id FROM bulk_issuance")
        files = await self._connection.fetch("SELECT vendor, file FROM vendor_file")
        need = Need(
            bulks=set(bulks),
            cards=set(cards),
            references=set(map(_reference, references)),
            files={FileName(*row) for row in files},
        )
        store = PostgresStore(self._connect, self.lanes, PostgresTransaction)
        try:
            async with store.transaction() as transaction:
                return await transaction.read(need)
        finally:
            store.discard()

    async def _facts(self) -> dict[bytes, Row]:
        places: defaultdict[bytes, dict[Subject, Place]] = defaultdict(dict)
        copies: defaultdict[bytes, set[int]] = defaultdict(set)
        for (
            fact_id,
            part,
            card_id,
            bulk_id,
            attempt,
            outcome,
            copied,
            number,
            side,
        ) in await self._connection.fetch(_FACTS):
            assert part == len(places[fact_id]), "parts are 0, 1, 2, …"
            copies[fact_id].add(copied)
            if card_id or bulk_id:
                subject = card(card_id) if card_id else bulk_issuance(bulk_id)
                role = ParcelRole(side) if side else None
                places[fact_id][subject] = Place(attempt, FactOutcome(outcome), number, role)
            else:
                assert outcome == FactOutcome.PARKED
        return {i: Row(placed, copies[i].pop()) for i, placed in places.items()}

    async def _waiting(self) -> frozenset[tuple[Reference, bytes]]:
        rows = await self._connection.fetch("SELECT reference, fact_id FROM waiting")
        return frozenset((_reference(text), fact_id) for text, fact_id in rows)

    async def _lines(self) -> frozenset[LineKey]:
        query = "SELECT vendor, file, line, content FROM vendor_file_line"
        rows = await self._connection.fetch(query)
        return frozenset(LineKey(FileName(*name), line, i) for *name, line, i in map(tuple, rows))

    async def _changes(self) -> dict[tuple[str, int], list[NewChange]]:
        """Fails where the numbers of a lane are not 1, 2, 3, … up to its counter."""
        lanes: defaultdict[tuple[str, int], list[NewChange]] = defaultdict(list)
        for topic, partition, seq, card_id, bulk_id, version, *outgoing in map(
            tuple, await self._connection.fetch(_CHANGES)
        ):
            subject = card(card_id) if card_id else bulk_issuance(bulk_id) if bulk_id else None
            lane = lanes[topic, partition]
            lane.append(NewChange(topic, partition, subject, version, Outgoing(*outgoing)))
            assert seq == len(lane), "a lane has a gap"
        last = {
            (topic, partition): seq
            for topic, partition, seq in await self._connection.fetch(_LAST_NUMBERS)
        }
        assert {lane: len(changes) for lane, changes in lanes.items()} == last
        return dict(lanes)

    async def _positions(self) -> Mapping[Partition, Position]:
        rows = await self._connection.fetch("SELECT * FROM input_position")
        return {
            Partition(row["topic"], row["partition"]): Position(
                row["next_offset"], +Counter({each: row[each] for each in RecordClass})
            )
            for row in rows
        }


_FACTS: Final = """
SELECT fact_id, part, card_id, bulk_issuance_id, attempt, outcome, copies,
       coalesce(number, 0), side FROM fact
ORDER BY fact_id, part
"""
_CHANGES: Final = """
SELECT l.topic, l.partition, c.seq, c.card_id, c.bulk_issuance_id, c.version, c.key, c.headers,
       c.value
FROM change c JOIN lane l USING (lane) ORDER BY c.lane, c.seq
"""
_LAST_NUMBERS: Final = "SELECT topic, partition, last_seq FROM lane WHERE last_seq > 0"


def _reference(text: str) -> Reference:
    return Reference(*text.split("/", 2))


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[PostgresState]:
    """Open a migrated database."""
    settings = PostgresSettings(dsn=SecretStr(dsn))
    connection = await connect(settings, application_name="tests")
    state = PostgresState(dsn, connection)
    try:
        await state.pin_lanes()
        yield state
    finally:
        state.hang_up()
        await disconnect(connection)
