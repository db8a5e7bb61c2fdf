"""Records that aiokafka's parser refuses for their headers are read all the same."""

import gzip
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from aiokafka.codec import snappy_encode
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from card_fulfillment.kafka import connection
from card_fulfillment.kafka.expansion import MOST_EXPANDED_BYTES
from card_fulfillment.kafka.forgiving import ForgivingRecords
from card_fulfillment.messages.dead_letter import MOST_KEPT_BYTES

_LENGTH_AT, _CRC_AT, _ATTRIBUTES_AT, _RECORDS_AT = 8, 17, 21, 61
_TIMES_OF_THE_BROKER = 8
_NONE, _GZIP, _SNAPPY, _LZ4, _ZSTD = range(5)


def batch(first_offset: int, names: list[str], codec: int = _NONE) -> bytes:
    """A batch as a broker gives it, with a record for each header name."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 1 << 20)
    for number, name in enumerate(names):
        headers = [(name, b"value"), ("null", None)]
        assert builder.append(number, 1000 + number, b"k", b"v" * number, headers)
    return at_offset(first_offset, builder.build())


def large(offset: int, size: int, codec: int) -> bytes:
    """A batch of one record of so many zeros."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, size + 1000)
    assert builder.append(0, 1000, None, bytes(size), [])
    return at_offset(offset, builder.build())


def at_offset(offset: int, built: bytes | bytearray) -> bytes:
    return struct.pack(">q", offset) + built[_LENGTH_AT:]


def spoilt(data: bytes) -> bytes:
    """With bytes that are no UTF-8 where a name was `BAD`."""
    return with_checksum(bytearray(data.replace(b"BAD", b"\xff\xfe\xfd")))


def with_checksum(data: bytearray) -> bytes:
    data[_CRC_AT:_ATTRIBUTES_AT] = struct.pack(">I", calc_crc32c(bytes(data[_ATTRIBUTES_AT:])))
    return bytes(data)


def holding(compressed: bytes, plain: bytes, attributes: int = _GZIP) -> bytes:
    """A batch like that one, with these bytes for its records."""
    data = bytearray(plain[:_RECORDS_AT] + compressed)
    struct.pack_into(">i", data, _LENGTH_AT, len(data) - _LENGTH_AT - 4)
    struct.pack_into(">h", data, _ATTRIBUTES_AT, attributes)
    return with_checksum(data)


def is_left_unread(value: bytes | None) -> bool:
    """Whatever it is, it is refused for its size."""
    return value is not None and len(value) == MOST_KEPT_BYTES + 1


def by_the_library(data: bytes) -> list[Any]:
    records = MemoryRecords(data)
    found: list[Any] = []
    while records.has_next():
        current = records.next_batch()
        assert current is not None
        found += [(r.offset, r.key, r.value, list(r.headers)) for r in current]
    return found


def read(data: bytes) -> list[Any]:
    records = ForgivingRecords(data)
    found: list[Any] = []
    while records.has_next():
        current = records.next_batch()
        assert current is not None
        assert current.validate_crc()
        found += [(r.offset, r.key, r.value, list(r.headers)) for r in current]
        assert current.next_offset == found[-1][0] + 1
    assert records.next_batch() is None
    return found


def test_such_a_name_is_refused_by_the_library_and_replaced_here() -> None:
    data = spoilt(batch(7, ["good", "BAD"]))
    with pytest.raises(UnicodeDecodeError):
        by_the_library(data)
    assert read(data) == [
        (7, b"k", b"", [("good", b"value"), ("null", None)]),
        (8, b"k", b"v", [("\ufffd\ufffd\ufffd", b"value"), ("null", None)]),
    ]


@pytest.mark.parametrize("codec", [_NONE, _GZIP, _SNAPPY, _LZ4, _ZSTD])
def test_all_others_are_read_as_the_library_reads_them(codec: int) -> None:
    data = batch(3, ["a", "é", "b"], codec) + batch(6, ["c"], codec)
    expected = by_the_library(data)
    assert read(data) == expected
    assert [offset for offset, *_ in expected] == [3, 4, 5, 6]


