"""Dead letters: what stands in quarantine is found, shown, and applied again by the same rules."""

from pathlib import Path
from typing import Final

import pytest
from desk import Desk

from card_fulfillment.pipeline.batch import RecordClass
from card_fulfillment.pipeline.redrive import Selection
from dlq_samples import CREATED, ORDERED, TRACKING, profile_without, tracking


@pytest.fixture
def desk(dsn: str, tmp_path: Path) -> Desk:
    desk = Desk(dsn)
    desk.directory = profile_without(tmp_path / "profiles", "PERSO_ONGOING", "PERSO_DONE")
    return desk


async def with_an_unmapped_code(desk: Desk) -> None:
    """A card that is ordered, and a message of three states of which the second is not mapped."""
    assert await desk.take("card-created", CREATED) is RecordClass.APPLIED
    assert await desk.take("embossing-requested", ORDERED) is RecordClass.APPLIED
    became = await desk.take(TRACKING, tracking("DATA_OK", "PERSO_DONE", "SHIPPED"))
    assert became is RecordClass.QUARANTINED


async def test_after_the_profile_was_extended_the_code_is_applied_and_its_neighbours_are_not(
    desk: Desk, tmp_path: Path
) -> None:
    await with_an_unmapped_code(desk)
    assert await desk.statuses() == ["created", "ordered", "accepted", "shipped"]
    desk.directory = profile_without(tmp_path / "extended", "PERSO_ONGOING")
    (redriven,) = await desk.redrive()
    assert (redriven.became, redriven.closed) == (RecordClass.APPLIED, True)
    assert redriven.still == []
    assert redriven.published == []  # it is late: the card was shipped already
    assert await desk.statuses() == ["created", "ordered", "accepted", "shipped"]
    assert await desk.copies() == [1, 1, 1, 1, 1]
    (letter,) = await desk.fetch("SELECT state, closed_by, closed_at FROM dead_letter")
    assert (letter["state"], letter["closed_by"]) == ("closed", "tester")
    assert letter["closed_at"] is not None


async def test_a_redrive_twice_does_nothing_new(desk: Desk, tmp_path: Path) -> None:
    await with_an_unmapped_code(desk)
    desk.directory = profile_without(tmp_path / "extended")
    await desk.redrive()
    before = await desk.everything()
    (again,) = await desk.redrive(state=None)
    assert (again.became, again.closed, again.published) == (RecordClass.DUPLICATE, True, [])
    assert await desk.everything() == before
    assert await desk.redrive() == []


async def test_a_dry_run_says_what_would_change_and_changes_nothing(
    desk: Desk, tmp_path: Path
) -> None:
    assert await desk.take("card-created", CREATED) is RecordClass.APPLIED
    assert await desk.take("embossing-requested", ORDERED) is RecordClass.APPLIED
    await desk.take(TRACKING, tracking("DATA_OK", "PERSO_DONE"))
    desk.directory = profile_without(tmp_path / "extended")
    before = await desk.everything()
    (would,) = await desk.redrive(dry_run=True)
    assert await desk.everything() == before
    (did,) = await desk.redrive()
    assert would._replace(letter=did.letter) == did
    assert did.published == ["card c1 version 4"]
    assert await desk.statuses() == ["created", "ordered", "accepted", "produced"]


async def test_what_fails_again_in_the_same_way_stays_open_and_is_not_told_again(
    desk: Desk,
) -> None:
    await with_an_unmapped_code(desk)
    before = await desk.everything()
    (redriven,) = await desk.redrive()
    assert (redriven.became, redriven.closed) == (RecordClass.QUARANTINED, False)
    assert "unmapped_code" in redriven.still[0]
    assert await desk.everything() == before


async def test_what_is_no_field_s_fault_is_told_by_its_reason_alone(desk: Desk) -> None:
    assert await desk.take(TRACKING, b"no JSON") is RecordClass.QUARANTINED
    (redriven,) = await desk.redrive()
    assert redriven.still == ["malformed: not written as json, or nested too deeply"]


async def test_each_unmapped_code_of_a_record_has_a_letter_and_closes_by_itself(
    desk: Desk, tmp_path: Path
) -> None:
    assert await desk.take("card-created", CREATED) is RecordClass.APPLIED
    assert await desk.take("embossing-requested", ORDERED) is RecordClass.APPLIED
    await desk.take(TRACKING, tracking("PERSO_ONGOING", "PERSO_DONE"))
    desk.directory = profile_without(tmp_path / "extended", "PERSO_ONGOING")
    closed = sorted(each.closed for each in await desk.redrive())
    assert closed == [False, True]
    desk.directory = profile_without(tmp_path / "complete")
    (last,) = await desk.redrive()
    assert (last.closed, last.became) == (True, RecordClass.APPLIED)
    assert await desk.statuses() == ["created", "ordered", "produced"]


async def test_an_alert_is_no_record_and_is_left_to_the_fact_that_it_is_about(desk: Desk) -> None:
    await desk.take("card-created", CREATED)
    other = {**CREATED, "event_id": "other", "card_product_id": "silver"}
    assert await desk.take_next("card-created", other) is RecordClass.QUARANTINED
    await desk.fetch("UPDATE dead_letter SET reason = 'parking_deadline', value = NULL")
    (redriven,) = await desk.redrive()
    assert (redriven.became, redriven.closed) == (None, False)
    assert "stored" in redriven.still[0]


async def test_a_topic_that_is_no_input_any_more_is_said_and_not_misread(desk: Desk) -> None:
    await with_an_unmapped_code(desk)
    await desk.fetch("UPDATE dead_letter SET topic = 'gone-topic'")
    (redriven,) = await desk.redrive()
    assert (redriven.closed, redriven.still) == (
        False,
        ["gone-topic is no input topic by the settings"],
    )


async def test_more_letters_than_fit_a_page_are_all_found_once(desk: Desk) -> None:
    await with_an_unmapped_code(desk)
    await desk.fetch(_MANY)
    async with desk.redriver() as redriver:
        found = [each.id async for each in redriver.quarantine.select(Selection())]
    assert len(found) == len(set(found)) == 251


_MANY: Final = """
INSERT INTO dead_letter (dead_letter_id, reason, topic, partition, "offset", record_timestamp,
                         sha256, recorded_at)
SELECT gen_random_uuid(), 'empty', 'card-created', 0, n, 0, '', now() - n % 7 * interval '1 s'
FROM generate_series(1, 250) n
"""


async def test_what_no_profile_read_has_the_vendor_of_its_topic(desk: Desk) -> None:
    assert await desk.take(TRACKING, b'{"note": "4111 1111 1111 1111"}') is RecordClass.QUARANTINED
    assert await desk.take_next(TRACKING, b"") is RecordClass.QUARANTINED
    letters = await desk.fetch("SELECT reason, vendor FROM dead_letter ORDER BY reason")
    assert [tuple(letter) for letter in letters] == [
        ("card_data", "meridian"),
        ("empty", "meridian"),
    ]
