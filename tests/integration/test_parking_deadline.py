"""What waits past its deadline is told of once, and is still applied when its time comes."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from unittest.mock import patch

import asyncpg
import pytest

from builders import NOW, Log, altered, announcement, fact, order, order_no, publishing, sent
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Cause, Fact, Statement
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.status import Status
from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline import sweep as sweeping
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.redrive import Selection
from card_fulfillment.pipeline.sweep import sweep
from card_fulfillment.postgres.census import take_census
from card_fulfillment.postgres.quarantine import PostgresQuarantine
from postgres_state import PostgresState, opened

_O1 = order_no("o1")


@pytest.fixture
async def state(dsn: str) -> AsyncIterator[PostgresState]:
    async with opened(dsn) as opened_state:
        yield opened_state


async def _take(state: PostgresState, log: Log, *elements: Statement) -> None:
    batch = log.batch([sent(*elements)])
    await state.begin(batch.moves)
    await Applier(state.store(), publishing()).apply(batch, NOW)


async def _sweep(state: PostgresState, deadline: timedelta) -> int:
    return await sweep(state.sweeping_store().transaction, deadline, publishing(), NOW)


async def test_a_fact_past_its_deadline_is_told_of_once(state: PostgresState) -> None:
    await _take(state, Log(), fact(Status.SHIPPED, 5, _O1))

    assert await _sweep(state, timedelta(days=7)) == 0
    assert await _sweep(state, timedelta(0)) == 1
    assert await _sweep(state, timedelta(0)) == 0

    stored = await state.snapshot()
    assert stored.dead_letters == [RefusalReason.PARKING_DEADLINE]
    assert sum(len(changes) for changes in stored.lanes.values()) == 1


@pytest.mark.parametrize("ordered_first", [True, False])
async def test_facts_that_wait_for_several_cards_are_told_of_once_and_in_one_sweep(
    state: PostgresState, *, ordered_first: bool
) -> None:
    log, cards = Log(), range(3)
    shipped: list[Statement] = [fact(Status.SHIPPED, at, _O1) for at in (5, 6)]
    orders: list[Statement] = [order(f"c{card}", 1, _O1) for card in cards]
    with patch.object(sweeping, "_AT_A_TIME", 2):
        for told in (orders, shipped) if ordered_first else (shipped, orders):
            await _take(state, log, *told)
            assert await _sweep(state, timedelta(0)) == len(told)

    stored = await state.snapshot()
    assert len(stored.dead_letters) == len(shipped) + len(cards)
    assert sum(len(changes) for changes in stored.lanes.values()) == len(shipped) + len(cards)


async def test_what_waits_is_counted_as_waiting_or_as_overdue(
    state: PostgresState, dsn: str
) -> None:
    async def waiting() -> tuple[int, int]:
        connection = await asyncpg.connect(dsn)
        try:
            census = await take_census(connection)
        finally:
            await connection.close()
        return census.parked, census.past_deadline

    log = Log()
    await _take(state, log, fact(Status.SHIPPED, 5, _O1))
    assert await waiting() == (1, 0)
    await _sweep(state, timedelta(0))
    assert await waiting() == (0, 1)
    await _take(state, log, announcement("c1"), order("c1", 1, _O1))
    assert await waiting() == (0, 0)


async def _letters(dsn: str) -> list[tuple[str, str | None]]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT state, closed_by FROM dead_letter")
    finally:
        await connection.close()
    return [(row["state"], row["closed_by"]) for row in rows]


async def test_it_is_still_applied_and_then_the_alert_is_closed(
    state: PostgresState, dsn: str
) -> None:
    log = Log()
    await _take(state, log, announcement("c1"), fact(Status.SHIPPED, 5, _O1))
    await _sweep(state, timedelta(0))
    assert await _letters(dsn) == [("open", None)]

    await _take(state, log, order("c1", 1, _O1))

    assert (await state.snapshot()).statuses()["c1"] == ["created", "ordered", "shipped"]
    assert await _letters(dsn) == [("closed", "applied")]


async def test_what_a_person_closed_before_stays_closed_by_that_person(
    state: PostgresState, dsn: str
) -> None:
    log = Log()
    await _take(state, log, announcement("c1"), fact(Status.SHIPPED, 5, _O1))
    await _sweep(state, timedelta(0))
    quarantine = PostgresQuarantine(partial(asyncpg.connect, dsn))
    letters = [letter.id async for letter in quarantine.select(Selection())]
    assert await quarantine.close(letters, "night shift") == set(letters)

    await _take(state, log, order("c1", 1, _O1))

    assert await _letters(dsn) == [("closed", "night shift")]


async def test_an_order_whose_card_is_not_announced_is_told_of_too(
    state: PostgresState, dsn: str
) -> None:
    log = Log()
    await _take(state, log, order("c1", 1, _O1))
    assert await _sweep(state, timedelta(0)) == 1

    await _take(state, log, announcement("c1"))

    assert await _letters(dsn) == [("closed", "applied")]


async def test_the_alert_stays_open_while_its_card_is_not_announced(
    state: PostgresState, dsn: str
) -> None:
    log = Log()
    await _take(state, log, fact(Status.SHIPPED, 5, _O1))
    await _sweep(state, timedelta(0))

    await _take(state, log, order("c1", 1, _O1))
    assert await _letters(dsn) == [("open", None)]

    await _take(state, log, announcement("c1"))
    assert await _letters(dsn) == [("closed", "applied")]


async def test_what_is_held_again_is_told_of_again(state: PostgresState, dsn: str) -> None:
    log, other = Log(), order_no("o2")
    await _take(state, log, *(announcement(each) for each in ("c1", "c2", "c3")))
    await _take(state, log, order("c1", 0, _O1), order("c2", 0, other))
    await _take(state, log, fact(Status.SHIPPED, 200, _O1, other))
    await _take(state, log, order("c1", 1, other))
    assert await _letters(dsn) == [("closed", "applied")]

    await _take(state, log, order("c3", 200, _O1))

    assert await _letters(dsn) == [("open", None)]


def _copies(*references: Reference) -> list[Fact]:
    """One statement without a time of its own, in records from the newest to the oldest."""
    untimed = partial(fact, Status.SHIPPED, event_id="e", precision=Precision.UNKNOWN)
    causes = [Cause("e", "tracking", 0, offset) for offset in (90, 50, 10)]
    times = (900, 500, 5)
    return [
        altered(untimed(at, *references), cause=cause)
        for at, cause in zip(times, causes, strict=True)
    ]


async def test_the_alert_is_closed_though_an_earlier_copy_came_since(
    state: PostgresState, dsn: str
) -> None:
    log = Log()
    first, *earlier = _copies(_O1)
    await _take(state, log, announcement("c1"), first)
    await _sweep(state, timedelta(0))
    for copy in earlier:
        await _take(state, log, copy)
    assert await _letters(dsn) == [("open", None)]

    await _take(state, log, order("c1", 1, _O1))

    assert await _letters(dsn) == [("closed", "applied")]


async def test_an_alert_that_an_earlier_copy_raised_is_closed(
    state: PostgresState, dsn: str
) -> None:
    log, other = Log(), order_no("o2")
    newest, _, oldest = _copies(_O1, other)
    await _take(state, log, *(announcement(each) for each in ("c1", "c2")))
    orders = (order("c1", 1, _O1), order("c2", 800, other), order("c2", 1, other))
    await _take(state, log, *orders, newest)
    await _take(state, log, oldest)
    assert await _letters(dsn) == [("open", None)]

    await _take(state, log, order("c1", 2, other))

    assert await _letters(dsn) == [("closed", "applied")]
