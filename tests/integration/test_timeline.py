"""What is known of a card, read back from Postgres, and how it is shown."""

from collections.abc import AsyncIterator

import orjson
import pytest

from builders import altered, announcement, box_no, fact, order, order_no, own_id, sent
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Attribute, ParcelRole
from card_fulfillment.domain.journey import FactOutcome
from card_fulfillment.domain.naming import bulk_issuance
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.messages.envelope import RefusalReason, Refused
from card_fulfillment.ops import timeline_data
from card_fulfillment.ops.look import bearing
from card_fulfillment.ops.timeline import in_full
from card_fulfillment.pipeline.timeline import Timeline
from card_fulfillment.postgres.timeline import bearers, load_timeline
from support_desk import Desk, call, lines_with, opened_desk, shown

KEY = "key"  # of all records that are built
NUMBER = order_no(KEY)


async def timeline_of(desk: Desk, card_id: str) -> Timeline:
    found = await load_timeline(desk.connection, card_id)
    assert found is not None
    return found


@pytest.fixture
async def desk(dsn: str) -> AsyncIterator[Desk]:
    async with opened_desk(dsn) as opened:
        yield opened


async def test_nobody_ever_spoke_of_it(desk: Desk) -> None:
    assert await load_timeline(desk.connection, "c1") is None


async def test_published_late_and_repeated_facts_are_told_apart(desk: Desk) -> None:
    shipped = fact(Status.SHIPPED, 10, NUMBER)
    await desk.hear(
        sent(announcement("c1")),
        sent(order("c1", 1, NUMBER)),
        sent(shipped),
        sent(shipped),
        sent(fact(Status.IN_PRODUCTION, 5, NUMBER)),
    )
    timeline = await timeline_of(desk, "c1")
    assert [event["version"] for event in timeline.changes] == [1, 2, 3]
    assert [(f.fact.status, f.outcome, f.copies) for f in timeline.history] == [
        (Status.CREATED, FactOutcome.PUBLISHED, 1),
        (Status.ORDERED, FactOutcome.PUBLISHED, 1),
        (Status.IN_PRODUCTION, FactOutcome.LATE, 1),
        (Status.SHIPPED, FactOutcome.PUBLISHED, 2),
    ]
    text = shown(in_full(timeline))
    assert lines_with("late", text)[0][2:4] == ["in_production", "late"]
    assert lines_with("x2", text)[0][2:6] == ["shipped", "published", "v3", "x2"]


async def test_facts_that_waited_for_the_card_say_so(desk: Desk) -> None:
    await desk.hear(
        sent(order("c1", 1, NUMBER)),
        sent(fact(Status.ACCEPTED, 2, NUMBER)),
        sent(announcement("c1")),
    )
    text = shown(in_full(await timeline_of(desk, "c1")))
    assert [line[2] for line in lines_with("waited", text)] == ["ordered", "accepted"]


async def test_a_card_that_nobody_announced_shows_what_waits_for_it(desk: Desk) -> None:
    await desk.hear(sent(order("c1", 1, NUMBER)), sent(fact(Status.ACCEPTED, 2, NUMBER)))
    timeline = await timeline_of(desk, "c1")
    assert timeline.identity is None
    assert not timeline.changes
    assert "not announced yet; 2 facts wait for it" in shown(in_full(timeline))


async def test_a_tracking_number_alone_is_an_update_of_the_fact_that_brought_it(desk: Desk) -> None:
    number = {Attribute.CARRIER: "aramex", Attribute.TRACKING_NUMBER: "4471"}
    await desk.hear(
        sent(announcement("c1")),
        sent(order("c1", 1, NUMBER)),
        sent(fact(Status.SHIPPED, 5, NUMBER)),
        sent(fact(None, 6, NUMBER, attributes=number)),
    )
    text = shown(in_full(await timeline_of(desk, "c1")))
    assert lines_with("aramex 4471", text)[0][3:5] == ["shipped", "update"]
    assert lines_with("no status", text)[0][4:6] == ["enrichment", "v4"]


async def test_names_and_dead_letters_of_its_records_are_found_by_their_key(desk: Desk) -> None:
    unknown = Refused(RefusalReason.UNMAPPED_CODE, "state", "nobody knows the code", "alpha")
    await desk.hear(
        sent(announcement("c1")),
        sent(order("c1", 1, NUMBER)),
        sent(fact(Status.RETURNED, 2, NUMBER, reason=Reason.BAD_ADDRESS)),
        sent(unknown),
    )
    timeline = await timeline_of(desk, "c1")
    assert {each.reference.value for each in timeline.bound} == {KEY, "c1"}
    (letter,) = timeline.dead_letters
    assert (letter.reason, letter.field_path) == (RefusalReason.UNMAPPED_CODE, "state")
    text = shown(in_full(timeline), width=120)
    assert "bad_address · to do: fix_address_and_reissue · final" in text
    assert "quarantined unmapped_code: nobody knows the code (state)" in text


