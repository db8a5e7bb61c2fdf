"""A record to its elements: the topic decides how it is read, never the payload."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from card_fulfillment.messages.envelope import Record, RefusalReason, Refused
from card_fulfillment.messages.pan_guard import PanGuard
from card_fulfillment.pipeline.batch import Decoded, Element

Reader = Callable[[Record], Iterable[Element]]

# Each becomes a dead letter with the whole record in it: a few hundred would fill the memory.
_MOST_REFUSALS: Final = 8
_MOST_HEADERS: Final = 64
_MOST_HEADER_BYTES: Final = 16_384


class Decoder:
    """readers: by topic. vendors: whose topic it is, where it is a vendor's.

    most_bytes: what a record's value may have, before anything parses it.
    """

    def __init__(
        self,
        readers: Mapping[str, Reader],
        guard: PanGuard,
        most_bytes: int,
        vendors: Mapping[str, str] | None = None,
    ) -> None:
        self._readers = readers
        self._guard = guard
        self._most_bytes = most_bytes
        self._vendors = vendors or {}

    def __call__(self, record: Record) -> Decoded:
        """Never raises: what cannot be read is refused."""
        try:
            refused = self._guard.refused(record) or self._refused_unread(record)
            if refused is not None:
                return Decoded(record, (self._of_vendor(record, refused),))
            return Decoded(record, _bounded(tuple(self._readers[record.topic](record))))
        except Exception as error:  # noqa: BLE001 - a defect of a reader must not stop its partition
            message = f"the reader failed: {type(error).__name__}"
            refused = Refused(RefusalReason.READER_FAILED, "", message)
            return Decoded(record, (self._of_vendor(record, refused),))

    def _of_vendor(self, record: Record, refused: Refused) -> Refused:
        """Say whose record it is, though no profile has read it."""
        return replace(refused, vendor=self._vendors.get(record.topic))

    def _refused_unread(self, record: Record) -> Refused | None:
        if not record.value:
            return Refused(RefusalReason.EMPTY, "", "the record has no value")
        if len(record.value) > self._most_bytes:
            message = f"{len(record.value)} bytes, at most {self._most_bytes} are read"
            return Refused(RefusalReason.TOO_LARGE, "", message)
        if record.headers and not _headers_are_sane(record.headers):
            return Refused(RefusalReason.TOO_LARGE, "headers", "too many or too large headers")
        return None


def _bounded(elements: tuple[Element, ...]) -> tuple[Element, ...]:
    """The elements, with what is refused beyond the first few summed up, once for each reason."""
    if len(elements) <= _MOST_REFUSALS:
        return elements
    refused = [each for each in elements if isinstance(each, Refused)]
    others = [each for each in elements if not isinstance(each, Refused)]
    return (*others, *refused[:_MOST_REFUSALS], *_summed_up(refused[_MOST_REFUSALS:]))


def _summed_up(refused: Sequence[Refused]) -> Iterator[Refused]:
    for reason, count in Counter(each.reason for each in refused).items():
        message = f"{count} more elements of the record"
        first = next(each for each in refused if each.reason is reason)
        yield replace(first, field_path="", message=message)


def _headers_are_sane(headers: tuple[tuple[str, bytes], ...]) -> bool:
    size = sum(len(name) + len(value or b"") for name, value in headers)
    return len(headers) <= _MOST_HEADERS and size <= _MOST_HEADER_BYTES
