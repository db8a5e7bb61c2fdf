"""What is known of a bulk issuance and its members, read back from Postgres, and shown."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from builders import (
    altered,
    announcement,
    box_no,
    fact,
    file_line,
    order,
    order_no,
    sent,
    sized,
)
from card_fulfillment.domain.facts import Attribute, Fact, ParcelRole
from card_fulfillment.domain.naming import bulk_issuance
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.messages.envelope import RefusalReason, Refused
from card_fulfillment.ops import timeline_data
from card_fulfillment.ops.bulk_timeline import bulk_in_full
from card_fulfillment.ops.timeline import in_full
from card_fulfillment.pipeline.timeline import BulkTimeline, Timeline
from card_fulfillment.postgres.bulk_timeline import load_bulk_timeline
from card_fulfillment.postgres.timeline import load_timeline
from support_desk import Desk, lines_with, opened_desk, shown

# Records that are built have this key.
ORDER = order_no("key")
MANY = 100


@pytest.fixture
async def desk(dsn: str) -> AsyncIterator[Desk]:
    async with opened_desk(dsn) as opened:
        yield opened


def line(status: Status, at: float, first: int, last: int, **said: Any) -> Fact:  # noqa: ANN401 - any field of a fact
    return fact(status, at, ORDER, serials=(first, last), **said)


async def half_shipped(desk: Desk) -> None:
    """Five of six cards; one is rejected, three are in the first of two boxes."""
    cards = (announcement(f"c{n}", bulk="b1", serial=n) for n in range(1, 6))
    await desk.hear(
        *(sent(sized(card, 6)) for card in cards),
        sent(order(bulk_issuance("b1"), 1, ORDER)),
        sent(line(Status.PRODUCED, 5, 1, 6, code="30")),
        sent(line(Status.REJECTED, 6, 2, 2, code="90/012", reason=Reason.PRODUCT_UNKNOWN)),
        sent(
            line(
                Status.SHIPPED,
                9,
                1,
                3,
                names=[box_no("AX1")],
                carton=(1, 2),
                code="40",
                attributes={Attribute.CARRIER: "aramex"},
            )
        ),
    )


async def bulk_of(desk: Desk, most: int = MANY, few: int = 3) -> BulkTimeline:
    found = await load_bulk_timeline(desk.connection, "b1", most, few)
    assert found is not None
    return found


async def card_of(desk: Desk, card_id: str) -> Timeline:
    found = await load_timeline(desk.connection, card_id)
    assert found is not None
    return found


async def test_nobody_ever_spoke_of_it(desk: Desk) -> None:
    assert await load_bulk_timeline(desk.connection, "b1", MANY, 3) is None


async def test_status_counts_members_and_parcels_are_shown(desk: Desk) -> None:
    await half_shipped(desk)
    await desk.spread()
    text = shown(bulk_in_full(await bulk_of(desk)), width=120)
    assert "produced attempt 1 · 5 of 6 announced · partial · 1 exception" in text
    assert lines_with("rejected ", text)[0] == ["rejected", "1", "c2", "no.", "2"]
    assert lines_with("shipped ", text)[0] == ["shipped", "2"]
    assert lines_with("1/2", text)[0] == ["AX1", "1/2", "1-3", "aramex", "shipped"]
    assert "still being brought" not in text


async def test_discrepancies_are_sentences(desk: Desk) -> None:
    await half_shipped(desk)
    await desk.hear(
        sent(line(Status.SHIPPED, 12, 4, 4, names=[box_no("AX2")], carton=(2, 2), quantity=2))
    )
    await desk.spread()
    text = " ".join(shown(bulk_in_full(await bulk_of(desk)), width=120).split())
    assert "quantity_mismatch: of no. 4, which is 1 card, a vendor counts 2" in text
    assert (
        "short_shipment: all cartons are reported, with 4 of 6 cards; in none of them: nos. 5-6"
        in text
    )
    assert "no more carton_missing" in text


async def test_a_program_is_told_all_that_a_person_is(desk: Desk) -> None:
    await half_shipped(desk)
    await desk.hear(sent(file_line(1, ORDER, file="f.csv", quantity=3)))
    await desk.spread()
    timeline = await bulk_of(desk, most=2)
    told = orjson.loads(orjson.dumps(timeline_data.bulk_issuance(timeline)))
    assert told["bulk_issuance_id"] == "b1"
    assert told["published"] == list(timeline.changes.newest)
    assert told["earlier_published"] == timeline.changes.more > 0
    assert told["facts_numbered"] == told["facts_spread"] == timeline.bulk.last_number > 0
    assert [each["number"] for each in told["facts"]] == [
        each.number for each in timeline.history.newest
    ]
    assert told["facts"][-1]["serials"] == [1, 3]
    assert told["some_exceptions"] == [
        {"card_id": "c2", "serial_number": 2, "status": "rejected", "attempt": 1}
    ]
    (file,) = told["files"]
    assert (file["name"], file["lines"], file["cards"]) == ("f.csv", 1, 3)
    member = orjson.loads(orjson.dumps(timeline_data.card(await card_of(desk, "c1"))))
    assert [each["status"] for each in member["facts_of_bulk_issuance"]] == [
        "ordered",
        "produced",
        "shipped",
    ]


async def test_every_published_version_tells_the_counts(desk: Desk) -> None:
    await half_shipped(desk)
    await desk.spread()
    timeline = await bulk_of(desk)
    assert [e["version"] for e in timeline.changes.newest] == list(
        range(1, timeline.bulk.version + 1)
    )
    text = shown(bulk_in_full(timeline), width=160)
    assert "2 produced, 1 rejected, 2 shipped · partial" in text


async def test_facts_have_their_numbers_and_what_they_are_about(desk: Desk) -> None:
    await half_shipped(desk)
    await desk.hear(sent(fact(Status.IN_TRANSIT, 11, box_no("AX1"), code="2")))
    text = shown(bulk_in_full(await bulk_of(desk)), width=120)
    facts = text[text.index("\nFacts") :]
    rows = [line.split() for line in facts[: facts.index("Names")].splitlines()]
    assert [" ".join([row[0], *row[3:]]) for row in rows if "alpha" in row] == [
        "1 ordered the whole bulk published alpha",
        "2 produced nos. 1-6 published alpha 30",
        "3 rejected no. 2 published alpha 90/012",
        "4 shipped nos. 1-3 published alpha 40",
        "5 in_transit parcel AX1 published alpha 2",
    ]


async def test_where_a_time_stands_in_for_another_the_bulk_and_its_member_say_so(
    desk: Desk,
) -> None:
    await half_shipped(desk)
    told = fact(Status.IN_TRANSIT, 11, box_no("AX1"), code="2")
    await desk.hear(sent(altered(told, time_fallback="scan.printed")))
    await desk.spread()
    said = "alpha 2 · time from scan.printed"
    text = shown(bulk_in_full(await bulk_of(desk)), width=120)
    (row,) = lines_with("time from", text)
    assert " ".join(row[3:]) == f"in_transit parcel AX1 published {said}"
    (row,) = lines_with("time from", shown(in_full(await card_of(desk, "c1")), width=120))
    assert " ".join(row[2:]) == f"in_transit of parcel AX1 v5 {said}"


async def test_what_members_still_lack_is_told(desk: Desk) -> None:
    await half_shipped(desk)
    text = shown(bulk_in_full(await bulk_of(desk)), width=120)
    assert "still being brought to its members: no. 0 of 4" in text
    member = shown(in_full(await card_of(desk, "c1")), width=120)
    assert "of nos. 1-3, not spread to this card yet" in member


async def test_a_member_shows_what_of_its_bulk_concerns_it(desk: Desk) -> None:
    await half_shipped(desk)
    await desk.hear(sent(fact(Status.IN_TRANSIT, 11, box_no("AX1"))))
    await desk.spread()
    text = shown(in_full(await card_of(desk, "c1")), width=120)
    assert "of bulk issuance b1 no. 1" in text
    about = [" ".join(row[2:]) for row in lines_with(" of ", text)[1:]]
    assert about == [
        "ordered of the whole bulk v2 alpha",
        "produced of nos. 1-6 v3 alpha 30",
        "shipped of nos. 1-3 v4 alpha 40",
        "in_transit of parcel AX1 v5 alpha",
    ]
    left = shown(in_full(await card_of(desk, "c4")), width=120)
    assert "AX1" not in left
    assert "nos. 1-3" not in left


async def test_a_member_without_a_serial_has_what_is_said_of_all(desk: Desk) -> None:
    await half_shipped(desk)
    await desk.hear(sent(announcement("c9", bulk="b1")))
    shared = (await card_of(desk, "c9")).through_bulk
    assert [f.fact.status for f in shared] == [Status.ORDERED]


async def test_before_its_first_card_it_shows_what_waits(desk: Desk) -> None:
    await desk.hear(
        sent(order(bulk_issuance("b1"), 1, ORDER)), sent(line(Status.PRODUCED, 5, 1, 6))
    )
    text = shown(bulk_in_full(await bulk_of(desk)), width=120)
    assert "no card of it is announced yet; 2 facts wait for one" in text


async def test_open_dead_letters_of_its_references_are_found(desk: Desk) -> None:
    await half_shipped(desk)
    await desk.hear(sent(Refused(RefusalReason.UNMAPPED_CODE, "stat", "nobody knows it", "alpha")))
    (letter,) = (await bulk_of(desk)).dead_letters
    assert letter.reason is RefusalReason.UNMAPPED_CODE


async def test_of_very_many_the_newest_are_shown_and_the_rest_is_counted(desk: Desk) -> None:
    await half_shipped(desk)
    await desk.hear(sent(announcement("c7", bulk="b1", serial=6)))
    await desk.hear(sent(line(Status.REJECTED, 7, 3, 4)))
    await desk.spread()
    timeline = await bulk_of(desk, most=2, few=1)
    assert [f.number for f in timeline.history.newest] == [4, 5]
    assert timeline.history.more == 3
    newest = [event["version"] for event in timeline.changes.newest]
    assert newest == [timeline.bulk.version - 1, timeline.bulk.version]
    assert timeline.changes.more == timeline.bulk.version - 2
    assert [(a.card_id, a.serial) for a in timeline.astray] == [("c2", 2)]
    text = shown(bulk_in_full(timeline), width=120)
    assert "Facts; 3 earlier ones are left out" in text


async def test_a_card_and_a_bulk_of_the_same_id_are_two(desk: Desk) -> None:
    await half_shipped(desk)
    assert await load_timeline(desk.connection, "b1") is None
    await desk.hear(sent(announcement("b1")))
    assert (await card_of(desk, "b1")).identity is not None
    assert (await bulk_of(desk)).bulk.announced == 5


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_it_is_never_wider_than_the_screen(desk: Desk, width: int) -> None:
    await half_shipped(desk)
    await desk.hear(
        sent(line(Status.SHIPPED, 12, 4, 6, names=[box_no("N" * 100)], code="C" * 100)),
        sent(sized(announcement("c" * 100, bulk="b1", serial=6), 6)),
        sent(line(Status.REJECTED, 14, 6, 6)),
    )
    text = shown(bulk_in_full(await bulk_of(desk)), width)
    assert max(map(len, text.splitlines())) <= width


async def test_files_that_mention_it_are_listed_with_what_does_not_add_up(desk: Desk) -> None:
    await half_shipped(desk)
    await desk.hear(
        sent(file_line(1, ORDER, file="f6", sequence=6, quantity=5)),
        sent(file_line(2, file="f6", sequence=6, total=5)),
        sent(file_line(1, ORDER, file="f8", sequence=8, quantity=6)),
        sent(file_line(3, file="f8", sequence=8, total=7)),
        sent(file_line(1, order_no("another's"), file="f9", sequence=9)),
    )
    text = shown(bulk_in_full(await bulk_of(desk)), width=160)
    assert lines_with(" f6 ", text)[0] == ["6", "f6", "alpha", "2", "5", "its", "trailer", "agrees"]
    (says,) = (" ".join(words) for words in lines_with(" f8 ", text))
    assert says == (
        "8 f8 alpha 2 6 its trailer says 7, its lines come to 6; "
        "lines that did not come: 2; before it files did not come: 7"
    )
    assert not lines_with(" f9 ", text)
    assert "total_mismatch: " in text


async def test_what_is_of_a_box_of_pin_letters_says_so_of_the_bulk_and_of_each_card(
    desk: Desk,
) -> None:
    letters = fact(None, 10, ORDER, names=[box_no("PX1")], parcel_role=ParcelRole.PIN)
    await half_shipped(desk)
    await desk.hear(sent(letters), sent(fact(Status.DELIVERED, 13, box_no("PX1"))))
    await desk.spread()
    for told in (bulk_in_full(await bulk_of(desk)), in_full(await card_of(desk, "c1"))):
        (scan,) = lines_with("delivered", shown(told, width=160))
        assert " ".join(scan).count("parcel PX1") == 1
        assert "pin parcel" in " ".join(scan)