async def test_what_others_say_is_no_markup_and_does_nothing_to_a_terminal(desk: Desk) -> None:
    number = {Attribute.CARRIER: "[/b]:100:", Attribute.TRACKING_NUMBER: "\x1b[31m[red]4471"}
    await desk.hear(
        sent(announcement("c[/i]")),
        sent(order("c[/i]", 1, NUMBER)),
        sent(fact(Status.SHIPPED, 5, NUMBER, attributes=number)),
    )
    timeline = await timeline_of(desk, "c[/i]")
    assert r"[/b]:100: \x1b[31m[red]4471" in shown(in_full(timeline), width=120)
    assert "c[/i]" in shown(bearing(timeline.bound))


async def test_a_time_that_is_not_from_where_it_should_be_says_so(desk: Desk) -> None:
    begun = altered(fact(Status.ACCEPTED, 2, NUMBER, code="A"), time_fallback="message.begun")
    untimed = fact(Status.PRODUCED, 9, NUMBER, code="P", precision=Precision.UNKNOWN)
    shipped = fact(Status.SHIPPED, 12, NUMBER, code="S")
    known = [sent(announcement("c1")), sent(order("c1", 1, NUMBER))]
    await desk.hear(*known, *map(sent, (begun, untimed, shipped)))
    timeline = await timeline_of(desk, "c1")
    assert {each.fact.status: each.fact.time_fallback for each in timeline.history} == {
        Status.CREATED: None,
        Status.ORDERED: None,
        Status.ACCEPTED: "message.begun",
        Status.PRODUCED: None,
        Status.SHIPPED: None,
    }
    text = shown(in_full(timeline), width=120)
    assert [" ".join(line[3:]) for line in lines_with(" alpha", text)[:4]] == [
        "published v2 alpha",
        "published v3 alpha A · time from message.begun",
        "published v4 alpha P · no time stated",
        "published v5 alpha S",
    ]


async def test_a_program_is_told_all_that_a_person_is(desk: Desk) -> None:
    shipped = fact(
        Status.SHIPPED,
        12,
        NUMBER,
        code="S",
        names=[box_no("AX1")],
        attributes={Attribute.CARRIER: "aramex"},
    )
    unknown = Refused(RefusalReason.UNMAPPED_CODE, "state", "nobody knows the code", "alpha")
    known = [sent(announcement("c1")), sent(order("c1", 1, NUMBER))]
    await desk.hear(*known, sent(shipped), sent(shipped), sent(unknown))
    timeline = await timeline_of(desk, "c1")
    told = orjson.loads(orjson.dumps(timeline_data.card(timeline)))
    assert told["card_id"] == "c1"
    assert told["published"] == list(timeline.changes)
    created, ordered, last = told["facts"]
    assert [each["status"] for each in (created, ordered, last)] == [
        "created",
        "ordered",
        "shipped",
    ]
    assert last["references"] == [{"vendor": "alpha", "kind": "order_no", "value": KEY}]
    assert [each["value"] for each in last["names"]] == ["AX1"]
    assert (last["outcome"], last["copies"], last["attempt"]) == ("published", 2, 1)
    assert last["attributes"] == {"carrier": "aramex"}
    assert last["vendor"] == {"id": "alpha", "code": "S", "text": None}
    assert last["cause"] == {"event_id": None, "topic": "input", "partition": 0, "offset": 2}
    assert last["occurred_at"] == timeline.changes[-1]["occurred_at"]
    assert {each["value"] for each in told["names"] if each["id"] == "c1"} == {KEY, "c1", "AX1"}
    (letter,) = told["dead_letters"]
    assert (letter["reason"], letter["field_path"]) == ("unmapped_code", "state")


async def test_what_is_of_a_pin_letter_says_so(desk: Desk) -> None:
    box = box_no("AX1")
    letter = fact(None, 12, NUMBER, names=[box], parcel_role=ParcelRole.PIN)
    known = [sent(announcement("c1")), sent(order("c1", 1, NUMBER))]
    await desk.hear(*known, sent(letter), sent(fact(Status.DELIVERED, 13, box)))
    text = shown(in_full(await timeline_of(desk, "c1")))
    assert lines_with("of the pin parcel", text)[-1][2:4] == ["delivered", "enrichment"]
    assert lines_with("AX1", text)[-1][3:5] == ["1,", "pin"]


async def test_what_another_version_says_of_a_fact_beside_all_this_is_passed_over(
    desk: Desk,
) -> None:
    told = altered(fact(Status.ACCEPTED, 2, NUMBER), time_fallback="message.begun")
    await desk.hear(sent(announcement("c1")), sent(order("c1", 1, NUMBER)), sent(told))
    await desk.connection.execute("""UPDATE fact SET body = body::jsonb || '{"from_later": 7}'""")
    newer = (await timeline_of(desk, "c1")).history[-1].fact
    await desk.connection.execute("UPDATE fact SET body = body::jsonb - 'time_fallback'")
    older = (await timeline_of(desk, "c1")).history[-1].fact
    assert (newer.time_fallback, older.time_fallback) == ("message.begun", None)
    assert altered(older, time_fallback="message.begun") == newer


