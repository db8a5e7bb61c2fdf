"""What is logged of the work: each thing once, by name, and nothing of what records say."""

from collections import Counter
from collections.abc import Iterator, MutableMapping
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.messages.envelope import Record, RefusalReason, Refused
from card_fulfillment.metrics import Meter
from card_fulfillment.pipeline.batch import Batch, Decoded, Move, Partition, RecordClass
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.output_check import Alarm
from card_fulfillment.pipeline.ports import Contended, StoreUnavailable
from card_fulfillment.pipeline.relay import RelayState, RelayStatus
from card_fulfillment.reporting import IntakeReporter, RelayReporter, SpreadReporter

_PRIVATE: Final = "Maria Roth, 8 Mill Lane"
_RECORD: Final = Record("orders", 3, 17, 0, b"key of hers", _PRIVATE.encode())

Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    with capture_logs() as captured:
        yield captured


def _failed() -> Exception:
    try:
        int(_PRIVATE)
    except ValueError as error:
        return error
    raise AssertionError


def test_a_record_that_fails_is_named_by_its_place_without_the_words_of_the_error(
    lines: Lines,
) -> None:
    IntakeReporter(Meter()).record_failed(_RECORD, _failed())

    (line,) = lines
    assert line.pop("at").startswith("test_reporting.py:")
    assert line == {
        "event": "record.failed",
        "log_level": "error",
        "error": "ValueError",
        "topic": "orders",
        "partition": 3,
        "offset": 17,
    }


def test_a_batch_is_one_line_and_each_of_its_dead_letters_one_more(lines: Lines) -> None:
    meter, partition = Meter(), Partition("orders", 3)
    refused = Refused(RefusalReason.UNMAPPED_CODE, "code", "no such code", "alpha", "1")
    effects = Effects(
        dead_letters=[DeadLetter.of(_RECORD, refused)],
        counts={partition: Counter({RecordClass.QUARANTINED: 1, RecordClass.APPLIED: 2})},
    )
    batch = Batch([Decoded(_RECORD, (refused,))] * 3, {partition: Move(15, 18, _RECORD)})

    IntakeReporter(meter).batch_applied(batch, effects, 0.0125)

    applied, quarantined = lines
    assert (applied["event"], applied["records"], applied["partitions"]) == ("batch.applied", 3, 1)
    assert (applied["applied"], applied["quarantined"], applied["parked"]) == (2, 1, 0)
    assert applied["milliseconds"] == 12.5
    assert (quarantined["event"], quarantined["reason"]) == ("record.quarantined", "unmapped_code")
    assert (quarantined["field"], quarantined["vendor"]) == ("code", "alpha")
    assert (quarantined["topic"], quarantined["partition"], quarantined["offset"]) == (
        *partition,
        17,
    )
    assert _PRIVATE not in repr(lines)
    assert "hers" not in repr(lines)
    shown = meter.exposition().decode()
    assert 'records_total{became="applied",topic="orders"} 2.0' in shown
    assert 'quarantined_total{reason="unmapped_code",vendor="alpha"} 1.0' in shown


def test_a_relay_is_told_of_when_it_changes_and_as_what_it_is(lines: Lines) -> None:
    report, status = RelayReporter("events"), RelayStatus()

    for state, failures in (
        (RelayState.PUBLISHING, 0),
        (RelayState.PUBLISHING, 0),
        (RelayState.RETRYING, 1),
        (RelayState.RETRYING, 2),
        (RelayState.ALARMED, 2),
    ):
        status.state, status.failures, status.last_failure = state, failures, "away"
        status.alarm = Alarm("lane_gap", "lane 1 lacks 2 to 3")
        report(status)

    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("relay.publishing", "info"),
        ("relay.failed", "warning"),
        ("relay.failed", "warning"),
        ("relay.alarm", "error"),
    ]
    assert {line["topic"] for line in lines} == {"events"}
    assert [line.get("failures") for line in lines] == [None, 1, 2, None]
    assert (lines[-1]["alarm"], lines[-1]["detail"]) == ("lane_gap", "lane 1 lacks 2 to 3")


@pytest.mark.parametrize(
    ("error", "with_trace"),
    [(StoreUnavailable("away"), False), (Contended("others"), False), (KeyError("b1"), True)],
)
def test_of_a_fan_out_that_fails_only_a_defect_is_traced(
    lines: Lines, error: Exception, *, with_trace: bool
) -> None:
    SpreadReporter(Meter()).failed(error, again_in=0.1)

    (line,) = lines
    assert (line["event"], line["error"], line["exc_info"]) == (
        "bulk.failed",
        type(error).__name__,
        with_trace,
    )
