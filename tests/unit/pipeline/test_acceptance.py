"""How a lane goes on from what Kafka has: nothing is left out, and numbers stay whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_fulfillment.pipeline.acceptance import NotAcceptable, step_of
from card_fulfillment.pipeline.output_check import starting_points
from card_fulfillment.pipeline.relay_ports import LaneRow, Tail

SEQS = st.integers(0, 40)


@given(last=SEQS, published=SEQS, kafka=SEQS)
def test_after_the_step_the_relay_goes_on_behind_what_kafka_has(
    last: int, published: int, kafka: int
) -> None:
    row = LaneRow(1, 0, max(last, published), min(last, published))
    tail = Tail(0, 1, kafka) if kafka else Tail(0)
    step = step_of(row, tail)
    after = row if step is None else LaneRow(1, 0, step.new_last, step.new_published)
    assert starting_points({0: tail}, before=[after], since=[after], values={}) == {1: kafka}
    assert after.published_seq <= after.last_seq


@given(last=SEQS, published=SEQS, kafka=SEQS)
def test_every_change_not_known_to_be_published_gets_a_number_that_will_be(
    last: int, published: int, kafka: int
) -> None:
    row = LaneRow(1, 0, max(last, published), min(last, published))
    step = step_of(row, Tail(0, 1, kafka))
    if step is not None and step.moved_by:
        unpublished = range(row.published_seq + 1, row.last_seq + 1)
        assert [seq + step.moved_by for seq in unpublished] == list(
            range(kafka + 1, step.new_last + 1)
        )
        assert kafka + 1 > row.last_seq  # no number meets one that is still in use


def test_a_number_that_was_given_again_is_published_behind_what_kafka_has() -> None:
    step = step_of(LaneRow(1, 0, 10, 7), Tail(0, 1, 8, b"one"), b"another")
    assert step is not None
    assert (step.new_published, step.new_last, step.moved_by) == (8, 11, 1)
    assert step_of(LaneRow(1, 0, 10, 7), Tail(0, 1, 8, b"one"), b"one") is None


def test_lanes_that_agree_are_left_alone() -> None:
    assert step_of(LaneRow(1, 0, 10, 7), Tail(0, 1, 8)) is None
    assert step_of(LaneRow(1, 0, 10, 10), Tail(55)) is None  # retention emptied it


def test_what_another_database_fed_is_not_acceptable() -> None:
    with pytest.raises(NotAcceptable, match="lane 9"):
        step_of(LaneRow(1, 0, 10, 7), Tail(0, 9, 8))
