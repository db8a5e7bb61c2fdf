"""What an outbox has and what Kafka shows of it, the same until a test makes them differ."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any, Final

import orjson

from card_fulfillment.messages.bulk_event import BULK_EVENT, bulk_event_id
from card_fulfillment.messages.card_event import CARD_EVENT, card_event_id
from card_fulfillment.messages.envelope import Record
from card_fulfillment.messages.headers import DEAD_LETTER, Headers, dump_headers
from card_fulfillment.pipeline.audit import Before, LedgerRow

LANES: Final = {0: 11, 1: 12}
HEADERS: Final = Headers("urn:test", "https://schemas.invalid")
STATUSES: Final = ("created", "ordered", "accepted", "shipped", "delivered", "returned")
AT: Final = "2026-03-01T08:00:00.000Z"


def partition_of(key: str | None) -> int:
    return len(key or "") % len(LANES)


class Published:
    """What Kafka has and what the outbox has, the same until a test makes them differ."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.outbox: dict[tuple[int, int], LedgerRow] = {}
        self._said: dict[str, tuple[int, Before]] = {}
        self._seqs = dict.fromkeys(LANES, 0)

    def say(self, key: str, *, bulk: bool = False, **other: Any) -> None:  # noqa: ANN401 - what an event has in it
        """Publish the next version; `other` is in the event instead of what should be."""
        version, before = self._said.get(key, (0, None))
        version += 1
        name, id_of = ("bulk_issuance", bulk_event_id) if bulk else ("card", card_event_id)
        event = {
            "event_id": id_of(key, version),
            "subject": name,
            f"{name}_id": key,
            "version": version,
            "fulfillment_status": STATUSES[version % len(STATUSES)],
            "previous_fulfillment_status": before.status if before else None,
            "supersedes": id_of(key, version - 1) if version % len(STATUSES) == 5 else None,
        }
        row = self._put(key, BULK_EVENT if bulk else CARD_EVENT, event | other, version, before)
        self._said[key] = version, Before(*row, str(event["fulfillment_status"]))

    def complain(self, key: str | None) -> None:
        """Publish a dead letter."""
        self._put(key, DEAD_LETTER, {"reason": "malformed"}, None, None)

    def _put(
        self,
        key: str | None,
        kind: str,
        event: Mapping[str, object],
        version: int | None,
        before: Before | None,
    ) -> tuple[int, int]:
        partition, value = partition_of(key), orjson.dumps(event)
        seq = self._seqs[partition] = self._seqs[partition] + 1
        lane = LANES[partition]
        headers = dump_headers(kind, str(event.get("event_id", f"letter {seq}")), AT)
        digest = hashlib.sha256(value).digest()
        self.outbox[lane, seq] = LedgerRow(seq, key, headers, digest, version, before)
        self.records.append(
            Record(
                "output",
                partition,
                2 * seq,  # a marker follows each
                0,
                None if key is None else key.encode(),
                value,
                (
                    *HEADERS.of(key, headers),
                    ("lane", str(lane).encode()),
                    ("seq", str(seq).encode()),
                ),
            )
        )
        return lane, seq

    async def rows(self, lane: int, seqs: Collection[int]) -> Mapping[int, LedgerRow]:
        return {seq: self.outbox[lane, seq] for seq in seqs if (lane, seq) in self.outbox}

    def last_seqs(self) -> Mapping[int, int]:
        return dict(self._seqs)
