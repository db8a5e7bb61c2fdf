"""The demo's verdict: it finds what is not as promised."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest

from card_fulfillment.demo.checks import Check, Evidence, checks
from card_fulfillment.demo.performance import Witnessed
from card_fulfillment.demo.stories import DAYS, play
from card_fulfillment.demo.story import Ending, Input, Play, Step, Story, Told
from card_fulfillment.domain.journey import Journey
from card_fulfillment.domain.status import Status
from card_fulfillment.kafka.outside import Coordinates
from card_fulfillment.messages.envelope import Record, RefusalReason
from card_fulfillment.messages.event_models import CardStatusChanged, DeadLetterEvent
from card_fulfillment.pipeline.batch import Partition, RecordClass
from card_fulfillment.pipeline.timeline import Timeline
from card_fulfillment.vendors.profile import load_profiles

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
TRACKING = Input.MERIDIAN.value
CREATED = Input.CARD_CREATED.value

ANNOUNCED = Step(day=0, topic=Input.CARD_CREATED, key="c1", value=b"{}")
BROKEN = Step(
    day=1,
    topic=Input.MERIDIAN,
    key="c1",
    value=b"{",
    becomes=RecordClass.QUARANTINED,
    refused=((RefusalReason.MALFORMED, ""),),
)
PLAY = Play(
    MIDNIGHT,
    (
        Story(
            endings={"c1": Ending(told=(Told(Status.CREATED), Told(Status.ORDERED)))},
            steps=(ANNOUNCED, BROKEN),
        ),
    ),
)


def event(version: int, status: Status) -> CardStatusChanged:
    said = {
        "card_id": "c1",
        "version": version,
        "fulfillment_status": status,
        "change": "progress",
        "final": False,
        "reference_card_id": None,
        "shipment": {"tracking_number": None},
    }
    return cast("CardStatusChanged", said)


def test_every_vendor_that_is_a_model_to_copy_has_its_part() -> None:
    spoken = {each.topic.value for story in play(MIDNIGHT).stories for each in story.steps}
    vendors = load_profiles().keys() - {"issuer"}
    assert {f"perso-vendor-tracking-{vendor}" for vendor in vendors} <= spoken


EVENTS = (event(1, Status.CREATED), event(2, Status.ORDERED))


def record(seq: int) -> Record:
    headers = (("lane", b"1"), ("seq", str(seq).encode()))
    return Record("output", 0, seq * 2, 0, b"c1", b"{}", headers)


def timeline(events: Sequence[CardStatusChanged]) -> Timeline:
    return Timeline(
        card_id="c1",
        identity=None,
        journey=Journey(version=len(events)),
        changes=events,
        history=(),
        through_bulk=(),
        folded=0,
        bound=(),
        dead_letters=(),
    )


def evidence(*seqs: int) -> Evidence:
    """Give what was found where all went well, but for the sequence numbers."""
    witnessed = Witnessed(
        [(ANNOUNCED, Coordinates(CREATED, 0, 0)), (BROKEN, Coordinates(TRACKING, 0, 0))]
    )
    witnessed.receive(map(record, seqs or (1, 2)))
    letter = {
        "reason": "malformed",
        "field_path": "",
        "topic": TRACKING,
        "partition": 0,
        "offset": 0,
    }
    return Evidence(
        witnessed,
        {"c1": EVENTS},
        [cast("DeadLetterEvent", letter)],
        {"c1": timeline(EVENTS)},
        {},
        {
            CREATED: Counter({RecordClass.APPLIED: 1}),
            TRACKING: Counter({RecordClass.QUARANTINED: 1}),
        },
        {Partition("output", 0): 2},
    )


def broken(found: Evidence) -> list[Check]:
    return [check for check in checks(PLAY, found) if check.wrong]


def test_nothing_is_wrong_where_all_is_as_promised() -> None:
    assert broken(evidence()) == []


@pytest.mark.parametrize("seqs", [(1,), (1, 3), (1, 1, 2), (2, 1)])
def test_a_sequence_with_a_gap_or_a_repeat_is_found(seqs: tuple[int, ...]) -> None:
    (check,) = broken(evidence(*seqs))
    assert check.promise.startswith("Each output partition")


@pytest.mark.parametrize("versions", [(1, 3), (1, 1), (2, 3)])
def test_versions_with_a_gap_are_found(versions: tuple[int, int]) -> None:
    events = [event(v, s) for v, s in zip(versions, (Status.CREATED, Status.ORDERED), strict=True)]
    (check,) = broken(
        replace(evidence(), events={"c1": events}, timelines={"c1": timeline(events)})
    )
    assert "versions" in check.promise


def test_a_card_that_went_another_way_is_found() -> None:
    events = (EVENTS[0], event(2, Status.ACCEPTED))
    (check,) = broken(
        replace(evidence(), events={"c1": events}, timelines={"c1": timeline(events)})
    )
    went = "created (progress), accepted (progress)"
    assert check.wrong == [f"c1: journey: {went}, expected created (progress), ordered (progress)"]


def test_a_card_of_which_nothing_was_heard_is_found() -> None:
    way, *_ = broken(replace(evidence(), events={}, timelines={}))
    assert "c1: timeline: False, expected True" in way.wrong


def test_a_replacement_that_does_not_say_of_what_is_found() -> None:
    told = PLAY.stories[0].endings["c1"]
    story = replace(PLAY.stories[0], endings={"c1": replace(told, replaces="c0")})
    way, *_ = checks(Play(MIDNIGHT, (story,)), evidence())
    assert way.wrong == ["c1: replaces: {None}, expected {'c0'}"]


def test_events_that_are_not_those_stored_are_found() -> None:
    (check,) = broken(replace(evidence(), timelines={"c1": timeline(EVENTS[:1])}))
    assert check.promise == "What subscribers received is what Postgres holds"


def test_a_record_that_counts_as_something_else_is_found() -> None:
    other = {CREATED: Counter({RecordClass.IGNORED: 1})}
    (check,) = broken(replace(evidence(), classes={**evidence().classes, **other}))
    assert check.wrong == [
        "card-created: 0 applied, expected 1",
        "card-created: 1 ignored, expected 0",
    ]


def test_dead_letters_that_are_missing_or_not_expected_are_found() -> None:
    letter = evidence().dead_letters[0]
    moved = cast("DeadLetterEvent", {**letter, "offset": 7})
    (check,) = broken(replace(evidence(), dead_letters=[moved]))
    assert check.wrong == [
        f"missing: malformed  at {TRACKING}[0]@0",
        f"not expected: malformed  at {TRACKING}[0]@7",
    ]


def test_every_card_of_the_play_belongs_to_one_story_and_has_an_ending() -> None:
    stories = play(MIDNIGHT).stories
    cards = [card for story in stories for card in story.endings]
    assert len(cards) == len(set(cards))
    assert len(cards) >= 40
    assert len([story for story in stories if story.title]) >= 10


def test_the_play_is_the_same_at_every_run_and_ends_on_its_last_day() -> None:
    assert play(MIDNIGHT) == play(MIDNIGHT)
    days = {step.day for story in play(MIDNIGHT).stories for step in story.steps}
    assert days == set(range(DAYS))
