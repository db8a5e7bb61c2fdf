"""Reading what would end every consumer of aiokafka that comes to it.

Names of headers that are not UTF-8, which Kafka takes as any bytes: what means nothing in them is
replaced, as in any text. And batches that expand to more than memory holds: something else stands
for their records.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from cramjam import DecompressionError

from card_fulfillment.kafka.expansion import expands_too_far, unread

# Of every batch: its first offset, how many bytes follow these two.
_BEGINNING: Final = struct.Struct(">qi")
_WITH_HEADERS: Final = 2  # the format of all batches of Kafka 4


class _Forgiving(bytearray):
    """Gives slices that decode whatever they hold."""

    def __getitem__(self, at: Any) -> Any:  # noqa: ANN401 - as of a bytearray
        found = super().__getitem__(at)
        return _Forgiving(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


def _read_anew(data: bytes) -> Iterator[Any]:
    """By the library's other parser, which decodes slices of its buffer."""
    batch = iter(_DefaultRecordBatchPy(data))
    vars(batch)["_buffer"] = _Forgiving(vars(batch)["_buffer"])
    return batch


class _Batch:
    """A batch as aiokafka's fetcher uses it, parsed again by a slower parser where it must be."""

    def __init__(self, parsed: Any, raw: memoryview) -> None:  # noqa: ANN401 - aiokafka's
        self._parsed, self._raw = parsed, raw

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - all else that it has
        return getattr(self._parsed, name)

    def __next__(self) -> Any:  # noqa: ANN401 - a record of aiokafka's
        return next(self._parsed)

    def __iter__(self) -> Iterator[Any]:
        if self._parsed.magic == _WITH_HEADERS and expands_too_far(self._raw):
            return unread(self._raw)
        try:
            return iter(list(self._parsed))
        except (UnicodeDecodeError, CorruptRecordException):
            return _read_anew(bytes(self._raw))
        except DecompressionError:
            return unread(self._raw)


class ForgivingRecords:
    """What a fetch brought of a partition: stands for aiokafka's MemoryRecords."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = memoryview(data), 0
        self._parsed = MemoryRecords(data)

    def size_in_bytes(self) -> int:
        return self._parsed.size_in_bytes()

    def has_next(self) -> bool:
        return self._parsed.has_next()

    def next_batch(self) -> _Batch | None:
        parsed = self._parsed.next_batch()
        if parsed is None:
            return None
        _, length = _BEGINNING.unpack_from(self._data, self._at)
        begin, self._at = self._at, self._at + _BEGINNING.size + length
        return _Batch(parsed, self._data[begin : self._at])


def read_any_header() -> None:
    """Have all consumers of this process read so."""
    vars(fetcher)["MemoryRecords"] = ForgivingRecords
