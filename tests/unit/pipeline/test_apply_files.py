"""Files of vendors: lines that count once, and trailers compared with what was ordered."""

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agreement import Telling, assert_agrees, fan_out, tell
from builders import announcement, file_line, order, order_no, sent, sized
from card_fulfillment.domain.files import FileName
from card_fulfillment.domain.naming import SubjectKind, bulk_issuance
from card_fulfillment.pipeline.batch import Partition
from deliveries import Told, deliveries
from oracle_files import assert_filed
from stories_files import filed_statements

_B1 = bulk_issuance("b1")
_O1 = order_no("o1")
_MEMBER = sized(announcement("c1", bulk="b1", serial=1), 5)
_ORDER = order(_B1, 1, _O1)
_LINE = file_line(1, _O1, at=5, quantity=4)
_TRAILER = file_line(2, total=4)
_MISMATCH = [
    {"name": "total_mismatch", "expected": 5, "reported": [4], "serials": [], "cartons": []}
]


@given(st.randoms(use_true_random=True))
def test_what_files_come_to_is_a_function_of_the_set_of_their_lines(rng: Random) -> None:
    telling = Telling()
    for batch in deliveries(rng, filed_statements(rng)):
        telling.take(batch)
        fan_out(rng, telling)
        assert_filed(telling.snapshot(), telling.witness)
    assert_agrees(telling.settle().snapshot(), telling.witness.told)


@given(st.randoms(use_true_random=True))
def test_what_is_kept_of_files_does_not_depend_on_order_repetition_or_cut(rng: Random) -> None:
    told = filed_statements(rng)
    one, other = tell(rng, told).snapshot(), tell(rng, told).snapshot()
    assert one.files == other.files


def _discrepancies(*batches: list[Told]) -> list[list[dict[str, Any]]]:
    """What is published of the bulk's discrepancies, version by version."""
    telling = Telling()
    for batch in batches:
        telling.take([sent(*batch)])
        assert_filed(telling.snapshot(), telling.witness)
    events = telling.settle().snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"]
    return [event["discrepancies"] for event in events]


def test_a_trailer_that_disagrees_with_the_size_is_told_with_the_record_that_said_it() -> None:
    telling = Telling()
    telling.take([sent(_MEMBER), sent(_ORDER), sent(_LINE)])
    telling.take([sent(_TRAILER, topic="files", at=9)])

    event = telling.snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"][-1]

    assert event["discrepancies"] == _MISMATCH
    assert (event["change"], event["fulfillment_status"]) == ("update", "ordered")
    assert event["cause"]["topic"] == "files"


def test_a_file_is_about_the_bulk_whichever_of_order_line_and_trailer_comes_last() -> None:
    said: list[list[Told]] = [[_ORDER], [_LINE], [_TRAILER]]
    for first, second, third in ((0, 1, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        told = _discrepancies([_MEMBER], said[first], said[second], said[third])
        assert told[-1] == _MISMATCH


def test_a_file_of_before_the_first_card_is_told_when_the_bulk_comes_to_life() -> None:
    assert _discrepancies([_LINE, _TRAILER], [_ORDER], [_MEMBER])[-1] == _MISMATCH


def test_a_file_about_two_bulks_says_nothing_of_either() -> None:
    other = order(bulk_issuance("b2"), 1, order_no("o2"))
    told = _discrepancies(
        [_MEMBER, _ORDER], [_LINE, _TRAILER], [file_line(3, order_no("o2"))], [other]
    )

    assert told[-2:] == [_MISMATCH, []]


def test_a_reference_given_out_again_means_the_bulk_of_the_time_that_the_line_states() -> None:
    again = order(bulk_issuance("b2"), 24 * 365, _O1)

    told = _discrepancies([_MEMBER, _ORDER], [_LINE, _TRAILER], [again])

    assert told[-1] == _MISMATCH


def test_a_file_that_speaks_of_many_is_no_single_bulks_file() -> None:
    many = [order_no(f"o{n}") for n in range(1, 18)]
    lines: list[Told] = [file_line(n, each) for n, each in enumerate(many, 1)]
    ordered = order(_B1, 1, *many)

    told = _discrepancies([_MEMBER, ordered], [file_line(18, total=4)], lines[:16], lines[16:])

    assert told[-2:] == [_MISMATCH, []]


def test_a_file_sent_twice_counts_once_and_its_records_are_duplicates() -> None:
    telling = Telling()
    telling.take([sent(_LINE), sent(_TRAILER)])
    telling.take([sent(_LINE), sent(_TRAILER), sent(_LINE)])

    snapshot = telling.snapshot()
    assert snapshot.positions[Partition("input", 0)].counted == {"applied": 2, "duplicate": 3}
    assert list(snapshot.files) == [FileName("alpha", "f1")]
    assert len(snapshot.lines) == 2
