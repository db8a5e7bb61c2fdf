"""What stories have in common: a card is made, is on its way, arrives; what is told of it then."""

from typing import Final

from card_fulfillment.demo.story import Step, Told
from card_fulfillment.demo.wire import Plastic, When, Wire
from card_fulfillment.domain.status import Status

HANDOVER: Final = When(2, "15:10")

PRODUCED: Final = tuple(
    Told(status)
    for status in (
        Status.CREATED,
        Status.ORDERED,
        Status.ACCEPTED,
        Status.IN_PRODUCTION,
        Status.PRODUCED,
    )
)
SHIPPED: Final = (*PRODUCED, Told(Status.SHIPPED))
IN_TRANSIT: Final = (*SHIPPED, Told(Status.IN_TRANSIT))
LAST_MILE: Final = (*IN_TRANSIT, Told(Status.OUT_FOR_DELIVERY))
DELIVERED: Final = (*LAST_MILE, Told(Status.DELIVERED))


def production(wire: Wire, card: Plastic, method: str = "express") -> tuple[Step, ...]:
    """Announced, ordered and made: days 0 to 2."""
    return (
        wire.created(card, When(0, "09:00")),
        wire.ordered(card, When(0, "09:02"), method),
        wire.said(card, When(0, "10:28"), "DATA_OK"),
        wire.said(card, When(1, "06:15"), "PERSO_ONGOING"),
        wire.said(card, When(2, "11:40"), "PERSO_DONE"),
    )


def until_transit(wire: Wire, card: Plastic) -> tuple[Step, ...]:
    """And on its way: day 3."""
    return (
        *production(wire, card),
        wire.shipped(card, HANDOVER),
        wire.scanned(card, HANDOVER, "InTransit", When(3, "04:51")),
    )


def until_last_mile(wire: Wire, card: Plastic) -> tuple[Step, ...]:
    """And out for delivery: day 4."""
    return (
        *until_transit(wire, card),
        wire.scanned(card, HANDOVER, "OutForDelivery", When(4, "08:20")),
    )


def until_delivered(wire: Wire, card: Plastic) -> tuple[Step, ...]:
    return (
        *until_last_mile(wire, card),
        wire.scanned(card, HANDOVER, "Delivered", When(4, "11:47")),
    )
