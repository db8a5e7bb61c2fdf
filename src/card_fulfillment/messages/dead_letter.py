"""What could not be applied, and why: a row of the quarantine and a message of its own topic."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Self

import orjson

from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.files import FileName
from card_fulfillment.messages.envelope import Record, RefusalReason, Refused
from card_fulfillment.messages.event_models import DeadLetterEvent, Raw
from card_fulfillment.messages.identity import uuid5
from card_fulfillment.messages.times import LATEST_RECORD, iso_utc

# Larger ones are not published: the broker might refuse the message, and the row has them.
MOST_VALUE_BYTES: Final = 65_536
MOST_KEY_BYTES: Final = 256
# A larger value is not stored: nobody has looked through it for card numbers.
MOST_KEPT_BYTES: Final = 1_048_576
MOST_TEXT: Final = 500
# Card numbers may be in the whole of it.
_NOT_LOOKED_AT: Final = frozenset({RefusalReason.CARD_DATA, RefusalReason.WORKER_DIED})
# A record's value and headers -> what may be kept of the value; null: nothing.
Mask = Callable[[bytes, Mapping[str, bytes]], bytes | None]


def alert_path(fact: Fact) -> str:
    """Where an alert's field path points to: to the fact itself."""
    return f"fact:{fact.fact_id.hex()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record, or an element of one, in quarantine.

    dead_letter_id: UUIDv5 of where and what, the same however often the record is read.
    record_timestamp: microseconds since the Unix epoch, cut to the years 1970 to 2100.
    sha256: hex, of the record's value (of no bytes where it is null).
    key, value, headers: as they were; none where the record had none or they may hold card data.
    """

    dead_letter_id: str
    reason: RefusalReason
    field_path: str
    message: str
    vendor: str | None
    mapping_version: str | None
    topic: str
    partition: int
    offset: int
    record_timestamp: int
    sha256: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    @classmethod
    def of(cls, record: Record, refused: Refused, mask: Mask | None = None) -> Self:
        """mask: what may be kept of a value, where that is not all of it."""
        path = _encodable(refused.field_path)
        where = (record.topic, record.partition, record.offset, path, refused.reason)
        secret = refused.reason in _NOT_LOOKED_AT
        return cls(
            dead_letter_id=uuid5("dead_letter:" + orjson.dumps(where).decode()),
            reason=refused.reason,
            field_path=_storable(path),
            message=_storable(refused.message),
            vendor=refused.vendor,
            mapping_version=refused.mapping_version,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            record_timestamp=min(max(record.timestamp, 0), LATEST_RECORD),
            sha256=sha256(record.value or b"").hexdigest(),
            key=None if secret else record.key,
            value=None if secret else _kept(record, mask),
            headers=() if secret else record.headers,
        )

    @classmethod
    def about(
        cls, fact: Fact, reason: RefusalReason, message: str, key: bytes | None = None
    ) -> Self:
        """An alert: the fact is stored and waits, and somebody should know why.

        It has no bytes: what the record said is in the fact.
        """
        cause = fact.cause
        record = Record(cause.topic, cause.partition, cause.offset, fact.received_at, key, None)
        path = alert_path(fact)
        return cls.of(record, Refused(reason, path, message, fact.vendor, fact.mapping_version))

    @classmethod
    def of_file(cls, file: FileName, said: Refused, record: Record, what: Sequence[object]) -> Self:
        """An alert about a file as a whole: `what` is found is its identity, not the record."""
        identity = orjson.dumps(what, default=tuple).decode()  # named tuples are arrays
        letter = cls.of(record, said)
        return replace(
            letter, dead_letter_id=uuid5(f"file_alert:{identity}"), key=file.name.encode()
        )

    @property
    def message_key(self) -> str:
        """The record's key where that is short text, so that they stay together; else the place."""
        text = _text(self.key) if self.key and len(self.key) <= MOST_KEY_BYTES else None
        if text and text.isprintable():
            return text
        return f"{self.topic}:{self.partition}:{self.offset}"


def _kept(record: Record, mask: Mask | None) -> bytes | None:
    if record.value is not None and len(record.value) > MOST_KEPT_BYTES:
        return None
    if mask is None or record.value is None:
        return record.value
    return mask(record.value, dict(record.headers))


def dead_letter_event(letter: DeadLetter, recorded_at: int) -> DeadLetterEvent:
    return {
        "dead_letter_id": letter.dead_letter_id,
        "reason": letter.reason,
        "field_path": letter.field_path,
        "message": letter.message,
        "vendor": letter.vendor,
        "mapping_version": letter.mapping_version,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "record_timestamp": iso_utc(letter.record_timestamp),
        "recorded_at": iso_utc(recorded_at),
        "sha256": letter.sha256,
        "key": _raw(letter.key, MOST_KEY_BYTES),
        "value": _raw(letter.value, MOST_VALUE_BYTES),
    }


def _storable(text: str) -> str:
    """Text that Postgres takes, whatever a message put into it."""
    return _encodable(text[:MOST_TEXT]).replace("\0", "?")


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()


def _raw(data: bytes | None, most: int) -> Raw | None:
    if data is None or len(data) > most:
        return None
    text = _text(data)
    if text is None:
        return {"encoding": "base64", "data": b64encode(data).decode()}
    return {"encoding": "utf-8", "data": text}


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
