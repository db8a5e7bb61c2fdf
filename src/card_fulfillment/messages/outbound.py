"""What the worker publishes: events of cards and bulks, dead letters; encoded for the outbox."""

from typing import Final

import orjson

from card_fulfillment.domain.bulk import Bulk, BulkChange
from card_fulfillment.domain.facts import CardIdentity
from card_fulfillment.domain.journey import Change
from card_fulfillment.messages.bulk_event import BULK_EVENT, bulk_event
from card_fulfillment.messages.card_event import CARD_EVENT, card_event, card_event_id
from card_fulfillment.messages.dead_letter import DeadLetter, dead_letter_event
from card_fulfillment.messages.envelope import Outgoing
from card_fulfillment.messages.times import iso_utc

DEAD_LETTER: Final = "fulfillment-dead-letter.v1"


def schema_file(event_type: str) -> str:
    return f"{event_type}.schema.json"


class Encoder:
    """Bytes and headers of what is published. Times are microseconds since the Unix epoch, UTC.

    source: ce_source of every event. schema_base: the URL below which the schema files are.
    """

    def __init__(self, source: str, schema_base: str) -> None:
        self._source = source
        self._schema_base = schema_base.rstrip("/")

    def card(self, card: CardIdentity, change: Change, recorded_at: int) -> Outgoing:
        recorded = iso_utc(recorded_at)
        event_id = card_event_id(card.card_id, change.version)
        headers = self._headers(CARD_EVENT, event_id, card.card_id, recorded)
        if change.cause.traceparent is not None:
            headers["traceparent"] = change.cause.traceparent
        event = card_event(card, change, event_id, recorded)
        return Outgoing(card.card_id, orjson.dumps(headers).decode(), event)

    def bulk(self, bulk_id: str, bulk: Bulk, change: BulkChange, recorded_at: int) -> Outgoing:
        event = bulk_event(bulk_id, bulk, change, iso_utc(recorded_at))
        headers = self._headers(BULK_EVENT, event["event_id"], bulk_id, event["recorded_at"])
        if change.because.cause.traceparent is not None:
            headers["traceparent"] = change.because.cause.traceparent
        return _outgoing(bulk_id, headers, event)

    def dead_letter(self, letter: DeadLetter, recorded_at: int) -> Outgoing:
        event = dead_letter_event(letter, recorded_at)
        key = letter.message_key
        headers = self._headers(DEAD_LETTER, letter.dead_letter_id, key, event["recorded_at"])
        return _outgoing(key, headers, event)

    def _headers(self, kind: str, event_id: str, key: str, recorded_at: str) -> dict[str, str]:
        return {
            "ce_specversion": "1.0",
            "ce_id": event_id,
            "ce_type": kind,
            "ce_source": self._source,
            "ce_subject": key,
            "ce_time": recorded_at,
            "ce_dataschema": f"{self._schema_base}/{schema_file(kind)}",
            "content-type": "application/json",
        }


def _outgoing(key: str, headers: dict[str, str], event: object) -> Outgoing:
    return Outgoing(key, orjson.dumps(headers).decode(), orjson.dumps(event))
