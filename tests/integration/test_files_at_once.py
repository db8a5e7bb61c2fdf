"""Workers that have lines of the same file, or order what they mention, at the same time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import permutations
from random import Random

import asyncpg
import pytest
from pydantic import SecretStr

from builders import Log, Sent, announcement, fact, file_line, order, order_no, publishing, sent
from card_fulfillment.domain.facts import Announcement
from card_fulfillment.domain.naming import bulk_issuance
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.postgres.connection import connect
from card_fulfillment.postgres.store import PostgresStore, PostgresTransaction
from card_fulfillment.settings import PostgresSettings
from deliveries import Told, deliveries
from hesitant import Hesitant, take
from oracle_files import assert_filed
from postgres_state import PostgresState, opened
from stories_files import filed_statements
from witness import Witness

_O1, _O2 = order_no("o1"), order_no("o2")
_ORDER, _AGAIN = order(bulk_issuance("b1"), 1, _O1), order(bulk_issuance("b2"), 2, _O1)
_OTHER = order(bulk_issuance("b2"), 1, _O2)
_LINE, _LINE_OF_OTHER = file_line(1, _O1, at=5, quantity=4), file_line(2, _O2, quantity=1)
_TRAILER = file_line(3, total=4)


@pytest.fixture
async def state(dsn: str) -> AsyncIterator[PostgresState]:
    async with opened(dsn) as opened_state:
        yield opened_state


async def _told_at_once(
    state: PostgresState, before: Sequence[Told], shares: Sequence[Sequence[list[Sent]]]
) -> None:
    """Tell what comes before, then to each worker its share, and look at what it came to."""
    log, witness = Log(), Witness()
    await state.empty()
    first = [log.batch([sent(each, topic="before") for each in before])]
    batches = [[log.batch(records) for records in share] for share in shares]
    await state.begin(log.ends)
    await take(Applier(state.store(), publishing()), first)
    ones, others = asyncio.Event(), asyncio.Event()
    stores = [Hesitant(state.store(), ones, others), Hesitant(state.store(), others, ones)]
    await asyncio.gather(
        *(take(Applier(s, publishing()), b) for s, b in zip(stores, batches, strict=True))
    )
    witness.hear([sent(each) for each in before])
    for share in shares:
        for records in share:
            witness.hear(records)
    assert_filed(await state.snapshot(), witness)
    state.hang_up()


@pytest.mark.parametrize(
    ("before", "one", "other"),
    [
        ([_TRAILER], _ORDER, _LINE),
        ([_LINE], _ORDER, _TRAILER),
        ([_ORDER], _LINE, _TRAILER),
        ([_ORDER, _TRAILER], _LINE, _AGAIN),
        ([_ORDER, _LINE], _AGAIN, _TRAILER),
        ([_ORDER, _LINE, _TRAILER], _LINE_OF_OTHER, _OTHER),
        ([_ORDER, _OTHER, _TRAILER], _LINE, _LINE_OF_OTHER),
        ([_TRAILER, _LINE, _LINE_OF_OTHER], _ORDER, _OTHER),
        ([_ORDER, _TRAILER], _LINE, _LINE),
    ],
)
async def test_two_that_must_see_each_others_work_do_so_whoever_comes_first(
    state: PostgresState, before: list[Told], one: Told, other: Told
) -> None:
    halves = [[[sent(told, topic=topic)]] for topic, told in (("one", one), ("other", other))]
    for pair in permutations(halves):
        await _told_at_once(state, before, pair)


async def test_a_file_whose_lines_come_to_two_workers_is_what_one_would_make_of_it(
    state: PostgresState,
) -> None:
    for seed in range(15):
        rng = Random(seed)  # noqa: S311 - no secret
        told = [each for each in filed_statements(rng) if not isinstance(each, Announcement)]
        batches = deliveries(rng, told)
        shares = [
            [[r._replace(partition=worker) for r in records] for records in batches[worker::2]]
            for worker in (0, 1)
        ]
        await _told_at_once(state, [], shares)


async def test_batches_without_lines_ask_nothing_about_files(
    state: PostgresState, dsn: str
) -> None:
    settings = PostgresSettings(dsn=SecretStr(dsn))
    asked: list[str] = []

    async def heard() -> asyncpg.Connection:
        connection = await connect(settings, application_name="tests")
        connection.add_query_logger(lambda logged: asked.append(logged.query))
        return connection

    told: list[Told] = [announcement("c1"), order("c1", 1, _O1), fact(Status.SHIPPED, 5, _O1)]
    log = Log()
    batch = log.batch([sent(each) for each in told])
    await state.begin(batch.moves)
    store = PostgresStore(heard, state.lanes, PostgresTransaction)
    await take(Applier(store, publishing()), [batch])
    store.discard()

    assert asked
    assert not [query for query in asked if "vendor_file" in query]
