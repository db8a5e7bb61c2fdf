"""The stories of the store in memory, told to Postgres as well: the same to the last byte."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

import asyncpg
import pytest

from agreement import Telling, assert_agrees
from builders import NOW, Log, announcement, fact, order, order_no, publishing, sent
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.fan_out import FanOut
from card_fulfillment.pipeline.ports import PositionLost
from deliveries import Told, deliveries
from postgres_state import PostgresState, opened
from snapshot import Snapshot, check
from snapshot_bulk import is_quiet
from stories import statements
from stories_files import filed_statements

_STORIES = 20
_PACE = 0.4
_ALL = 100
Story = Callable[[Random], Sequence[Told]]


@pytest.fixture
async def state(dsn: str) -> AsyncIterator[PostgresState]:
    async with opened(dsn) as opened_state:
        yield opened_state


async def test_stories_end_in_postgres_as_they_end_in_memory(state: PostgresState) -> None:
    for seed in _new_stories():
        await retell(state, seed, most=_ALL)


async def test_stories_end_where_they_must_when_members_are_reached_one_by_one(
    state: PostgresState,
) -> None:
    for seed in _new_stories():
        await retell(state, seed, most=1)


async def test_files_come_to_the_same_in_postgres_as_in_memory(state: PostgresState) -> None:
    for seed in _new_stories():
        await retell(state, seed, _ALL, filed_statements)


def _new_stories() -> Iterator[int]:
    """Others each time; where one fails, pytest shows its seed as an argument of `retell`."""
    return (secrets.randbits(32) for _ in range(_STORIES))


async def retell(state: PostgresState, seed: int, most: int, story: Story = statements) -> None:
    """Tell a story of chance to both stores, batch by batch, with the same fan-out in between."""
    rng = Random(seed)  # noqa: S311 - chance, and no secret
    await state.empty()
    telling, store = Telling(most=most), state.store()
    applier = Applier(store, publishing())
    fan_out = FanOut(store.transaction, publishing(), most)
    any_order = most < _ALL  # in which members of equal serials are taken
    for records in deliveries(rng, story(rng)):
        batch = telling.take(records, hole=rng.choice((0, 0, 2)))
        await state.begin(batch.moves)
        await applier.apply(batch, NOW)
        while rng.random() < _PACE:
            steps = telling.spread(), bool(await fan_out.spread(NOW))
            assert any_order or len({*steps}) == 1
            telling.tick()
            await fan_out.tick(NOW)
    await _settle(fan_out)
    state.hang_up()
    stored = await state.snapshot()
    check(stored, rebound=telling.witness.rebound)
    assert is_quiet(stored.bulks, stored.cards)
    assert_agrees(stored, telling.witness.told)
    if not any_order:
        assert _unordered(stored) == _unordered(telling.settle().snapshot())


async def _settle(fan_out: FanOut) -> None:
    while await fan_out.spread(NOW) or await fan_out.tick(NOW):
        pass


def _unordered(snapshot: Snapshot) -> Snapshot:
    lanes = {lane: sorted(changes, key=repr) for lane, changes in snapshot.lanes.items()}
    return replace(snapshot, lanes=lanes)


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


async def test_a_change_for_a_lane_that_is_not_there_is_an_error_and_not_a_loss(
    state: PostgresState,
) -> None:
    log, applier = Log(), Applier(state.store(), publishing())
    batch = log.batch([sent(announcement("c1"), topic="announcements")])
    await state.begin(batch.moves)
    before = await state.snapshot()
    state.lanes.update({lane: number + 1000 for lane, number in state.lanes.items()})

    with pytest.raises(asyncpg.NotNullViolationError):
        await applier.apply(batch, NOW)

    assert await state.snapshot() == before
