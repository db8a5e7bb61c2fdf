"""Headers of what is published: the outbox has what differs, the rest is the same for a kind."""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from card_fulfillment.messages.bulk_event import BULK_EVENT
from card_fulfillment.messages.card_event import CARD_EVENT

DEAD_LETTER: Final = "fulfillment-dead-letter.v1"

Header = tuple[str, bytes]


def schema_file(event_type: str) -> str:
    return f"{event_type}.schema.json"


def dump_headers(kind: str, event_id: str, recorded_at: str, context: str | None = None) -> str:
    """What `Headers.of` reads: a JSON array. Kinds, ids of events and times need no escaping."""
    traced = "" if context is None else f",{orjson.dumps(context).decode()}"
    return f'["{kind}","{event_id}","{recorded_at}"{traced}]'


class Headers:
    """source: ce_source of every event. schema_base: the URL below which the schema files are."""

    def __init__(self, source: str, schema_base: str) -> None:
        base = schema_base.rstrip("/")
        self._same: Mapping[str, Sequence[Header]] = {
            kind: _same_of_all(kind, source, f"{base}/{schema_file(kind)}")
            for kind in (CARD_EVENT, BULK_EVENT, DEAD_LETTER)
        }

    def of(self, key: str | None, stored: str) -> list[Header]:
        """All headers, of what `dump_headers` wrote; an object has all of them in it already."""
        said = orjson.loads(stored)
        if isinstance(said, dict):  # as it was written before revision 0003 of the schema
            return [(name, value.encode()) for name, value in said.items()]
        kind, event_id, recorded_at, *context = said
        return [
            *self._same[kind],
            ("ce_id", event_id.encode()),
            ("ce_subject", (key or "").encode()),
            ("ce_time", recorded_at.encode()),
            *[("traceparent", each.encode()) for each in context],
        ]


def _same_of_all(kind: str, source: str, schema: str) -> Sequence[Header]:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_type", kind.encode()),
        ("ce_source", source.encode()),
        ("ce_dataschema", schema.encode()),
        ("content-type", b"application/json"),
    )
