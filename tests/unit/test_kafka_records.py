"""In which order fetched records are taken, and which of an output topic are the relay's."""

from itertools import pairwise
from typing import Any

from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from card_fulfillment.kafka.records import in_time_order, micros_of, record_of
from card_fulfillment.kafka.tail import of_the_relay


def _run(partition: int, milliseconds: list[int]) -> list[ConsumerRecord[bytes, bytes]]:
    return [
        ConsumerRecord("t", partition, offset, at, 0, b"k", b"v", None, 1, 1, ())
        for offset, at in enumerate(milliseconds)
    ]


def test_records_of_several_partitions_are_taken_by_their_times() -> None:
    taken = in_time_order([_run(0, [1, 4, 6]), _run(1, [2, 3, 9]), _run(2, [])])

    assert [record.timestamp for record in taken] == [1000, 2000, 3000, 4000, 6000, 9000]


@given(st.lists(st.lists(st.integers(-1, 5)), max_size=4))
def test_a_partition_stays_in_order_whatever_times_its_records_have(runs: list[list[int]]) -> None:
    taken = in_time_order(_run(partition, times) for partition, times in enumerate(runs))

    places = [(record.partition, record.offset) for record in taken]
    assert sorted(places) == [(p, o) for p, times in enumerate(runs) for o in range(len(times))]
    for partition in range(len(runs)):
        offsets = [offset for at, offset in places if at == partition]
        assert all(one < other for one, other in pairwise(offsets))


def test_a_header_without_a_value_is_an_empty_one() -> None:
    headers: tuple[tuple[str, Any], ...] = (("a", None), ("b", b"x"))

    record = record_of(ConsumerRecord("t", 0, 1, 2, 0, b"k", b"v", None, 1, 1, headers))

    assert record.headers == (("a", b""), ("b", b"x"))


def test_whatever_time_a_sender_writes_fits_in_the_database() -> None:
    for milliseconds in (2**63 - 1, -(2**63), 1_764_434_165_000_000_000):
        record = record_of(ConsumerRecord("t", 0, 1, milliseconds, 0, b"k", b"v", None, 1, 1, ()))
        assert -(2**63) <= record.timestamp < 2**63
        assert record.timestamp == micros_of(milliseconds)
    assert micros_of(1_764_434_165_000) == 1_764_434_165_000_000


def test_only_records_with_numbers_for_lane_and_sequence_are_the_relays() -> None:
    def marked(*headers: tuple[str, Any]) -> ConsumerRecord[bytes, bytes]:
        return ConsumerRecord("t", 0, 1, 2, 0, b"k", b"v", None, 1, 1, headers)

    ours = marked(("ce_id", b"x"), ("lane", b"3"), ("seq", b"41"))
    greatest = marked(("lane", b"3"), ("seq", b"9223372036854775807"))
    others = [
        marked(),
        marked(("lane", b"3")),
        marked(("seq", b"42")),
        marked(("lane", None), ("seq", b"42")),
        marked(("lane", b"fast"), ("seq", b"42")),
        marked(("lane", b"3"), ("seq", b"-42")),
        marked(("lane", b"3"), ("seq", b"4" * 5000)),
    ]

    assert of_the_relay([others[0], ours, *others[1:]]) == [(3, 41, b"v")]
    assert of_the_relay([greatest]) == [(3, 2**63 - 1, b"v")]


def test_a_record_of_the_relay_without_a_value_has_an_empty_one() -> None:
    headers = (("lane", b"3"), ("seq", b"41"))
    record: Any = ConsumerRecord("t", 0, 1, 2, 0, b"k", None, None, 1, 1, headers)

    assert of_the_relay([record]) == [(3, 41, b"")]
