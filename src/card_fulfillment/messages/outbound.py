"""What the worker publishes: events of cards and bulks, dead letters; encoded for the outbox."""

from typing import Final

import orjson

from card_fulfillment.domain.bulk import Bulk, BulkChange
from card_fulfillment.domain.facts import CardIdentity, Cause
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
        self._same = {
            kind: _same_of_all(kind, source, f"{schema_base.rstrip('/')}/{schema_file(kind)}")
            for kind in (CARD_EVENT, BULK_EVENT, DEAD_LETTER)
        }

    def card(self, card: CardIdentity, change: Change, recorded_at: int) -> Outgoing:
        recorded = iso_utc(recorded_at)
        event_id = card_event_id(card.card_id, change.version)
        headers = self._headers(CARD_EVENT, event_id, card.card_id, recorded, change.cause)
        return Outgoing(card.card_id, headers, card_event(card, change, event_id, recorded))

    def bulk(self, bulk_id: str, bulk: Bulk, change: BulkChange, recorded_at: int) -> Outgoing:
        recorded = iso_utc(recorded_at)
        event = bulk_event(bulk_id, bulk, change, recorded)
        cause = change.because.cause
        headers = self._headers(BULK_EVENT, event["event_id"], bulk_id, recorded, cause)
        return Outgoing(bulk_id, headers, orjson.dumps(event))

    def dead_letter(self, letter: DeadLetter, recorded_at: int) -> Outgoing:
        event = dead_letter_event(letter, recorded_at)
        key = letter.message_key
        headers = self._headers(DEAD_LETTER, letter.dead_letter_id, key, event["recorded_at"])
        return Outgoing(key, headers, orjson.dumps(event))

    def _headers(
        self, kind: str, event_id: str, key: str, recorded_at: str, cause: Cause | None = None
    ) -> str:
        """A JSON object. Ids of events and times need no escaping."""
        context = cause.traceparent if cause else None
        traced = "" if context is None else f',"traceparent":{orjson.dumps(context).decode()}'
        subject = orjson.dumps(key).decode()
        varying = f'"ce_id":"{event_id}","ce_subject":{subject},"ce_time":"{recorded_at}"{traced}'
        return f"{self._same[kind]},{varying}}}"


def _same_of_all(kind: str, source: str, schema: str) -> str:
    """The headers that all events of a kind have, as the beginning of a JSON object."""
    headers = {
        "ce_specversion": "1.0",
        "ce_type": kind,
        "ce_source": source,
        "ce_dataschema": schema,
        "content-type": "application/json",
    }
    return orjson.dumps(headers).decode().removesuffix("}")
