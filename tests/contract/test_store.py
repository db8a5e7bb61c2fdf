"""What any store does, in memory and in Postgres, through the ports alone."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

import pytest

from builders import (
    LANES,
    Log,
    altered,
    announcement,
    fact,
    hour,
    order_no,
    sent,
    waybill,
)
from card_fulfillment.domain.bindings import Binding
from card_fulfillment.domain.claims import entry
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import HOUR, Attribute, ParcelRole
from card_fulfillment.domain.fold import fold
from card_fulfillment.domain.journey import FactOutcome, Journey
from card_fulfillment.domain.naming import bulk_issuance, card
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.messages.envelope import Outgoing, Record, RefusalReason, Refused
from card_fulfillment.pipeline.batch import Batch, Partition, RecordClass
from card_fulfillment.pipeline.effects import Effects, NewChange, NewFact
from card_fulfillment.pipeline.ports import PositionLost
from card_fulfillment.pipeline.view import CardState, Need, Place, Seen, StoredFact, View
from memory import MemoryStore
from postgres_state import opened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from card_fulfillment.pipeline.ports import Store
    from snapshot import Snapshot


class State(Protocol):
    """A stored state that a test can begin and look into."""

    async def begin(self, partitions: "Iterable[Partition]") -> None: ...

    async def snapshot(self) -> "Snapshot": ...


class Subject:
    """A store under test and the state behind it."""

    def __init__(self, store: "Store", state: State) -> None:
        self.store, self._state = store, state
        self.begin, self.snapshot = state.begin, state.snapshot

    async def write(self, effects: Effects, need: Need | None = None) -> None:
        async with self.store.transaction() as transaction:
            await transaction.lock(need or Need())
            await transaction.write(effects)

    async def read(self, need: Need) -> View:
        async with self.store.transaction() as transaction:
            return await transaction.read(need)


@pytest.fixture(params=["memory", "postgres"])
def database(request: pytest.FixtureRequest) -> str | None:
    """Tell where Postgres is; nowhere for the store in memory."""
    return request.getfixturevalue("dsn") if request.param == "postgres" else None


@pytest.fixture
async def subject(database: str | None) -> AsyncIterator[Subject]:
    if database is None:
        store = MemoryStore()
        yield Subject(store, store)
    else:
        async with opened(database) as state:
            yield Subject(state.store(), state)


_O1, _W = order_no("o1"), waybill("w")
_C1, _C2 = card("c1"), card("c2")
_SHIPPED = altered(
    fact(
        Status.SHIPPED,
        5,
        _O1,
        _W,
        names=[waybill("named")],
        precision=Precision.DAY,
        attributes={Attribute.TRACKED: False, Attribute.TRACKING_NUMBER: "N/1"},
        reason=Reason.PARTIAL,
        serials=(2, 3),
        code="S1",
        text='a "quoted" täxt',
    ),
    time_fallback="message.day",
    day_length=25 * HOUR,
)
_PARKED = Place(1, FactOutcome.PARKED)
_OF_PIN = Place(2, FactOutcome.UNCHANGED, side=ParcelRole.PIN)


def _journey() -> Journey:
    facts = [entry(announcement("c1").fact, 1), entry(_SHIPPED, 1)]
    return fold(Journey(), facts).journey


async def test_what_does_not_exist_is_absent(subject: Subject) -> None:
    need = Need(cards={"c1"}, references={_O1}, unlocks={_O1}, histories={"c1"}, fact_ids={b"x"})

    view = await subject.read(need)

    assert (dict(view.cards), dict(view.bindings)) == ({}, {})
    assert (dict(view.waiting), dict(view.histories), dict(view.seen)) == ({}, {}, {})


async def test_what_is_locked_is_there_as_a_placeholder(subject: Subject) -> None:
    need = Need(bulks={"b1"}, cards={"c1", "c2"}, references={_O1}, locked_references={_O1})

    async with subject.store.transaction() as transaction:
        await transaction.lock(need)
        await transaction.lock(need)
        inside = await transaction.read(need)

    outside = await subject.read(need)
    for view in (inside, outside):
        assert view.cards == {"c1": CardState(), "c2": CardState()}
        assert {r: tuple(held) for r, held in view.bindings.items()} == {_O1: ()}


async def test_a_card_that_was_known_and_is_gone_is_a_placeholder_again(subject: Subject) -> None:
    need = Need(cards={"c1", "c2"})

    async with subject.store.transaction() as transaction:
        await transaction.lock(need, known={"c1"})

    assert (await subject.read(need)).cards == {"c1": CardState(), "c2": CardState()}


async def test_a_card_reads_back_as_it_was_written(subject: Subject) -> None:
    identity = announcement("c1", bulk="b1", serial=7).card
    written = {"c1": CardState(identity, _journey()), "c2": CardState(None, Journey())}

    await subject.write(Effects(cards=written), Need(cards={"c1", "c2"}))

    assert (await subject.read(Need(cards={"c1", "c2"}))).cards == written


async def test_bindings_read_back_in_their_order(subject: Subject) -> None:
    held = (
        Binding(_C2, 2, hour(3), b"\x00\xff", side=ParcelRole.PIN),
        Binding(_C1, 1, hour(-3), b"by"),
        Binding(bulk_issuance("b1"), 1, hour(4), b"by", grace=0, window=5),
        Binding(_C1, 1, hour(5), b"by", window=5, side=ParcelRole.RETURN),
    )
    need = Need(references={_O1}, locked_references={_O1})
    await subject.write(Effects(bindings={_O1: held}), need)

    assert tuple((await subject.read(need)).bindings[_O1]) == held


async def test_a_waiting_fact_is_found_by_each_reference_until_it_waits_no_more(
    subject: Subject,
) -> None:
    waits = [(_O1, _SHIPPED.fact_id), (_W, _SHIPPED.fact_id)]
    waiting = Effects(facts=[NewFact(_SHIPPED, {}, 1)], waits=[*waits, waits[0]])
    await subject.write(waiting, Need(locked_references={_O1, _W}))
    stored = {_SHIPPED.fact_id: StoredFact(_SHIPPED, {})}

    assert (await subject.read(Need(unlocks={_O1, _W}))).waiting == stored
    assert (await subject.read(Need(references={_O1}))).waiting == {}
    await subject.write(Effects(woken=waits[:1]))
    assert (await subject.read(Need(unlocks={_O1}))).waiting == {}
    async with subject.store.transaction() as transaction:
        assert (await transaction.peek(Need(unlocks={_W}))).waiting == stored


async def test_a_fact_is_in_the_history_of_each_of_its_cards_with_all_its_places(
    subject: Subject,
) -> None:
    places = {_C1: Place(2, FactOutcome.LATE), bulk_issuance("b1"): _OF_PIN, _C2: _PARKED}
    await subject.write(Effects(facts=[NewFact(_SHIPPED, places, 3)]))

    view = await subject.read(Need(histories={"c1", "c2", "c3"}, fact_ids={_SHIPPED.fact_id}))

    stored = [StoredFact(_SHIPPED, places)]
    assert {s.id: list(h) for s, h in view.histories.items() if h} == {"c1": stored, "c2": stored}
    assert view.seen == {_SHIPPED.fact_id: Seen(_SHIPPED.content)}


@pytest.mark.parametrize("before", [{}, {_C1: _PARKED}])
async def test_a_moved_fact_has_the_places_it_moved_to(
    subject: Subject, before: dict[object, Place]
) -> None:
    after = {_C1: _OF_PIN, _C2: Place(1, FactOutcome.PUBLISHED, side=ParcelRole.RETURN)}
    await subject.write(Effects(facts=[NewFact(_SHIPPED, before, 2)]))  # type: ignore[arg-type] # keys are subjects
    await subject.write(Effects(places={_SHIPPED.fact_id: after}))
    await subject.write(Effects(copies=Counter({_SHIPPED.fact_id: 3})))

    assert (await subject.snapshot()).facts == {_SHIPPED.fact_id: (after, 5)}


def _change(partition: int, version: int, key: str = "c1") -> NewChange:
    lane = LANES[partition]
    outgoing = Outgoing(key, '{"ce_id": "1"}', f"value {version}".encode())
    return NewChange(*lane, card(key), version, outgoing)


async def test_changes_are_in_their_lanes_in_the_order_of_the_transactions(
    subject: Subject,
) -> None:
    first = [_change(0, 1), _change(1, 1, "c2"), _change(0, 2)]
    letter = NewChange(*LANES[2], None, None, Outgoing("key", "{}", b"dead"))

    await subject.write(Effects(changes=first))
    await subject.write(Effects(changes=[_change(0, 3), letter]))

    assert (await subject.snapshot()).lanes == {
        LANES[0]: [first[0], first[2], _change(0, 3)],
        LANES[1]: [first[1]],
        LANES[2]: [letter],
    }


async def test_a_dead_letter_is_stored_once(subject: Subject) -> None:
    record = Record("input", 0, 1, hour(0), None, b"value")
    letter = DeadLetter.of(record, Refused(RefusalReason.MALFORMED, "a", "b"))

    await subject.write(Effects(dead_letters=[letter]))
    await subject.write(Effects(dead_letters=[letter]))

    assert (await subject.snapshot()).dead_letters == [RefusalReason.MALFORMED]


def _moving(batch: Batch, **counts: int) -> Effects:
    counted = Counter({RecordClass(name): count for name, count in counts.items()})
    return Effects(moves=batch.moves, counts=dict.fromkeys(batch.moves, counted))


async def test_a_position_moves_with_its_counters(subject: Subject) -> None:
    log, where = Log(), Partition("input", 0)
    await subject.begin([where])

    await subject.write(_moving(log.batch([sent(), sent()], hole=2), applied=1, parked=1))
    await subject.write(_moving(log.batch([sent()]), applied=1))

    counted = {RecordClass.APPLIED: 2, RecordClass.PARKED: 1}
    assert (await subject.snapshot()).positions == {where: (7, counted)}


async def test_a_position_begun_again_stays_where_it_is(subject: Subject) -> None:
    log, where = Log(), Partition("input", 0)
    await subject.begin([where])
    await subject.write(_moving(log.batch([sent()]), ignored=1))

    await subject.begin([where])

    assert (await subject.snapshot()).positions[where].next_offset == 1


async def test_where_a_position_is_elsewhere_nothing_is_written(subject: Subject) -> None:
    log = Log()
    await subject.begin([Partition("input", 0), Partition("input", 1)])
    late = log.batch([sent()])
    effects = _moving(log.batch([sent(), sent(partition=1)]), applied=1)
    effects.facts = [NewFact(_SHIPPED, {_C1: _PARKED}, 1)]
    effects.changes = [_change(0, 1)]
    before = await subject.snapshot()

    with pytest.raises(PositionLost):
        await subject.write(effects, Need(cards={"c1"}, locked_references={_O1}))
    assert await subject.snapshot() == before

    await subject.write(_moving(late, applied=1))
    await subject.write(effects)
    assert (await subject.snapshot()).facts.keys() == {_SHIPPED.fact_id}


async def test_what_its_body_raises_rolls_a_transaction_back_and_the_store_goes_on(
    subject: Subject,
) -> None:
    before = await subject.snapshot()

    async def fail() -> None:
        async with subject.store.transaction() as transaction:
            await transaction.lock(Need(cards={"c1"}))
            await transaction.write(Effects(cards={"c1": CardState()}, changes=[_change(0, 1)]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await subject.snapshot() == before
    await subject.write(Effects(changes=[_change(0, 1)]))
    assert (await subject.snapshot()).lanes == {LANES[0]: [_change(0, 1)]}
