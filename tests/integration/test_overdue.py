"""`overdue`: what should have got on, from the tables to the operator's screen."""

import json
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from acceptance.worker_process import WorkerProcess
from builders import announcement, fact, order, order_no, sent, sized
from card_fulfillment.commands.running import current_time
from card_fulfillment.domain.facts import Attribute, Order
from card_fulfillment.domain.naming import Subject, bulk_issuance
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.allowances import Ordered, Told
from card_fulfillment.pipeline.laggards import ON_THE_WAY, id_of
from card_fulfillment.postgres import last_events as reading
from support_desk import Desk, call, opened_desk

DONE, USAGE = 0, 2
ALPHA = """
vendor: alpha
role: bureau
version: 1
live_tracking: true
reference_kinds: [order_no]
methods:
  express: {working_days: {production: 3, transit: 4}}
rules:
  - references: {order_no: message.order}
    facts: [{code: message.code, codes: {A: accepted}}]
"""


@pytest.fixture
async def desk(dsn: str) -> AsyncIterator[Desk]:
    async with opened_desk(dsn) as opened:
        yield opened


async def some_cards(desk: Desk) -> None:
    """One delivered, one on its way, one that nobody ordered, and a bulk of two."""
    for card in ("delivered", "under way"):
        number = order_no(card)
        await desk.hear(
            sent(announcement(card)),
            sent(order(card, 1, number)),
            sent(
                fact(
                    Status.SHIPPED,
                    2,
                    number,
                    attributes={Attribute.ESTIMATED_DELIVERY: "2026-01-09"},
                )
            ),
        )
    await desk.hear(
        sent(fact(Status.DELIVERED, 9, order_no("delivered"))),
        sent(announcement("not ordered")),
        *(sent(announcement(f"m{n}", bulk="bulk", serial=n)) for n in (1, 2)),
        sent(order(bulk_issuance("bulk"), 1, order_no("bulk"))),
    )


async def told(desk: Desk, wanted: reading.Wanted) -> dict[str, Told]:
    return {id_of(each.event): each async for each in reading.last_events(desk.connection, wanted)}


async def ids_of(desk: Desk, *statuses: Status, members: bool = False) -> list[str]:
    return list(await told(desk, reading.Wanted(statuses or ON_THE_WAY, members=members)))


async def test_the_last_event_of_each_that_is_on_its_way_is_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await some_cards(desk)
    monkeypatch.setattr(reading, "_AT_A_TIME", 2)  # so that there are pages
    assert await ids_of(desk) == ["bulk", "not ordered", "under way"]
    assert await ids_of(desk, members=True) == ["bulk", "m1", "m2", "not ordered", "under way"]
    assert await ids_of(desk, Status.SHIPPED) == ["under way"]
    assert await ids_of(desk, Status.LOST) == []


async def test_a_bulk_that_is_not_final_is_shown_whatever_its_status(desk: Desk, dsn: str) -> None:
    for bulk, announced in (("done", 2), ("short", 1)):
        number = order_no(bulk)
        cards = [announcement(f"{bulk}{n}", bulk=bulk, serial=n) for n in range(1, announced + 1)]
        await desk.hear(*(sent(sized(card, 2)) for card in cards))
        await desk.hear(sent(order(bulk_issuance(bulk), 1, number)))
        await desk.hear(sent(fact(Status.DELIVERED, 9, number)))
    await desk.spread()
    shown = await call(dsn, "overdue", "--json")
    (event,) = (json.loads(line)["event"] for line in shown.output.splitlines())
    assert event["bulk_issuance_id"] == "short"
    assert (event["fulfillment_status"], event["final"]) == ("delivered", False)


def expressly(subject: str | Subject, at: float, number: str, **said: Any) -> Order:  # noqa: ANN401 - see `order`
    return order(subject, at, order_no(number), attributes={Attribute.METHOD: "express"}, **said)


def story(each: Told) -> list[tuple[int, str]]:
    events = (*each.earlier, each.event)
    return [(e["attempt"], e["fulfillment_status"]) for e in events]


