"""The stories of the store in memory, told to Postgres as well: the same to the last byte."""

from collections.abc import AsyncIterator
from random import Random

import pytest

from agreement import Telling, assert_agrees
from builders import NOW, Log, announcement, fact, order, order_no, publishing, sent
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.ports import PositionLost
from deliveries import deliveries
from postgres_state import PostgresState, opened
from snapshot import check
from stories import statements

_STORIES = 60


@pytest.fixture
async def state(dsn: str) -> AsyncIterator[PostgresState]:
    async with opened(dsn) as opened_state:
        yield opened_state


async def test_stories_end_in_postgres_as_they_end_in_memory(state: PostgresState) -> None:
    for seed in range(_STORIES):
        await retell(state, Random(seed))  # noqa: S311 - no secret


async def retell(state: PostgresState, rng: Random) -> None:
    """Tell a story of chance to both stores, batch by batch."""
    await state.empty()
    telling, applier = Telling(), Applier(state.store(), publishing())
    for records in deliveries(rng, statements(rng)):
        batch = telling.take(records, hole=rng.choice((0, 0, 2)))
        await state.begin(batch.moves)
        await applier.apply(batch, NOW)
    state.hang_up()
    stored = await state.snapshot()
    check(stored, rebound=telling.witness.rebound)
    assert_agrees(stored, telling.witness.told)
    assert stored == telling.snapshot()


async def test_a_batch_that_was_applied_is_refused_and_changes_nothing(
    state: PostgresState,
) -> None:
    log, applier = Log(), Applier(state.store(), publishing())
    reference = order_no("o")
    said = [
        sent(announcement("c1"), topic="announcements"),
        sent(order("c1", 1, reference), topic="orders"),
        sent(fact(Status.LOST, 5, reference), topic="tracking"),
    ]
    batch = log.batch(said)
    await state.begin(batch.moves)
    await applier.apply(batch, NOW)
    before = await state.snapshot()

    with pytest.raises(PositionLost):
        await applier.apply(batch, NOW)

    assert await state.snapshot() == before
    assert before.statuses() == {"c1": ["created", "ordered", "lost"]}
