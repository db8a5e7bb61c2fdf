"""`overdue`: what should have got on, from the tables to the operator's screen."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acceptance.worker_process import WorkerProcess
from builders import announcement, fact, order, order_no, sent
from card_fulfillment.domain.facts import Attribute
from card_fulfillment.domain.naming import bulk_issuance
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.laggards import ON_THE_WAY, Event
from card_fulfillment.postgres import last_events as reading
from support_desk import Desk, opened_desk

DONE, USAGE = 0, 2


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


async def ids_of(desk: Desk, *statuses: Status, members: bool = False) -> list[str]:
    events = reading.last_events(desk.connection, statuses or ON_THE_WAY, members=members)
    return [id_of(event) async for event in events]


def id_of(event: Event) -> str:
    return event["card_id"] or event["bulk_issuance_id"] or ""


async def test_the_last_event_of_each_that_is_on_its_way_is_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await some_cards(desk)
    monkeypatch.setattr(reading, "_AT_A_TIME", 2)  # so that there are pages
    assert await ids_of(desk) == ["bulk", "not ordered", "under way"]
    assert await ids_of(desk, members=True) == ["bulk", "m1", "m2", "not ordered", "under way"]
    assert await ids_of(desk, Status.SHIPPED) == ["under way"]
    assert await ids_of(desk, Status.LOST) == []


async def overdue(dsn: str, directory: Path, *options: str) -> tuple[int, list[str]]:
    log = directory / "overdue.log"
    log.unlink(missing_ok=True)
    process = WorkerProcess({"FULFILLMENT_POSTGRES__DSN": dsn}, log, "overdue", *options)
    return await process.ended(), log.read_text().splitlines()


async def test_an_operator_sees_what_should_have_got_on(
    desk: Desk, dsn: str, tmp_path: Path
) -> None:
    for options, length in (((), "7 days"), (("--silent-for", "1h"), "1 hour")):
        code, lines = await overdue(dsn, tmp_path, *options)
        nothing = f"nothing is past its estimated delivery or silent for {length}"
        assert (code, lines) == (DONE, [nothing])
    await some_cards(desk)
    code, lines = await overdue(dsn, tmp_path, "--most", "1")
    assert code == DONE
    said = " ".join(" ".join(lines).split())  # it is wrapped
    assert "the 1 silent for longest of 3: 3 silent for 7 days and more" in said
    assert "1 past their estimated delivery (2 created, 1 shipped)" in said


async def test_a_program_reads_a_line_for_each(desk: Desk, dsn: str, tmp_path: Path) -> None:
    await some_cards(desk)
    code, lines = await overdue(dsn, tmp_path, "--json", "--status", "shipped")
    assert code == DONE
    (found,) = map(json.loads, lines)
    assert (found["id"], found["event"]["fulfillment_status"]) == ("under way", "shipped")
    assert found["is_silent"]
    assert found["days_past_estimate"] > 0


@pytest.mark.parametrize("option", ["--silent-for=soon", "--status=gone", "--most=0"])
async def test_what_is_asked_wrongly_is_usage(dsn: str, tmp_path: Path, option: str) -> None:
    assert (await overdue(dsn, tmp_path, option))[0] == USAGE
