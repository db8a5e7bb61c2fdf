"""Several workers on one Postgres end where one alone would: nothing lost, nothing left parked."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from random import Random

import pytest

from agreement import assert_agrees
from builders import NOW, Log, Sent, announcement, fact, order, order_no, publishing, sent
from card_fulfillment.domain.facts import Statement
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.batch import Batch, Partition
from card_fulfillment.pipeline.ports import Contended
from collisions import Collision, anything, collision
from postgres_state import PostgresState, opened
from snapshot import Snapshot, check

_TRIES = 20


@pytest.fixture
async def state(dsn: str) -> AsyncIterator[PostgresState]:
    async with opened(dsn) as opened_state:
        yield opened_state


@pytest.mark.parametrize("story_of", [collision, anything])
@pytest.mark.parametrize("workers", [2, 3])
async def test_workers_at_once_end_where_one_would(
    state: PostgresState, workers: int, story_of: Callable[[Random, int], Collision]
) -> None:
    appliers = [Applier(state.store(), publishing()) for _ in range(workers)]
    for seed in range(12):
        await clash(state, appliers, story_of(Random(seed), workers))  # noqa: S311 - no secret


async def clash(state: PostgresState, appliers: list[Applier], story: Collision) -> int:
    """Tell a story to all workers at once; returns how often one had to try again."""
    log = Log()
    await state.empty()
    batches = [[log.batch(each) for each in half] for half in story.halves]
    before = [log.batch([each]) for each in story.before]
    await state.begin(log.ends)
    await _take(appliers[0], before)
    again = await asyncio.gather(
        *(_take(applier, half) for applier, half in zip(appliers, batches, strict=True))
    )
    snapshot = await state.snapshot()
    check(snapshot, rebound=True)
    assert_agrees(snapshot, story.told)
    _assert_counted(snapshot, log, [s for half in story.halves for b in half for s in b])
    return sum(again)


async def _take(applier: Applier, batches: Iterable[Batch]) -> int:
    contended = 0
    for batch in batches:
        for _ in range(_TRIES):
            try:
                await applier.apply(batch, NOW)
            except Contended:
                contended += 1
            else:
                break
        else:
            raise AssertionError("contended for ever")
    return contended


def _assert_counted(snapshot: Snapshot, log: Log, records: Iterable[Sent]) -> None:
    taken = Counter(Partition(r.topic, r.partition) for r in records)
    for partition, position in snapshot.positions.items():
        assert position.next_offset == log.ends[partition]
        if partition.topic != "before":
            assert position.counted.total() == taken[partition]


async def test_cards_of_one_letter_announced_at_once_both_keep_what_waited_for_them(
    state: PostgresState,
) -> None:
    letter = order_no("letter")
    facts = [fact(Status.SHIPPED, 2 + n, letter) for n in range(5)]
    cards = ("c1", "c2")
    before: list[Statement] = [*(order(c, 1, letter) for c in cards), *facts]
    told = [announcement(c) for c in cards]
    halves = [[[sent(each, topic=each.card.card_id)]] for each in told]
    appliers = [Applier(state.store(), publishing()) for _ in cards]
    for _ in range(20):
        story = Collision([sent(s, topic="before") for s in before], halves, [*before, *told])
        await clash(state, appliers, story)
