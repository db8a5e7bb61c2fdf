"""What the worker publishes: events of cards and bulks, dead letters; encoded for the outbox."""

from functools import lru_cache

import orjson

from card_fulfillment.domain.bulk import Bulk, BulkChange
from card_fulfillment.domain.facts import CardIdentity
from card_fulfillment.domain.journey import Change
from card_fulfillment.messages.bulk_event import BULK_EVENT, bulk_event
from card_fulfillment.messages.card_event import CARD_EVENT, card_event, card_event_id
from card_fulfillment.messages.dead_letter import DeadLetter, dead_letter_event
from card_fulfillment.messages.envelope import Outgoing
from card_fulfillment.messages.headers import DEAD_LETTER, dump_headers
from card_fulfillment.messages.times import iso_utc


@lru_cache(maxsize=8)  # a batch is recorded at one time
def _recorded(at: int) -> str:
    return iso_utc(at)


class Encoder:
    """Bytes and headers of what is published. Times are microseconds since the Unix epoch, UTC."""

    def card(self, card: CardIdentity, change: Change, recorded_at: int) -> Outgoing:
        recorded = _recorded(recorded_at)
        event_id = card_event_id(card.card_id, change.version)
        headers = dump_headers(CARD_EVENT, event_id, recorded, change.cause.traceparent)
        return Outgoing(card.card_id, headers, card_event(card, change, event_id, recorded))

    def bulk(self, bulk_id: str, bulk: Bulk, change: BulkChange, recorded_at: int) -> Outgoing:
        recorded = _recorded(recorded_at)
        event = bulk_event(bulk_id, bulk, change, recorded)
        context = change.because.cause.traceparent
        headers = dump_headers(BULK_EVENT, event["event_id"], recorded, context)
        return Outgoing(bulk_id, headers, orjson.dumps(event))

    def dead_letter(self, letter: DeadLetter, recorded_at: int) -> Outgoing:
        event = dead_letter_event(letter, recorded_at)
        headers = dump_headers(DEAD_LETTER, letter.dead_letter_id, event["recorded_at"])
        return Outgoing(letter.message_key, headers, orjson.dumps(event))
