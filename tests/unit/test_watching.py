"""What the watch makes of what it sees: gauges, and alarms that are told as they come and go."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import pytest
from structlog.testing import capture_logs
from virtual_time import run_virtually

from card_fulfillment import watching
from card_fulfillment.metrics import Meter
from card_fulfillment.ops.health import (
    BULK_STALLED,
    INPUT_MISSING,
    OUTPUT_STALLED,
    SCHEMA_MISMATCH,
    STALLED,
    Health,
    Limits,
)
from card_fulfillment.pipeline.backlog import BulkBacklog, Census, InputBacklog, OutputBacklog
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.intake_ports import SourceUnavailable
from card_fulfillment.pipeline.output_check import OUTPUT_PARTITIONS_CHANGED
from card_fulfillment.pipeline.ports import StoreUnavailable
from card_fulfillment.pipeline.relay import RelayState, RelayStatus
from card_fulfillment.watching import Expected, Watch

_NOW: Final = 1_780_000_000_000_000
_ORDERS: Final = Partition("orders", 0)
_COUNTS: Final = {"orders": 3, "events": 6}
_QUIET: Final = Census([], {}, parked=0, past_deadline=0)
_BUSY: Final = Census(
    outputs=[OutputBacklog("events", 5, 2, 1.5)],
    letters={"malformed": 3},
    parked=4,
    past_deadline=1,
    bulks=[
        BulkBacklog("b1", lags=True, written="1"),
        BulkBacklog("b2", lags=False, written="1"),
        BulkBacklog("b3", lags=False, written="1"),
    ],
)

_READY: Final = "card_fulfillment_ready"

Lines = list[MutableMapping[str, Any]]


class Surroundings:
    """The inputs and the database, as they are said to be."""

    def __init__(self) -> None:
        self.joined, self.is_member, self.in_doubt = True, True, 0
        self.counts: Mapping[str, int] = _COUNTS
        self.lag: Sequence[InputBacklog] = ()
        self.census: Census | str | Exception = _QUIET
        self.kafka_answers = self.at_work = True
        self.health = Health({"events": RelayStatus(RelayState.PUBLISHING)}, Limits())

    async def pass_by(self, seconds: int) -> None:
        """The loops of a worker at work turn meanwhile."""
        for _ in range(seconds):
            self.health.intake.fetches += self.at_work
            self.relay.turns += self.at_work
            await asyncio.sleep(1)

    @property
    def relay(self) -> RelayStatus:
        return self.health.relays["events"]

    async def backlog(self) -> Sequence[InputBacklog]:
        assert self.joined, "who is in no group yet has no partitions to be asked of"
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
        watch = Watch(expected, around.health, meter, around.take_census, lambda: _NOW)
        watch.follow(around)
        running = asyncio.create_task(watch.run())
        for step in steps:
            step(around)
            await around.pass_by(30)
            shown.append(meter.exposition().decode())
        running.cancel()
        return shown

    virtual = SimpleNamespace(monotonic=lambda: asyncio.get_running_loop().time())
    with patch.object(watching, "time", virtual):
        return run_virtually(story())


def _nothing(_around: Surroundings) -> None:
    pass


def _to_be(**said: object) -> Callable[[Surroundings], None]:
    def step(around: Surroundings) -> None:
        for name, value in said.items():
            setattr(around, name, value)

    return step


def _gauge(shown: str, name: str) -> float:
    (line,) = (each for each in shown.splitlines() if each.startswith(f"card_fulfillment_{name} "))
    return float(line.rpartition(" ")[2])


def _told(lines: Lines) -> list[tuple[str, str | None]]:
    return [(line["event"], line.get("alarm")) for line in lines]


def test_an_alarm_is_told_when_it_begins_and_when_it_is_over(lines: Lines) -> None:
    before, during, after = _watched(
        _nothing,
        _to_be(counts={"events": 6}),
        _to_be(counts=_COUNTS),
    )

    assert _told(lines) == [("alarm.raised", INPUT_MISSING), ("alarm.over", INPUT_MISSING)]
    assert lines[0]["detail"] == "Kafka has no topic orders"
    for value, shown in (("0.0", before), ("1.0", during), ("0.0", after)):
        assert f'card_fulfillment_alarm{{name="{INPUT_MISSING}"}} {value}' in shown


@pytest.mark.parametrize("count", [8, 4])
def test_an_output_that_got_other_partitions_is_an_alarm_while_the_work_goes_on(
    lines: Lines, count: int
) -> None:
    _watched(
        _to_be(counts=_COUNTS | {"events": count}),
        _to_be(counts={"orders": 3}),  # the relay tells of that
    )

    name = OUTPUT_PARTITIONS_CHANGED
    assert _told(lines) == [("alarm.raised", name), ("alarm.over", name)]
    assert lines[0]["detail"] == f"events has {count} partitions, the database was pinned to 6"


def test_a_schema_that_is_another_is_an_alarm_until_it_is_right_again(lines: Lines) -> None:
    _watched(
        _to_be(census="run migrate"),
        _to_be(census=_QUIET),
    )

    assert _told(lines) == [("alarm.raised", SCHEMA_MISMATCH), ("alarm.over", SCHEMA_MISMATCH)]


def test_partitions_in_doubt_are_told_when_the_first_and_the_last_of_them_is(lines: Lines) -> None:
    _, first, two, one, none = _watched(*(_to_be(in_doubt=number) for number in (0, 1, 2, 1, 0)))

    assert [line["event"] for line in lines] == ["intake.in_doubt", "intake.in_doubt_no_more"]
    assert lines[0]["partitions"] == 1
    for number, shown in ((1, first), (2, two), (1, one), (0, none)):
        assert f"card_fulfillment_partitions_in_doubt {number}.0" in shown


def test_an_outage_is_no_failure_of_the_watch(lines: Lines) -> None:
    _watched(_to_be(kafka_answers=False, census=StoreUnavailable()))

    assert "watch.failed" not in [line["event"] for line in lines]


def test_a_look_that_fails_leaves_the_others_to_be_taken(lines: Lines) -> None:
    _watched(
        _to_be(census=KeyError("a defect")),
        _to_be(in_doubt=1),
    )

    assert {line["what"] for line in lines if line["event"] == "watch.failed"} == {"_take_census"}
    assert "intake.in_doubt" in [line["event"] for line in lines]


def test_who_is_in_no_group_yet_is_not_asked_what_it_takes_from(lines: Lines) -> None:
    (shown,) = _watched(_to_be(joined=False, is_member=False))

    assert lines == []
    assert _READY + " 0.0" in shown


def test_who_is_put_out_of_the_group_is_ready_until_it_stays_out() -> None:
    shown = _watched(_nothing, _to_be(is_member=False), _nothing, _to_be(is_member=True))

    assert [f"{_READY} 1.0" in each for each in shown] == [True, True, False, True]


def test_a_worker_whose_loops_stand_still_is_not_ready() -> None:
    shown = _watched(_nothing, _to_be(at_work=False), _nothing, _nothing, _to_be(at_work=True))

    assert [f"{_READY} 1.0" in each for each in shown] == [True, True, True, False, True]


def test_a_standstill_is_an_alarm_as_soon_as_it_has_lasted_and_is_shown_before(
    lines: Lines,
) -> None:
    not_fetched = InputBacklog(_ORDERS, 7, 5, None, withheld=0)
    before, after = _watched(_to_be(lag=[not_fetched], census=_BUSY), _nothing)

    alarms = {STALLED, OUTPUT_STALLED, BULK_STALLED}
    assert {line["alarm"] for line in lines} == alarms
    for shown, value, least in ((before, 0.0, 20), (after, 1.0, 50)):
        for name in alarms:
            assert _gauge(shown, f'alarm{{name="{name}"}}') == value
        assert _gauge(shown, 'input_oldest_seconds{topic="orders"}') >= least
        assert _gauge(shown, "bulk_standstill_seconds") >= least


def test_a_standstill_that_begins_between_is_noticed_within_seconds(lines: Lines) -> None:
    moved = InputBacklog(_ORDERS, 9, 5, None, withheld=0)
    _watched(_to_be(lag=[moved._replace(position=7)]), _to_be(lag=[moved]), _nothing)

    assert {line["alarm"] for line in lines} == {STALLED}


def test_what_the_relays_do_and_have_published_is_shown() -> None:
    def published(around: Surroundings) -> None:
        around.relay.published += 4

    def failing(around: Surroundings) -> None:
        around.relay.state, around.relay.failures = RelayState.RETRYING, 2

    *_, before, after = _watched(published, published, failing)

    for shown, at_work, failures in ((before, 1, 0), (after, 0, 2)):
        assert _gauge(shown, 'published_total{topic="events"}') == 8
        assert _gauge(shown, 'relay_state{state="publishing",topic="events"}') == at_work
        assert _gauge(shown, 'relay_failures{topic="events"}') == failures


def test_what_waits_is_shown_by_topic_and_by_what_it_waits_for() -> None:
    inputs = [
        InputBacklog(_ORDERS, 7, 5, _NOW - 2_500_000, withheld=0),
        InputBacklog(Partition("orders", 1), 9, 0, _NOW - 9_000_000, withheld=3),
        InputBacklog(Partition("files", 0), 9, 1, _NOW + 9_000_000, withheld=0),
    ]
    (shown,) = _watched(_to_be(lag=inputs, census=_BUSY))

    for line in (
        'assigned_partitions{topic="orders"} 2.0',
        'input_lag{topic="orders"} 5.0',
        'input_withheld{topic="orders"} 3.0',
        'input_oldest_seconds{topic="orders"} 2.5',
        'input_oldest_seconds{topic="files"} 0.0',
        'outbox_backlog{topic="events"} 2.0',
        'outbox_oldest_seconds{topic="events"} 1.5',
        'open_dead_letters{reason="malformed"} 3.0',
        'parked_facts{overdue="no"} 4.0',
        'parked_facts{overdue="yes"} 1.0',
        'bulks_at_work{waits_for="members"} 1.0',
        'bulks_at_work{waits_for="tick"} 2.0',
    ):
        assert line in shown
