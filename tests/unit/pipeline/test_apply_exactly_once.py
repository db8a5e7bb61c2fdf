"""Every record counts once, and as what it is: copies, contradictions, replays."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agreement import Telling, run, tell
from builders import NOW, Sent, altered, announcement, fact, order, order_no, sent
from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.messages.envelope import Ignored, RefusalReason, Refused
from card_fulfillment.pipeline.batch import Partition, RecordClass
from card_fulfillment.pipeline.ports import PositionLost
from snapshot import Snapshot
from stories import statements

_O1 = order_no("o1")


def _telling(*batches: list[Sent]) -> Telling:
    telling = Telling()
    for batch in batches:
        telling.take(batch)
    return telling


def _counted(telling: Telling) -> Counter[RecordClass]:
    return sum((p.counted for p in telling.snapshot().positions.values()), Counter())


@given(st.randoms())
def test_a_batch_that_was_applied_is_refused_and_changes_nothing(rng: Random) -> None:
    telling = tell(rng, statements(rng))
    batch = telling.log.batch([sent(announcement("new"), topic="announcements")])
    run(telling.store.begin(batch.moves))
    run(telling.applier.apply(batch, NOW))
    before = telling.snapshot()

    with pytest.raises(PositionLost):
        run(telling.applier.apply(batch, NOW))

    assert telling.snapshot() == before


@given(st.randoms())
def test_where_one_partition_was_lost_nothing_of_the_batch_is_applied(rng: Random) -> None:
    telling = tell(rng, statements(rng))
    lost = telling.log.batch([sent(announcement("c8"), topic="lost")])
    kept = [sent(announcement("c9"), topic="kept"), sent(announcement("c8"), topic="lost")]
    run(telling.store.begin([Partition("lost", 0), Partition("kept", 0)]))
    batch = telling.log.batch(kept)
    before = telling.snapshot()

    with pytest.raises(PositionLost):
        run(telling.applier.apply(batch, NOW))
    assert telling.snapshot() == before

    run(telling.applier.apply(lost, NOW))
    run(telling.applier.apply(batch, NOW))
    assert {"c8", "c9"} <= telling.snapshot().journeys().keys()


def test_a_partition_that_was_never_begun_is_lost() -> None:
    telling = Telling()

    with pytest.raises(PositionLost):
        run(telling.applier.apply(telling.log.batch([sent(announcement("c1"))]), NOW))


@given(st.randoms())
def test_the_same_records_in_another_partition_are_duplicates(rng: Random) -> None:
    telling = tell(rng, telling_of := statements(rng))
    before = telling.snapshot()
    again = [sent(s, topic="again") for s in telling.witness.told]
    assert len(again) <= len(telling_of)

    telling.take(rng.sample(again, len(again)))

    after = telling.snapshot()
    assert after.cards.items() >= before.cards.items()
    assert (after.lanes, after.waiting, after.bindings) == (
        before.lanes,
        before.waiting,
        before.bindings,
    )
    counted = after.positions.get(Partition("again", 0))
    assert counted is None or counted.counted == {RecordClass.DUPLICATE: len(again)}


def test_a_card_announced_again_with_the_same_properties_is_a_duplicate() -> None:
    telling = _telling([sent(announcement("c1", 0))], [sent(announcement("c1", 1))])

    assert _counted(telling) == {RecordClass.APPLIED: 1, RecordClass.DUPLICATE: 1}
    assert telling.snapshot().dead_letters == []


@pytest.mark.parametrize("together", [True, False])
def test_a_card_announced_again_with_other_properties_is_quarantined(*, together: bool) -> None:
    one, other = sent(announcement("c1", 0)), sent(announcement("c1", 1, product="silver"))

    telling = _telling([one, other]) if together else _telling([one], [other])

    assert _counted(telling) == {RecordClass.APPLIED: 1, RecordClass.QUARANTINED: 1}
    assert telling.snapshot().dead_letters == [RefusalReason.CARD_CONFLICT]
    assert telling.snapshot().journeys()["c1"][0]["card_product_id"] == "gold"


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"product": "silver"}, "card_product_id"),
        ({"bulk": "b2"}, "bulk_issuance_id"),
        ({"serial": 2}, "serial_number"),
        ({"serial": None}, "serial_number"),
    ],
)
def test_of_a_card_announced_otherwise_the_dead_letter_names_the_property(
    changed: dict[str, Any], path: str
) -> None:
    said: dict[str, Any] = {"bulk": "b1", "serial": 1}
    telling = _telling([sent(announcement("c1", 0, **said))])

    telling.take([sent(announcement("c1", 1, **(said | changed)))])

    [(_, letter)] = telling.snapshot().letters()
    assert (letter["reason"], letter["field_path"]) == ("card_conflict", path)


@pytest.mark.parametrize("together", [True, False])
def test_an_event_id_with_other_content_is_quarantined_and_does_not_count_as_seen(
    *, together: bool
) -> None:
    known = [sent(announcement("c1"), order("c1", 1, _O1))]
    one = sent(fact(Status.SHIPPED, 5, _O1, event_id="e"))
    other = sent(fact(Status.SHIPPED, 5, _O1, event_id="e", reason=Reason.DAMAGED))
    again = sent(fact(Status.SHIPPED, 5, _O1, event_id="e"))

    batches = [[one, other, again]] if together else [[one], [other], [again]]
    telling = _telling(known, *batches)

    assert _counted(telling) == {
        RecordClass.APPLIED: 2,
        RecordClass.QUARANTINED: 1,
        RecordClass.DUPLICATE: 1,
    }
    assert telling.snapshot().dead_letters == [RefusalReason.EVENT_ID_CONFLICT]


@pytest.mark.parametrize("event_id", ["e", None])
@pytest.mark.parametrize("together", [True, False])
def test_where_the_time_of_a_copy_is_from_changes_nothing(
    *, together: bool, event_id: str | None
) -> None:
    known = [sent(announcement("c1"), order("c1", 1, _O1))]
    plain = fact(Status.SHIPPED, 5, _O1, event_id=event_id)
    fallback = altered(plain, time_fallback="message.begun")

    def told(*copies: Fact) -> Snapshot:
        heard = [sent(each) for each in copies]
        telling = _telling(known, *([heard] if together else [[each] for each in heard]))
        assert _counted(telling)[RecordClass.DUPLICATE] == 1
        return telling.snapshot()

    assert told(plain, fallback) == told(fallback, plain) == told(plain, plain)


def test_elements_of_a_record_that_fail_alike_are_one_dead_letter() -> None:
    known = [sent(fact(Status.SHIPPED, 5, _O1, event_id="e"))]
    both = [fact(s, 6, _O1, event_id="e") for s in (Status.LOST, Status.RETURNED)]

    telling = _telling(known, [sent(*both)])

    assert telling.snapshot().dead_letters == [RefusalReason.EVENT_ID_CONFLICT]
    published = [change for lane in telling.snapshot().lanes.values() for change in lane]
    assert len(published) == 1


def test_the_worst_of_its_elements_decides_what_a_record_counts_as() -> None:
    refused, ignored = Refused(RefusalReason.UNMAPPED_CODE, "a", "b"), Ignored("", "a test")
    parked, applied = fact(Status.SHIPPED, 5, _O1), announcement("c1")
    records = [
        sent(applied, parked, refused, ignored),
        sent(ignored, fact(Status.LOST, 6, _O1), announcement("c2")),
        sent(announcement("c3"), applied, ignored),
        sent(applied, ignored),
        sent(ignored),
    ]

    assert _counted(_telling(records)) == dict.fromkeys(RecordClass, 1)


def test_a_record_that_says_nothing_is_counted_as_ignored() -> None:
    telling = Telling()
    batch = telling.log.batch([sent()])
    run(telling.store.begin(batch.moves))

    run(telling.applier.apply(batch, NOW))

    assert _counted(telling) == {RecordClass.IGNORED: 1}


def test_copies_of_a_fact_are_counted_wherever_they_come() -> None:
    shipped = sent(fact(Status.SHIPPED, 5, _O1))

    telling = _telling([shipped, shipped], [shipped], [shipped])

    assert [row.copies for row in telling.snapshot().facts.values()] == [4]
