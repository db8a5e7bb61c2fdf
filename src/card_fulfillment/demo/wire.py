"""Messages as issuer, bureau and courier send them, for the demo's cards."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple

import orjson

from card_fulfillment.demo.story import Input, Step
from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.batch import RecordClass

_SITE: Final = "DXB1"
_RIYADH: Final = timedelta(hours=3)  # ahead of UTC: the courier's clock
_PENDING: Final = frozenset({"PERSO_REQUESTED", "DATA_OK", "PERSO_READY", "PERSO_ONGOING"})

Body = dict[str, Any]


class When(NamedTuple):
    """A day of the play and a time of that day."""

    day: int
    time: str


class Scan(NamedTuple):
    """Of the courier, in its own code."""

    when: When
    code: str


@dataclass(frozen=True, slots=True)
class Plastic:
    """A card: its id at the issuer, and what the bureau calls each piece that it makes of it."""

    card_id: str
    attempt: int = 1

    @property
    def handle(self) -> str:
        piece = self.card_id if self.attempt == 1 else f"{self.card_id}/{self.attempt}"
        digits = sha256(piece.encode()).hexdigest()
        return "-".join(digits[i : i + 4] for i in range(0, 16, 4))

    @property
    def issuer_ref(self) -> str:
        return f"emb_{sha256(self.handle.encode()).hexdigest()[:8].upper()}"

    @property
    def tracking_number(self) -> str:
        return f"447{int(sha256(self.issuer_ref.encode()).hexdigest(), 16) % 10**8:08d}"


@dataclass(frozen=True, slots=True)
class Wire:
    """Writes messages; `begins` is midnight of day 0."""

    begins: datetime

    def at(self, when: When) -> str:
        return self._moment(when).isoformat().replace("+00:00", "Z")

    def _moment(self, when: When) -> datetime:
        hour, minute = when.time.split(":")
        return self.begins + timedelta(days=when.day, hours=int(hour), minutes=int(minute))

    def created(self, card: Plastic, when: When, **more: object) -> Step:
        """`more`: fields of the message."""
        body = {
            "event_id": f"evt_{card.card_id}_created",
            "occurred_at": self.at(when),
            "card_id": card.card_id,
            "card_product_id": "travel-gold",
            "card_type": "PHYSICAL",
            "labels": {"programme": "travel", "region": "ae"},
        }
        return step(Input.CARD_CREATED, when.day, card.card_id, body | more)

    def ordered(self, card: Plastic, when: When, method: str = "express", *listed: Body) -> Step:
        """`listed`: references beside the bureau's own."""
        body = {
            "event_id": f"evt_{card.card_id}_ordered_{card.attempt}",
            "occurred_at": self.at(when),
            "embossing_request_id": card.issuer_ref,
            "card_id": card.card_id,
            "attempt": card.attempt,
            "vendor_id": "meridian",
            "references": [
                {"kind": "card", "value": card.handle},
                {"kind": "issuer_ref", "value": card.issuer_ref},
                *listed,
            ],
            "shipping": {"method": method},
        }
        return step(Input.EMBOSSING_REQUESTED, when.day, card.card_id, body)

    def pushed(self, card: Plastic, day: int, *notifications: Body) -> Step:
        """One push of the bureau; its key is the bureau's name for the card."""
        return step(Input.MERIDIAN, day, card.handle, {"notifications": list(notifications)})

    def said(self, card: Plastic, when: When, state: str) -> Step:
        return self.pushed(card, when.day, self.notification(card, when, state))

    def notification(
        self, card: Plastic, when: When, state: str, shipment: Body | None = None
    ) -> Body:
        time = self.at(when)
        pending = state in _PENDING
        detail: Body = {"state": state, "site": _SITE}
        return {
            "opId": f"op-{card.issuer_ref[4:].lower()}",
            "op": "PRODUCE",
            "outcome": "PENDING" if pending else "SUCCESSFUL",
            "startedAt": time,
            **({} if pending else {"endedAt": time}),
            "card": card.handle,
            "issuerRef": card.issuer_ref,
            "detail": detail | ({"shipment": shipment} if shipment else {}),
        }

    def shipped(self, card: Plastic, when: When) -> Step:
        """Handed to the courier, whose tracking number is known at once."""
        shipment = _shipment(card)
        return self.pushed(card, when.day, self.notification(card, when, "SHIPPED", shipment))

    def scanned(
        self, card: Plastic, shipped: When, scan: str, when: When, day: int | None = None
    ) -> Step:
        """A scan of the courier, which Meridian adds to its SHIPPED; pushed on `day`."""
        shipment = _shipment(card) | {"status": scan, "at": self.at(when)}
        notification = self.notification(card, shipped, "SHIPPED", shipment)
        return self.pushed(card, when.day if day is None else day, notification)

    def snapshot(self, card: Plastic, day: int, reason: str, *scans: Scan) -> Step:
        """All that the courier has scanned of the card's parcel, the newest first."""
        body = {
            "waybillNo": card.tracking_number,
            "reference": card.issuer_ref,
            "reason": reason,
            "receivedBy": None,
            "scans": [{"code": code, **self._of_the_courier(when)} for when, code in scans],
        }
        return step(Input.SAHRA, day, card.tracking_number, body)

    def _of_the_courier(self, when: When) -> Body:
        local = self._moment(when) + _RIYADH
        return {"date": f"{local:%d-%b-%Y}", "time": f"{local:%H:%M}"}


def quarantined(day: int, key: str, value: bytes, *refused: tuple[RefusalReason, str]) -> Step:
    """A push of the bureau of which something cannot be applied."""
    return Step(
        day=day,
        topic=Input.MERIDIAN,
        key=key,
        value=value,
        becomes=RecordClass.QUARANTINED,
        refused=refused,
    )


def push(*notifications: Body) -> bytes:
    return orjson.dumps({"notifications": notifications})


def plastics(first: int) -> Iterator[Plastic]:
    """Cards numbered from `first` on."""
    number = first
    while True:
        yield Plastic(f"card-{number}")
        number += 1


def step(topic: Input, day: int, key: str, body: Body) -> Step:
    return Step(day=day, topic=topic, key=key, value=orjson.dumps(body))


def _shipment(card: Plastic) -> Body:
    return {
        "carrier": "aramex",
        "trackingNumber": card.tracking_number,
        "trackingUrl": f"https://track.example/{card.tracking_number}",
    }