@pytest.mark.parametrize("times", ["of its sender", "of the broker"])
@pytest.mark.parametrize("codec", [_GZIP, _SNAPPY, _LZ4, _ZSTD])
def test_what_expands_to_more_than_memory_should_hold_is_not_expanded(
    codec: int, times: str
) -> None:
    attributes = codec | (_TIMES_OF_THE_BROKER if times == "of the broker" else 0)
    plain = large(5, 4 * MOST_EXPANDED_BYTES, codec)
    bomb = holding(plain[_RECORDS_AT:], plain, attributes)
    assert len(bomb) < MOST_EXPANDED_BYTES / 4
    tracemalloc.start()
    found = read(batch(4, ["a"]) + bomb + batch(6, ["b"]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [offset for offset, *_ in found] == [4, 5, 6]
    _, key, value, headers = found[1]
    assert (key, headers) == (None, [])
    assert is_left_unread(value)
    assert peak < 3 * MOST_EXPANDED_BYTES


@pytest.mark.parametrize("codec", [_NONE, _GZIP, _SNAPPY, _LZ4, _ZSTD])
def test_what_is_merely_large_is_read(codec: int) -> None:
    ((offset, _, value, _),) = read(large(5, MOST_EXPANDED_BYTES - 1000, codec))
    assert (offset, value) == (5, bytes(MOST_EXPANDED_BYTES - 1000))


@pytest.mark.parametrize("codec", [_GZIP, _SNAPPY, _LZ4, _ZSTD])
def test_what_cannot_be_expanded_is_no_end(codec: int) -> None:
    data = bytearray(batch(5, ["a" * 50] * 3, codec))
    data[70:90] = b"\xff" * 20
    found = read(with_checksum(data))
    assert [offset for offset, *_ in found] == [5, 6, 7]
    assert all(is_left_unread(value) for _, _, value, _ in found)


def test_gzip_of_several_members_is_read_like_that_of_one_and_bounded_like_it() -> None:
    plain = batch(5, ["a", "b"])
    assert read(holding(_in_two_members(plain), plain)) == read(plain)
    bomb = large(5, MOST_EXPANDED_BYTES, _NONE)
    ((_, _, value, _),) = read(holding(_in_two_members(bomb), bomb))
    assert is_left_unread(value)


def _in_two_members(plain: bytes) -> bytes:
    middle = _RECORDS_AT + 5
    return gzip.compress(plain[_RECORDS_AT:middle]) + gzip.compress(plain[middle:])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda whole: whole[:-9],
        lambda whole: whole + b"more",
        lambda whole: zlib.compress(gzip.decompress(whole)),
    ],
    ids=["cut off", "with something behind it", "zlib"],
)
def test_what_is_not_gzip_to_its_end_is_no_end(spoil: Callable[[bytes], bytes]) -> None:
    plain = batch(5, ["a", "b"])
    found = read(holding(spoil(gzip.compress(plain[_RECORDS_AT:])), plain))
    assert [(offset, is_left_unread(value)) for offset, _, value, _ in found] == [
        (5, True),
        (6, True),
    ]


def test_what_stands_for_a_record_has_the_latest_time_of_its_batch() -> None:
    plain = batch(5, ["a", "b"])
    records = ForgivingRecords(holding(b"nothing", plain)).next_batch()
    assert records is not None
    assert [(each.timestamp, each.timestamp_type) for each in records] == [(1001, 0)] * 2


def test_snappy_without_blocks_is_bounded_too() -> None:
    for plain, unread in ((batch(5, ["a"]), False), (large(5, MOST_EXPANDED_BYTES, _NONE), True)):
        compressed = snappy_encode(plain[_RECORDS_AT:], xerial_compatible=False)
        ((_, _, value, _),) = read(holding(compressed, plain, _SNAPPY))
        assert is_left_unread(value) == unread


def test_only_the_batch_that_has_one_is_read_anew() -> None:
    for places in product([False, True], repeat=3):
        data = b"".join(
            spoilt(batch(n, ["BAD"])) if bad else batch(n, ["fine"]) for n, bad in enumerate(places)
        )
        names = ["\ufffd\ufffd\ufffd" if bad else "fine" for bad in places]
        assert [headers[0][0] for *_, headers in read(data)] == names


def test_what_a_fetch_cut_off_is_left_for_the_next_one() -> None:
    data = batch(0, ["a"]) + batch(1, ["b"])[:-1]
    assert [offset for offset, *_ in read(data)] == [0]
    assert ForgivingRecords(data).size_in_bytes() == len(data)


def test_every_consumer_reads_so_that_has_our_options() -> None:
    assert callable(connection.client_options)  # importing it is enough
    assert vars(fetcher)["MemoryRecords"] is ForgivingRecords


def test_snappy_that_ends_within_a_block_is_no_end() -> None:
    plain = batch(5, ["a"])
    compressed = snappy_encode(plain[_RECORDS_AT:]) + b"\0\0"
    ((offset, _, value, _),) = read(holding(compressed, plain, _SNAPPY))
    assert (offset, is_left_unread(value)) == (5, True)
