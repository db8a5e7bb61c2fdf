"""Ordinary batches prepare nothing while rows are locked: a process may freeze at any point.

Between preparing and running a statement the server waits for a client that it does not take for
idle, and what the transaction holds stays held.
"""

from collections.abc import AsyncIterator, Sequence
from operator import attrgetter

import asyncpg
import pytest
from pydantic import SecretStr

from builders import NOW, Log, Sent, announcement, fact, order, order_no, publishing, sent
from card_fulfillment.domain.bulk import Bulk
from card_fulfillment.domain.files import FileLine, FileName, LineKey, VendorFile
from card_fulfillment.domain.naming import Reference, bulk_issuance, issuers_name
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.alerts import alert_ids
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.view import Need
from card_fulfillment.postgres.connection import connect
from card_fulfillment.postgres.store import PostgresStore, PostgresTransaction
from card_fulfillment.settings import PostgresSettings
from postgres_state import PostgresState, opened

_PREPARED = "SELECT statement FROM pg_prepared_statements"
# Without that by which asyncpg looks types up.
_PLANS = """
SELECT 'EXPLAIN (COSTS OFF) EXECUTE "' || name || '"('
       || repeat('NULL, ', cardinality(parameter_types) - 1) || 'NULL)'
FROM pg_prepared_statements
WHERE cardinality(parameter_types) > 0 AND statement NOT LIKE '%pg_catalog%'
"""
_longest_kept = attrgetter("_stmt_cache._max_lifetime")  # seconds; private
_connection_of = attrgetter("_connection")  # private as well
_NAME, _FILE = Reference("acme", "order_no", "1"), FileName("acme", "1")
_RARELY = Need(  # bulk issuances and files
    bulks={"1"},
    references={_NAME, issuers_name(bulk_issuance("1"))},
    refolds={bulk_issuance("1")},
    serials={("1", 1)},
    retimed={b"1"},
    files={_FILE},
    file_references={_NAME},
    lines={LineKey(_FILE, 1, b"1")},
)
_SAME = fact(Status.LOST, 6, order_no("1"))
_RARELY_WRITTEN = Effects(
    bulks={"1": Bulk()},
    parcels={("1", _NAME): None},
    retimed={b"1": _SAME},
    lines={LineKey(_FILE, 1, b"1"): FileLine(file=_FILE, line=1, cause=_SAME.cause, received_at=1)},
    files={_FILE: VendorFile()},
    reopened=alert_ids(_SAME),
)
_BATCHES: Sequence[Sequence[Sent]] = (
    [  # a card's journey, another one's that begins with its end
        sent(announcement("1"), topic="announcements"),
        sent(order("1", 1, order_no("1")), topic="orders"),
        sent(fact(Status.IN_PRODUCTION, 5, order_no("1")), topic="tracking"),
        sent(fact(Status.LOST, 5, order_no("2")), topic="tracking"),
    ],
    [
        sent(announcement("2"), topic="announcements"),
        sent(order("2", 1, order_no("2")), topic="orders"),
        sent(_SAME, topic="tracking"),
        sent(_SAME, topic="tracking"),
    ],
    [sent(_SAME, topic="tracking")],
)


@pytest.fixture
async def state(dsn: str) -> AsyncIterator[PostgresState]:
    async with opened(dsn) as opened_state:
        yield opened_state


async def prepared(connection: asyncpg.Connection) -> set[str]:
    return {row[0] for row in await connection.fetch(_PREPARED)} | {_PREPARED}


@pytest.mark.parametrize(
    ("asked", "written"),
    [(Need(), Effects()), (_RARELY, _RARELY_WRITTEN)],
    ids=["by all batches", "by some batches"],
)
async def test_rows_are_found_by_their_keys_as_long_as_tables_are_empty(
    dsn: str, asked: Need, written: Effects
) -> None:
    """A plan stays while a table grows: looking at all of it would cost more and more."""
    settings = PostgresSettings(dsn=SecretStr(dsn))

    async def connecting() -> asyncpg.Connection:
        return await connect(settings, application_name="store", by_keys=True)

    store = PostgresStore(connecting, {}, PostgresTransaction)
    async with store.transaction() as transaction:
        await transaction.lock(asked)
        await transaction.peek(asked)
        await transaction.read(asked)
        await transaction.write(written)
        connection = _connection_of(transaction)
        explaining = [row[0] for row in await connection.fetch(_PLANS)]
        plans = [[row[0] for row in await connection.fetch(each)] for each in explaining]
    store.discard()
    looked_up = [
        below
        for plan in plans
        for line, below in zip(plan, [*plan[1:], ""], strict=True)
        if "Index Scan" in line or "Index Only Scan" in line
    ]
    assert len(looked_up) > len(plans)
    assert [line for line in looked_up if "Index Cond" not in line] == []
    assert not any("Seq Scan" in line or "Join Filter" in line for plan in plans for line in plan)


async def test_batches_run_what_was_prepared_when_the_store_connected(
    state: PostgresState, dsn: str
) -> None:
    settings = PostgresSettings(dsn=SecretStr(dsn))
    connections: list[asyncpg.Connection] = []

    async def connecting() -> asyncpg.Connection:
        connections.append(await connect(settings, application_name="store", by_keys=True))
        return connections[-1]

    store = PostgresStore(connecting, state.lanes, PostgresTransaction)
    async with store.transaction():
        (connection,) = connections
        before = await prepared(connection)

    log, applier = Log(), Applier(store, publishing())
    for said in _BATCHES:
        batch = log.batch(said)
        await state.begin(batch.moves)
        await applier.apply(batch, NOW)

    assert await prepared(connection) - before == set()
    store.discard()
    assert (await state.snapshot()).statuses() == {
        "1": ["created", "ordered", "in_production", "lost"],
        "2": ["created", "ordered", "lost"],
    }


async def test_what_is_prepared_is_kept_as_long_as_the_connection(dsn: str) -> None:
    settings = PostgresSettings(dsn=SecretStr(dsn))
    connection = await connect(settings, application_name="store", by_keys=True)
    await connection.fetch("SELECT $1::int", 1)
    assert _longest_kept(connection) == 0
    await connection.close()