async def test_of_what_may_last_too_long_the_earlier_events_are_read_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for card in ("c1", "c2"):
        await desk.hear(sent(announcement(card)), sent(expressly(card, 1, card)))
        await desk.hear(sent(fact(Status.ACCEPTED, 2, order_no(card))))
        await desk.hear(sent(fact(Status.SHIPPED, 3, order_no(card))))
    await desk.hear(sent(fact(Status.IN_TRANSIT, 4, order_no("c2"))))
    monkeypatch.setattr(reading, "_AT_A_TIME", 1)
    found = await told(desk, reading.Wanted(ON_THE_WAY, [Status.IN_TRANSIT]))
    assert story(found["c1"]) == [(1, "shipped")]
    assert story(found["c2"]) == [
        (1, status) for status in ("ordered", "accepted", "shipped", "in_transit")
    ]
    assert found["c2"].earlier[0]["shipment"]["method"] == "express"


async def test_the_order_of_a_bulk_is_known_though_no_event_tells_of_it(desk: Desk) -> None:
    """All of the first attempt comes in one transaction: created, and at once accepted.

    What is told of one member alone leaves the status as it is: only the last of it is read.
    """
    bulk = bulk_issuance("bulk")
    await desk.hear_together(
        [
            *(sent(announcement(f"m{n}", bulk="bulk", serial=n)) for n in (1, 2)),
            sent(expressly(bulk, 1, "first", vendor="alpha")),
            sent(fact(Status.ACCEPTED, 2, order_no("first"))),
        ]
    )
    for at, status in ((3, Status.PRODUCTION_FAILED), (4, Status.IN_PRODUCTION)):
        await desk.hear(sent(fact(status, at, order_no("first"), serials=(1, 1))))
        await desk.spread()
    wanted = reading.Wanted(ON_THE_WAY, list(Status))
    found = (await told(desk, wanted))["bulk"]
    assert story(found) == [(1, "accepted"), (1, "accepted")]
    assert found.event["version"] > 3
    assert found.order == Ordered("alpha", "express")
    await desk.hear(sent(expressly(bulk, 9, "again", attempt=2, vendor="beta")))
    await desk.spread()
    found = (await told(desk, wanted))["bulk"]
    assert story(found)[0] == (1, "accepted")
    assert story(found)[-1] == (2, "ordered")
    assert found.order == Ordered("beta", "express")


async def overdue(
    dsn: str, directory: Path, *options: str, profile: str | None = None
) -> tuple[int, list[str]]:
    settings = {"FULFILLMENT_POSTGRES__DSN": dsn}
    if profile is not None:
        (directory / "alpha.yaml").write_text(profile, encoding="utf-8")
        settings["FULFILLMENT_VENDORS__DIRECTORY"] = str(directory)
    return await command(settings, directory, "overdue", *options)


async def timeline(dsn: str, directory: Path, *asked: str) -> tuple[int, list[str]]:
    return await command({"FULFILLMENT_POSTGRES__DSN": dsn}, directory, "timeline", *asked)


async def command(
    settings: dict[str, str], directory: Path, *arguments: str
) -> tuple[int, list[str]]:
    log = directory / "command.log"
    log.unlink(missing_ok=True)
    process = WorkerProcess(settings, log, *arguments)
    return await process.ended(), log.read_text().splitlines()


async def test_an_operator_sees_what_should_have_got_on(
    desk: Desk, dsn: str, tmp_path: Path
) -> None:
    for options, length in (((), "7 days"), (("--silent-for", "1h"), "1 hour")):
        code, lines = await overdue(dsn, tmp_path, *options)
        nothing = f"past its estimated delivery, late in its phase or silent for {length}"
        assert (code, lines) == (DONE, [f"nothing is {nothing}"])
    await some_cards(desk)
    code, lines = await overdue(dsn, tmp_path, "--most", "1")
    assert code == DONE
    said = " ".join(" ".join(lines).split())  # it is wrapped
    assert "the 1 silent for longest of 3: 3 silent for 7 days and more" in said
    told = "1 past their estimated delivery, 0 late in their phase (2 created, 1 shipped)"
    assert told in said


