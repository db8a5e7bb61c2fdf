"""Several workers on one Postgres end where one alone would: nothing lost, nothing left parked."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from random import Random

import pytest

from agreement import assert_agrees
from builders import (
    Log,
    Sent,
    announcement,
    fact,
    order,
    order_no,
    publishing,
    sent,
    waybill,
)
from card_fulfillment.domain.facts import Statement
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.batch import Partition
from collisions import Collision, anything, collision
from hesitant import Hesitant, take
from postgres_state import PostgresState, opened
from snapshot import Snapshot, check
from witness import fact_id_of


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
    for seed in range(10):
        await clash(state, appliers, story_of(Random(seed), workers))  # noqa: S311 - no secret


async def clash(
    state: PostgresState, appliers: list[Applier], story: Collision, first: Applier | None = None
) -> int:
    """Tell a story to all workers at once; returns how often one had to try again.

    first: who is told what comes before.
    """
    log = Log()
    await state.empty()
    batches = [[log.batch(each) for each in half] for half in story.halves]
    before = [log.batch([each]) for each in story.before]
    await state.begin(log.ends)
    await take(first or appliers[0], before)
    again = await asyncio.gather(
        *(take(applier, half) for applier, half in zip(appliers, batches, strict=True))
    )
    snapshot = await state.snapshot()
    check(snapshot, rebound=True)
    assert_agrees(snapshot, story.told)
    _assert_counted(snapshot, log, [s for half in story.halves for b in half for s in b])
    return sum(again)


def _assert_counted(snapshot: Snapshot, log: Log, records: Iterable[Sent]) -> None:
    taken = Counter(Partition(r.topic, r.partition) for r in records)
    for partition, position in snapshot.positions.items():
        assert position.next_offset == log.ends[partition]
        if partition.topic != "before":
            assert position.counted.total() == taken[partition]


_O1, _W = order_no("o1"), waybill("w")
_ORDER, _CREATED = order("c1", 1, _O1), announcement("c1")
_SHIPPED = fact(Status.SHIPPED, 5, _O1)
_NAMES = fact(Status.PRODUCED, 4, _O1, names=[_W])
_SCANNED = fact(Status.DELIVERED, 9, _W)


@pytest.mark.parametrize(
    ("before", "one", "other"),
    [
        ([_CREATED], _ORDER, _SHIPPED),
        ([_CREATED, fact(Status.LOST, 3, _O1)], _ORDER, _SHIPPED),
        ([_ORDER], _CREATED, _SHIPPED),
        ([_CREATED, _ORDER, fact(Status.LOST, 3, _W)], _NAMES, _SCANNED),
        ([_CREATED, _NAMES], _ORDER, _SCANNED),
        ([_NAMES, _SCANNED], _ORDER, _CREATED),
        ([_CREATED, order("c2", 2, _O1), _SHIPPED], _ORDER, announcement("c2")),
        ([_ORDER, order("c2", 2, _O1), _SHIPPED], _CREATED, announcement("c2")),
        ([_CREATED, _ORDER], _SHIPPED, replace(_SHIPPED, received_at=_SHIPPED.received_at + 1)),
    ],
)
async def test_two_that_must_see_each_others_work_do_so_whoever_comes_first(
    state: PostgresState, before: list[Statement], one: Statement, other: Statement
) -> None:
    told = list({fact_id_of(s): s for s in (*before, one, other)}.values())
    halves = [[[sent(s, topic=topic)]] for topic, s in (("one", one), ("other", other))]
    first = Applier(state.store(), publishing())
    for pair in (halves, halves[::-1]):
        ones, others = asyncio.Event(), asyncio.Event()
        stores = (
            Hesitant(state.store(), ones, others),
            Hesitant(state.store(), others, ones),
        )
        story = Collision([sent(s, topic="before") for s in before], pair, told)
        await clash(state, [Applier(s, publishing()) for s in stores], story, first)