async def test_whom_a_name_means_is_found_by_the_name_alone(desk: Desk) -> None:
    await desk.hear(*(sent(order(card, 1, NUMBER, box_no("AX1"))) for card in ("c1", "c2")))
    assert await bearers(desk.connection, [order_no("another")]) == []
    bound = await bearers(desk.connection, [NUMBER, order_no("another"), box_no("AX1")])
    assert [(b.reference, b.binding.subject.id) for b in bound] == [
        (name, whom) for name in sorted([NUMBER, box_no("AX1")]) for whom in ("c1", "c2")
    ]
    assert len(lines_with("c2", shown(bearing(bound)))) == 2


async def test_a_closed_dead_letter_is_not_shown(desk: Desk) -> None:
    refused = Refused(RefusalReason.MALFORMED, "", "no JSON")
    await desk.hear(
        sent(announcement("c1")),
        sent(order("c1", 1, NUMBER)),
        sent(fact(Status.ACCEPTED, 2, NUMBER)),
        sent(refused),
    )
    await desk.connection.execute("UPDATE dead_letter SET state = 'closed'")
    assert not (await timeline_of(desk, "c1")).dead_letters


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_it_is_never_wider_than_the_screen(desk: Desk, width: int) -> None:
    await desk.hear(
        sent(announcement("c1")),
        sent(order("c1", 1, order_no("N" * 100))),
        sent(fact(Status.AVAILABLE_FOR_PICKUP, 2, order_no("N" * 100), code="C" * 100)),
    )
    text = shown(in_full(await timeline_of(desk, "c1")), width)
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("is_known", [True, False])
async def test_what_a_vendor_wants_to_be_looked_at_is_shown_with_the_card(
    desk: Desk,
    *,
    is_known: bool,
) -> None:
    alert = sent(fact(None, 5, order_no("o1"), alert="reordered", code="REORDERED"))
    known = [sent(announcement("c1")), sent(order("c1", 1, order_no("o1")))]
    await desk.hear(*([*known, alert] if is_known else [alert, *known]))
    (letter,) = (await timeline_of(desk, "c1")).dead_letters
    assert letter.reason is RefusalReason.VENDOR_ALERT
    assert letter.message == "reordered: the vendor says REORDERED"


async def test_a_timeline_of_whom_nobody_knows_yet_shows_what_waits(desk: Desk, dsn: str) -> None:
    said = fact(Status.CANCELLED, 2, own_id("issuer", "c9"), code="no more")
    await desk.hear(sent(said), sent(said))
    shown = await call(dsn, "timeline", "c9")
    assert shown.exit_code == 0
    assert "who is called c9 is not known yet" in shown.output
    assert "cancelled  issuer no more" in shown.output
    (told,) = orjson.loads((await call(dsn, "timeline", "c9", "--json")).output)["waiting"]
    assert (told["status"], told["outcome"], told["copies"]) == ("cancelled", "parked", 2)
    await desk.hear(sent(announcement("c9")))
    known = orjson.loads((await call(dsn, "timeline", "c9", "--json")).output)
    assert (known["waiting"], known["card"]["card_id"]) == ([], "c9")


async def test_a_tracking_number_that_nobody_is_named_by_is_found_by_a_look_at_all(
    desk: Desk, dsn: str
) -> None:
    for number, cards in (("447", ["c1"]), ("448", ["c2", "c3"])):
        for card_id in cards:
            await desk.hear(sent(announcement(card_id)), sent(order(card_id, 1, order_no(card_id))))
            told = fact(
                Status.SHIPPED,
                5,
                order_no(card_id),
                attributes={Attribute.TRACKING_NUMBER: number},
            )
            await desk.hear(sent(told))
    await desk.hear(sent(announcement("m1", bulk="b1", serial=1)))
    await desk.hear(sent(order(bulk_issuance("b1"), 1, NUMBER)))
    boxed = fact(Status.SHIPPED, 5, NUMBER, attributes={Attribute.TRACKING_NUMBER: "449"})
    await desk.hear(sent(boxed))
    await desk.spread()

    async def shipped(number: str) -> list[str]:
        said = await call(dsn, "timeline", number, "--tracking-number", "--json")
        return [each["id"] for each in orjson.loads(said.output)["shipped"]]

    assert [await shipped(number) for number in ("447", "448", "449")] == [
        ["c1"],
        ["c2", "c3"],
        ["b1"],
    ]
    assert "c1  gold" in (await call(dsn, "timeline", "447", "--tracking-number")).output
    assert "card c3" in (await call(dsn, "timeline", "448", "--tracking-number")).output
    unknown = await call(dsn, "timeline", "44", "--tracking-number")
    assert (unknown.exit_code, unknown.output.count("\n")) == (1, 1)
    assert "--tracking-number looks for it" in (await call(dsn, "timeline", "447")).output
