"""Several workers on one Postgres end where one alone would: nothing lost, nothing left parked."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from random import Random

import pytest

from agreement import assert_agrees
from builders import (
    NOW,
    Log,
    Sent,
    announcement,
    at_other_times,
    fact,
    order,
    order_no,
    own_id,
    publishing,
    sent,
    waybill,
)
from card_fulfillment.domain.bindings import Binding
from card_fulfillment.domain.facts import Statement
from card_fulfillment.domain.journey import Journey
from card_fulfillment.domain.naming import bulk_issuance, card
from card_fulfillment.domain.status import Status
from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.fan_out import FanOut
from card_fulfillment.pipeline.ports import Contended
from card_fulfillment.pipeline.view import CardState, Need, View
from card_fulfillment.postgres.spreading import SpreadingTransaction
from card_fulfillment.postgres.store import PostgresStore
from collisions import Collision, anything, collision, of_a_bulk
from hesitant import Hesitant, take
from postgres_state import PostgresState, opened
from snapshot import Snapshot, check
from snapshot_bulk import is_quiet
from witness import fact_id_of


@pytest.fixture
async def state(dsn: str) -> AsyncIterator[PostgresState]:
    async with opened(dsn) as opened_state:
        yield opened_state


@pytest.mark.parametrize("exist", [True, False])
async def test_a_row_that_was_waited_for_is_read_as_it_was_left(
    state: PostgresState, *, exist: bool
) -> None:
    """It is locked and read by one statement, which began before the other one was through."""
    ours, theirs, name = state.store(), state.store(), order_no("o")
    need = Need(cards={"c1", "c2"}, references={name}, locked_references={name})
    if exist:
        await locked(ours, need)
    left = CardState(announcement("c1").card, Journey(version=7), 3)
    bound = (Binding(card("c1"), 1, 5, b"i"),)

    async with theirs.transaction() as transaction:
        await transaction.lock(need)
        waiting = asyncio.create_task(locked(ours, need))
        await state.until_blocked()
        await transaction.write(Effects(cards={"c1": left}, bindings={name: bound}))

    view = await waiting
    assert view.cards == {"c1": left, "c2": CardState()}
    assert {**view.bindings} == {name: bound}


async def locked(store: PostgresStore[SpreadingTransaction], need: Need) -> View:
    async with store.transaction() as transaction:
        await transaction.lock(need)
        return await transaction.read(need)


@pytest.mark.parametrize("story_of", [collision, anything, of_a_bulk])
@pytest.mark.parametrize("workers", [2, 3])
async def test_workers_at_once_end_where_one_would(
    state: PostgresState, workers: int, story_of: Callable[[Random, int], Collision]
) -> None:
    appliers = [Applier(state.store(), publishing()) for _ in range(workers)]
    fan_outs = [FanOut(state.store().transaction, publishing(), most) for most in (1, 2)]
    for seed in range(6):
        story = story_of(Random(seed), workers)  # noqa: S311 - no secret
        await clash(state, appliers, story, fan_outs=fan_outs)


async def clash(
    state: PostgresState,
    appliers: list[Applier],
    story: Collision,
    first: Applier | None = None,
    fan_outs: Sequence[FanOut] = (),
) -> int:
    """Tell a story to all workers at once; returns how often one had to try again.

    first: who is told what comes before. fan_outs: go on until all is told and quiet.
    """
    log = Log()
    await state.empty()
    batches = [[log.batch(each) for each in half] for half in story.halves]
    before = [log.batch([each]) for each in story.before]
    await state.begin(log.ends)
    await take(first or appliers[0], before)
    told = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for fan_out in fan_outs:
            group.create_task(_fan_out(fan_out, told))
        takes = zip(appliers, batches, strict=True)
        again = await asyncio.gather(*(take(applier, half) for applier, half in takes))
        told.set()
    snapshot = await state.snapshot()
    check(snapshot, rebound=True)
    assert is_quiet(snapshot.bulks, snapshot.cards)
    assert_agrees(snapshot, story.told)
    _assert_counted(snapshot, log, [s for half in story.halves for b in half for s in b])
    return sum(again)


async def _fan_out(fan_out: FanOut, told: asyncio.Event) -> None:
    """Take turns with the workers, and end when all is told and quiet."""
    while True:
        last_look = told.is_set()
        try:
            did = await fan_out.spread(NOW) or await fan_out.tick(NOW)
        except Contended:
            continue
        if did is None:
            if last_look:
                return
            await asyncio.sleep(0)


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
_B1 = bulk_issuance("b1")
_MEMBER, _BULK_ORDER = announcement("m1", bulk="b1", serial=1), order(_B1, 1, _O1)
_PACKED = fact(Status.PRODUCED, 4, _O1, names=[_W], serials=(1, 2))
_BY_NAME = fact(Status.REJECTED, 5, own_id("alpha", "m1"))
_BY_ISSUER = fact(Status.CANCELLED, 5, own_id("issuer", "m1"))


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
        (
            [_CREATED, _ORDER],
            _SHIPPED,
            at_other_times(_SHIPPED, _SHIPPED.stated, _SHIPPED.received_at + 1),
        ),
        ([_MEMBER], _BULK_ORDER, _SHIPPED),
        ([_BULK_ORDER], _MEMBER, _SHIPPED),
        ([_BULK_ORDER, _SHIPPED], _MEMBER, announcement("m2", bulk="b1", serial=2)),
        ([_MEMBER, _BULK_ORDER], _PACKED, _SCANNED),
        ([_MEMBER, _BULK_ORDER, _SCANNED], _PACKED, announcement("m2", bulk="b1", serial=2)),
        ([_BULK_ORDER], _MEMBER, _BY_NAME),
        ([_MEMBER], _BULK_ORDER, _BY_NAME),
        ([_BULK_ORDER, _BY_NAME], _MEMBER, order(_B1, 2, _O1, attempt=2)),
        ([_MEMBER, _BULK_ORDER, _BY_NAME], order("m1", 3, attempt=2), order(_B1, 2, attempt=3)),
        ([_BULK_ORDER], _MEMBER, _BY_ISSUER),
        ([_MEMBER], order(_B1, 2, attempt=2), _BY_ISSUER),
        ([], _MEMBER, fact(Status.CANCELLED, 5, own_id("issuer", "b1"))),
        ([_MEMBER, _BULK_ORDER, _SHIPPED], order("c1", 2, _O1), announcement("c1")),
    ],
)
async def test_two_that_must_see_each_others_work_do_so_whoever_comes_first(
    state: PostgresState, before: list[Statement], one: Statement, other: Statement
) -> None:
    told = list({fact_id_of(s): s for s in (*before, one, other)}.values())
    halves = [[[sent(s, topic=topic)]] for topic, s in (("one", one), ("other", other))]
    first = Applier(state.store(), publishing())
    fan_out = FanOut(state.store().transaction, publishing(), 2)
    for pair in (halves, halves[::-1]):
        ones, others = asyncio.Event(), asyncio.Event()
        stores = (
            Hesitant(state.store(), ones, others),
            Hesitant(state.store(), others, ones),
        )
        story = Collision([sent(s, topic="before") for s in before], pair, told)
        appliers = [Applier(s, publishing()) for s in stores]
        await clash(state, appliers, story, first, [fan_out])


_ELSEWHERE = fact(Status.SHIPPED, 5, own_id("beta", "b1"))
_MEMBER_ELSEWHERE = fact(Status.SHIPPED, 5, own_id("beta", "m1"))


@pytest.mark.parametrize(
    ("before", "one", "other"),
    [
        ([_CREATED], _ORDER, fact(Status.SHIPPED, 5, own_id("beta", "c1"))),
        ([], _BULK_ORDER, _ELSEWHERE),
        ([_MEMBER], _BULK_ORDER, _ELSEWHERE),
        ([_MEMBER], _BULK_ORDER, _MEMBER_ELSEWHERE),
        ([_BULK_ORDER], _MEMBER, _MEMBER_ELSEWHERE),
    ],
)
async def test_that_another_vendor_was_ordered_is_told_whichever_comes_first(
    state: PostgresState, before: list[Statement], one: Statement, other: Statement
) -> None:
    for pair in ((one, other), (other, one)):
        ones, others = asyncio.Event(), asyncio.Event()
        stores = Hesitant(state.store(), ones, others), Hesitant(state.store(), others, ones)
        halves = [[[sent(s, topic=topic)]] for topic, s in zip(("one", "other"), pair, strict=True)]
        story = Collision([sent(s, topic="before") for s in before], halves, [*before, *pair])
        await clash(
            state,
            [Applier(s, publishing()) for s in stores],
            story,
            Applier(state.store(), publishing()),
            [FanOut(state.store().transaction, publishing(), 2)],
        )
        assert (await state.snapshot()).dead_letters == [RefusalReason.VENDOR_MISMATCH]
