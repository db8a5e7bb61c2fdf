"""What the watch makes of what it sees: gauges, and alarms that are told as they come and go."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Final

import pytest
from structlog.testing import capture_logs
from virtual_time import run_virtually

from card_fulfillment.metrics import Meter
from card_fulfillment.ops.health import (
    INPUT_MISSING,
    SCHEMA_MISMATCH,
    Health,
    Limits,
)
from card_fulfillment.pipeline.backlog import BulkBacklog, Census, InputBacklog, OutputBacklog
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.intake_ports import SourceUnavailable
from card_fulfillment.pipeline.output_check import OUTPUT_PARTITIONS_CHANGED
from card_fulfillment.pipeline.ports import StoreUnavailable
from card_fulfillment.watching import Expected, Watch

_NOW: Final = 1_780_000_000_000_000
_ORDERS: Final = Partition("orders", 0)
_COUNTS: Final = {"orders": 3, "events": 6}
_CENSUS: Final = Census(
    outputs=[OutputBacklog("events", 5, 2, 1.5)],
    letters={"malformed": 3},
    parked=4,
    past_deadline=1,
    bulks=[BulkBacklog("b1", lags=True, written="1"), BulkBacklog("b2", lags=False, written="1")],
)

Lines = list[MutableMapping[str, Any]]


class Surroundings:
    """The inputs and the database, as they are said to be."""

    def __init__(self) -> None:
        self.joined, self.is_member, self.in_doubt = True, True, 0
        self.counts: Mapping[str, int] = _COUNTS
        self.lag: Sequence[InputBacklog] = ()
        self.census: Census | str | Exception = _CENSUS
        self.kafka_answers = True

    async def backlog(self) -> Sequence[InputBacklog]:
        if not self.kafka_answers:
            raise SourceUnavailable
        return self.lag

    async def partition_counts(self) -> Mapping[str, int]:
        return self.counts

    async def take_census(self) -> Census | str:
        if isinstance(self.census, Exception):
            raise self.census
        return self.census


@pytest.fixture
def lines() -> Iterator[Lines]:
    with capture_logs() as captured:
        yield captured


def _watched(*steps: Callable[[Surroundings], object]) -> list[str]:
    """What the metrics show after each of the steps, with time to look between them."""

    async def story() -> list[str]:
        around, meter, shown = Surroundings(), Meter(), []
        expected = Expected(["orders"], {"events": 6})
        watch = Watch(expected, Health({}, Limits()), meter, around.take_census, lambda: _NOW)
        watch.follow(around)
        watching = asyncio.create_task(watch.run())
        for step in steps:
            step(around)
            await asyncio.sleep(30)
            shown.append(meter.exposition().decode())
        watching.cancel()
        return shown

    return run_virtually(story())


def _told(lines: Lines) -> list[tuple[str, str | None]]:
    return [(line["event"], line.get("alarm")) for line in lines]


def test_an_alarm_is_told_when_it_begins_and_when_it_is_over(lines: Lines) -> None:
    before, during, after = _watched(
        lambda _: None,
        lambda around: setattr(around, "counts", {"events": 6}),
        lambda around: setattr(around, "counts", _COUNTS),
    )

    assert _told(lines) == [("alarm.raised", INPUT_MISSING), ("alarm.over", INPUT_MISSING)]
    assert lines[0]["detail"] == "Kafka has no topic orders"
    for value, shown in (("0.0", before), ("1.0", during), ("0.0", after)):
        assert f'card_fulfillment_alarm{{name="{INPUT_MISSING}"}} {value}' in shown


def test_an_output_that_got_more_partitions_is_an_alarm_while_the_work_goes_on(
    lines: Lines,
) -> None:
    _watched(
        lambda around: setattr(around, "counts", _COUNTS | {"events": 8}),
        lambda around: setattr(around, "counts", {"orders": 3}),  # the relay tells of that
    )

    name = OUTPUT_PARTITIONS_CHANGED
    assert _told(lines) == [("alarm.raised", name), ("alarm.over", name)]
    assert lines[0]["detail"] == "events has 8 partitions, the database was pinned to 6"


def test_a_schema_that_is_another_is_an_alarm_until_it_is_right_again(lines: Lines) -> None:
    _watched(
        lambda around: setattr(around, "census", "run migrate"),
        lambda around: setattr(around, "census", _CENSUS),
    )

    assert _told(lines) == [("alarm.raised", SCHEMA_MISMATCH), ("alarm.over", SCHEMA_MISMATCH)]


def test_partitions_in_doubt_are_told_when_the_first_and_the_last_of_them_is(lines: Lines) -> None:
    _, two, one, none = _watched(
        lambda _: None,
        lambda around: setattr(around, "in_doubt", 2),
        lambda around: setattr(around, "in_doubt", 1),
        lambda around: setattr(around, "in_doubt", 0),
    )

    assert [line["event"] for line in lines] == ["intake.in_doubt", "intake.in_doubt_no_more"]
    assert lines[0]["partitions"] == 2
    for number, shown in ((2, two), (1, one), (0, none)):
        assert f"card_fulfillment_partitions_in_doubt {number}.0" in shown


def test_an_outage_is_no_failure_of_the_watch(lines: Lines) -> None:
    def away(around: Surroundings) -> None:
        around.kafka_answers, around.census = False, StoreUnavailable()

    _watched(away)

    assert "watch.failed" not in [line["event"] for line in lines]


def test_a_look_that_fails_leaves_the_others_to_be_taken(lines: Lines) -> None:
    _watched(
        lambda around: setattr(around, "census", KeyError("a defect")),
        lambda around: setattr(around, "in_doubt", 1),
    )

    assert {line["what"] for line in lines if line["event"] == "watch.failed"} == {"_take_census"}
    assert "intake.in_doubt" in [line["event"] for line in lines]


def test_what_waits_is_shown_by_topic_and_by_what_it_waits_for() -> None:
    fetched = InputBacklog(_ORDERS, 7, 5, _NOW - 2_500_000, withheld=0)
    caught_up = InputBacklog(Partition("orders", 1), 9, 0, None, withheld=3)

    (shown,) = _watched(lambda around: setattr(around, "lag", [fetched, caught_up]))

    for line in (
        'input_lag{topic="orders"} 5.0',
        'input_withheld{topic="orders"} 3.0',
        'input_oldest_seconds{topic="orders"} 2.5',
        'outbox_backlog{topic="events"} 2.0',
        'open_dead_letters{reason="malformed"} 3.0',
        'parked_facts{overdue="yes"} 1.0',
        'bulks_at_work{waits_for="members"} 1.0',
    ):
        assert line in shown