async def test_what_others_say_is_shown_as_it_is(desk: Desk, dsn: str, tmp_path: Path) -> None:
    number = {Attribute.CARRIER: "[/b]", Attribute.TRACKING_NUMBER: "\x1b[2J[red]4471"}
    await desk.hear(
        sent(announcement("c[/i]")),
        sent(order("c[/i]", 1, order_no("n"))),
        sent(fact(Status.SHIPPED, 2, order_no("n"), attributes=number)),
    )
    code, lines = await overdue(dsn, tmp_path)
    said = "".join("".join(lines).split())  # it is wrapped
    assert (code, "\x1b" in said) == (DONE, False)
    assert "c[/i]" in said
    code, lines = await timeline(dsn, tmp_path, "c[/i]")
    said = " ".join(" ".join(lines).split())
    assert (code, "\x1b" in said) == (DONE, False)
    assert r"[/b] \x1b[2J[red]4471" in said


async def test_a_program_reads_a_line_for_each(desk: Desk, dsn: str, tmp_path: Path) -> None:
    await some_cards(desk)
    code, lines = await overdue(dsn, tmp_path, "--json", "--status", "shipped")
    assert code == DONE
    (found,) = map(json.loads, lines)
    assert (found["id"], found["event"]["fulfillment_status"]) == ("under way", "shipped")
    assert found["is_silent"]
    assert found["days_past_estimate"] > 0
    assert found["working_days_late"] is None


def since_monday(now: datetime | None = None) -> int:
    """Working days after the Monday that follows the Sunday of `hour(0)`."""
    monday, today = date(2026, 3, 9), (now or current_time()).date()
    days = (monday + timedelta(days=n + 1) for n in range((today - monday).days))
    return sum(day.weekday() < 5 for day in days)


async def test_what_its_vendor_has_for_too_long_is_late(
    desk: Desk, dsn: str, tmp_path: Path
) -> None:
    """By the profile of whom it was ordered from, with nobody to be silent and no estimate."""
    await desk.hear(
        sent(announcement("late")),
        sent(expressly("late", 1, "late")),
        sent(fact(Status.ACCEPTED, 2, order_no("late"))),
        sent(announcement("elsewhere")),
        sent(expressly("elsewhere", 1, "elsewhere", vendor="beta")),
        sent(announcement("in time")),
        sent(expressly("in time", 1, "in time")),
        sent(announcement("m1", bulk="bulk", serial=1)),
        sent(expressly(bulk_issuance("bulk"), 1, "bulk")),
        sent(fact(Status.PRODUCED, 5, order_no("bulk"))),
    )
    await desk.spread()
    never, before = "--silent-for=36500d", current_time()
    code, lines = await overdue(dsn, tmp_path, never, "--json", "--members", profile=ALPHA)
    found = {each["id"]: each for each in map(json.loads, lines)}
    assert (code, set(found)) == (DONE, {"late", "bulk", "m1"})
    assert not found["late"]["is_silent"]
    begun = since_monday() - 3, since_monday(before) - 3
    assert all(each["working_days_late"] in begun for each in found.values())
    code, lines = await overdue(dsn, tmp_path, never, profile=ALPHA)
    said = " ".join(" ".join(lines).split())
    assert "2: 0 silent for 36500 days and more, 0 past their estimated delivery, " in said
    assert "2 late in their phase (1 produced, 1 accepted)" in said
    code, lines = await overdue(dsn, tmp_path, never, profile=ALPHA.replace("express", "slow"))
    assert (code, lines[0].partition(" past")[0]) == (DONE, "nothing is")


async def test_a_profile_that_cannot_be_used_is_usage(dsn: str, tmp_path: Path) -> None:
    broken = ALPHA.replace("production: 3", "production: three")
    code, lines = await overdue(dsn, tmp_path, profile=broken)
    assert code == USAGE
    assert "alpha.yaml:8:28: methods.express.working_days.production" in " ".join(lines)


@pytest.mark.parametrize("option", ["--silent-for=soon", "--status=gone", "--most=0"])
async def test_what_is_asked_wrongly_is_usage(dsn: str, tmp_path: Path, option: str) -> None:
    assert (await overdue(dsn, tmp_path, option))[0] == USAGE


async def test_a_timeline_that_is_asked_for_wrongly_is_usage(dsn: str, tmp_path: Path) -> None:
    for asked in (["c\udcff"], ["c1", "--most", str(2**63)]):
        assert (await timeline(dsn, tmp_path, *asked))[0] == USAGE
