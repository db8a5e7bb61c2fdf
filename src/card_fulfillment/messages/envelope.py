"""A Kafka record as the rest of the worker sees it, and what it can give beside statements."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from card_fulfillment.domain.value import Value


class Record(Value):
    """timestamp: microseconds since the Unix epoch (Kafka keeps milliseconds).

    A null value is a tombstone.
    """

    __match_args__ = ("topic", "partition", "offset", "timestamp", "key", "value", "headers")

    def __init__(  # noqa: PLR0913, PLR0917 - one for each field
        self,
        topic: str,
        partition: int,
        offset: int,
        timestamp: int,
        key: bytes | None,
        value: bytes | None,
        headers: tuple[tuple[str, bytes], ...] = (),
    ) -> None:
        self.topic: Final = topic
        self.partition: Final = partition
        self.offset: Final = offset
        self.timestamp: Final = timestamp
        self.key: Final = key
        self.value: Final = value
        self.headers: Final = headers


class RefusalReason(StrEnum):
    """Why a record, or an element of it, is in quarantine."""

    TOO_LARGE = "too_large"
    EMPTY = "empty"
    MALFORMED = "malformed"
    CARD_DATA = "card_data"
    UNMAPPED_CODE = "unmapped_code"
    FUTURE_TIME = "future_time"
    EVENT_ID_CONFLICT = "event_id_conflict"
    CARD_CONFLICT = "card_conflict"
    REFERENCE_CONFLICT = "reference_conflict"
    VENDOR_MISMATCH = "vendor_mismatch"
    PARKING_DEADLINE = "parking_deadline"
    READER_FAILED = "reader_failed"
    APPLYING_FAILED = "applying_failed"
    WORKER_DIED = "worker_died"
    VENDOR_ALERT = "vendor_alert"
    FILE_TOTAL_MISMATCH = "file_total_mismatch"
    FILE_LINES_MISSING = "file_lines_missing"
    FILE_LINE_CONFLICT = "file_line_conflict"
    FILE_TRAILER_MISSING = "file_trailer_missing"
    FILE_GAP = "file_gap"


@dataclass(frozen=True, slots=True)
class Refused:
    """To quarantine. `message` is for people and never quotes the payload beyond a bounded code."""

    reason: RefusalReason
    field_path: str
    message: str
    vendor: str | None = None
    mapping_version: str | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Understood and of no interest (a virtual card, a test notification): counted, not stored.

    path: where in the message, "" is all of it. Path and why are told to who writes a profile.
    """

    path: str
    why: str


class Outgoing(Value):
    """What is published: key, headers (as `messages.headers` reads them) and value."""

    __match_args__ = ("key", "headers", "value")

    def __init__(self, key: str | None, headers: str, value: bytes) -> None:
        self.key: Final = key
        self.headers: Final = headers
        self.value: Final = value
