"""How large compressed batches become, looked at before anything expands them.

A few hundred bytes can become gigabytes; no client of Kafka bounds that.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from gzip import GzipFile
from io import BytesIO
from typing import Final, NamedTuple

import cramjam

from card_fulfillment.messages.dead_letter import MOST_KEPT_BYTES

MOST_EXPANDED_BYTES: Final = 16 * 1_048_576
"""A producer's request has one mebibyte, before it is compressed, unless somebody asks for more."""

# First offset, length, leader's epoch, format; checksum, attributes, …, greatest time, …, records.
_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_CODEC: Final = 7
_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = 16
_BLOCK_SIZE: Final = struct.Struct(">i")


class Unread(NamedTuple):
    """Stands for a record that nobody reads: so large that it is refused, whatever was in it."""

    offset: int
    timestamp: int
    timestamp_type: int = 0
    key: None = None
    value: bytes = bytes(MOST_KEPT_BYTES + 1)
    headers: tuple[()] = ()
    checksum: None = None


def expands_too_far(batch: memoryview) -> bool:
    """Whether a batch, as a broker gives it, is compressed and nobody should expand it.

    Either it becomes larger than MOST_EXPANDED_BYTES, or it cannot be expanded at all.
    """
    fits = _FITS.get(_HEADER.unpack_from(batch)[5] & _CODEC)
    if fits is None:
        return False
    try:
        return not fits(batch[_HEADER.size :])
    except (zlib.error, cramjam.DecompressionError, struct.error, ValueError, OSError, EOFError):
        return True


def unread(batch: memoryview) -> Iterator[Unread]:
    """What stands for each of its records."""
    first, *_, latest, _, _, _, records = _HEADER.unpack_from(batch)
    return (Unread(first + number, latest) for number in range(records))


def _gzip_fits(data: memoryview) -> bool:
    """Read as the library reads it: zlib alone would stop at the end of the first member."""
    with GzipFile(fileobj=BytesIO(data)) as members:
        return len(members.read(MOST_EXPANDED_BYTES + 1)) <= MOST_EXPANDED_BYTES


def _snappy_fits(data: memoryview) -> bool:
    size = sum(cramjam.snappy.decompress_raw_len(block) for block in _snappy_blocks(data))
    return size <= MOST_EXPANDED_BYTES


def _snappy_blocks(data: memoryview) -> Iterator[memoryview]:
    if bytes(data[: len(_XERIAL)]) != _XERIAL:
        yield data
        return
    at = _XERIAL_HEADER
    while at < len(data):
        (size,) = _BLOCK_SIZE.unpack_from(data, at)
        at += _BLOCK_SIZE.size
        yield data[at : at + size]
        at += max(size, 0)


def _lz4_fits(data: memoryview) -> bool:
    return cramjam.lz4.decompress_into(data, _scratch()) <= MOST_EXPANDED_BYTES


def _zstd_fits(data: memoryview) -> bool:
    return cramjam.zstd.decompress_into(data, _scratch()) <= MOST_EXPANDED_BYTES


@cache
def _scratch() -> bytearray:
    """Where something is expanded to be measured; made when the first is."""
    return bytearray(MOST_EXPANDED_BYTES)


_FITS: Final[dict[int, Callable[[memoryview], bool]]] = {
    1: _gzip_fits,
    2: _snappy_fits,
    3: _lz4_fits,
    4: _zstd_fits,
}
