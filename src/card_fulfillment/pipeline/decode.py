"""A record to its elements: the topic decides how it is read, never the payload."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from card_fulfillment.messages.dead_letter import MOST_KEPT_BYTES
from card_fulfillment.messages.envelope import Record, RefusalReason, Refused
from card_fulfillment.messages.pan_guard import PanGuard
from card_fulfillment.pipeline.batch import Decoded, Element

Reader = Callable[[Record], Iterable[Element]]

# Each becomes a dead letter with the whole record in it: a few hundred would fill the memory.
_MOST_REFUSALS: Final = 8
_MOST_COPIES_BYTES: Final = 65_536
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
        self._readers = dict(readers)
        self._guard = guard
        self._most_bytes = most_bytes
        self._vendors = vendors or {}

    def __call__(self, record: Record) -> Decoded:
        """Never raises: what cannot be read is refused."""
        try:
            refused = self._guarded(record) or self._refused_unread(record)
            if refused is not None:
                return Decoded(record, (self._of_vendor(record, refused),))
            elements = tuple(self._readers[record.topic](record))
            return Decoded(record, _bounded(elements, len(record.value or b"")))
        except Exception as error:  # noqa: BLE001 - a defect of a reader must not stop its partition
            message = f"the reader failed: {type(error).__name__}"
            return self.refused(record, RefusalReason.READER_FAILED, message)

    def refused(self, record: Record, reason: RefusalReason, message: str) -> Decoded:
        """The record as one that is refused as a whole, without reading it."""
        return Decoded(record, (self._of_vendor(record, Refused(reason, "", message)),))

    def _guarded(self, record: Record) -> Refused | None:
        """Where the guard itself fails nobody has looked for card numbers: nothing is kept.

        Nor is a value that is too large to be looked through: it is refused unread.
        """
        if record.value and len(record.value) > MOST_KEPT_BYTES:
            record = Record(
                record.topic,
                record.partition,
                record.offset,
                record.timestamp,
                record.key,
                None,
                record.headers,
            )
        try:
            return self._guard.refused(record)
        except Exception as error:  # noqa: BLE001 - as above
            message = f"the guard failed: {type(error).__name__}"
            return Refused(RefusalReason.CARD_DATA, "", message)

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


def _bounded(elements: tuple[Element, ...], size: int) -> tuple[Element, ...]:
    """The elements, with what is refused beyond the first few summed up, once for each reason.

    size: of the record's value, in bytes: each of them is kept with all of it.
    """
    most = max(1, min(_MOST_REFUSALS, _MOST_COPIES_BYTES // max(size, 1)))
    if len(elements) <= most:
        return elements
    refused = [each for each in elements if isinstance(each, Refused)]
    others = [each for each in elements if not isinstance(each, Refused)]
    return (*others, *refused[:most], *_summed_up(refused[most:]))


def _summed_up(refused: Sequence[Refused]) -> Iterator[Refused]:
    for reason, count in Counter(each.reason for each in refused).items():
        message = f"{count} more elements of the record"
        first = next(each for each in refused if each.reason is reason)
        yield replace(first, field_path="", message=message)


def _headers_are_sane(headers: tuple[tuple[str, bytes], ...]) -> bool:
    size = sum(len(name) + len(value or b"") for name, value in headers)
    return len(headers) <= _MOST_HEADERS and size <= _MOST_HEADER_BYTES
