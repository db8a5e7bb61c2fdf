"""Stories of cards that are made a second time: under the same id, and under another."""

from dataclasses import replace
from typing import Final

from card_fulfillment.demo.passages import (
    DELIVERED,
    HANDOVER,
    IN_TRANSIT,
    until_delivered,
    until_transit,
)
from card_fulfillment.demo.story import Ending, Story, Told
from card_fulfillment.demo.wire import Plastic, When, Wire
from card_fulfillment.domain.journey import ChangeKind
from card_fulfillment.domain.status import Status

_MADE_AGAIN: Final = (
    Told(Status.ORDERED, ChangeKind.REISSUE),
    Told(Status.ACCEPTED),
    Told(Status.PRODUCED),
    Told(Status.SHIPPED),
)
_REPLACEMENT: Final = (Status.CREATED, Status.ORDERED, Status.PRODUCED, Status.SHIPPED)


def ordered_anew(wire: Wire, card: Plastic) -> Story:
    """A second order while the first letter is still under way: that one arrives, too late."""
    again = replace(card, attempt=2)
    return Story(
        title="Ordered anew while the first one is still on its way",
        moral="A reissue begins attempt 2; what still comes of the first attempt is history.",
        steps=(
            *until_transit(wire, card),
            wire.ordered(again, When(5, "09:30")),
            wire.said(again, When(5, "11:00"), "DATA_OK"),
            wire.scanned(card, HANDOVER, "OutForDelivery", When(6, "08:10")),
            wire.said(again, When(7, "10:45"), "PERSO_DONE"),
            wire.scanned(card, HANDOVER, "Delivered", When(7, "12:20")),
            wire.shipped(again, When(8, "15:00")),
        ),
        endings={
            card.card_id: Ending(
                told=(*IN_TRANSIT, *_MADE_AGAIN),
                tracking_number=again.tracking_number,
                late=("SHIPPED/OutForDelivery", "SHIPPED/Delivered"),
            )
        },
    )


def replaced(wire: Wire, old: Plastic, new: Plastic) -> Story:
    """A card comes back and is replaced by one of another id."""
    return Story(
        title="Returned, and replaced by another card",
        moral="A replacement is a card of its own; each of its events names the one before it.",
        steps=(
            *until_delivered(wire, old),
            wire.said(old, When(5, "16:40"), "RETURNED"),
            wire.created(new, When(6, "09:00"), reference_card_id=old.card_id),
            wire.ordered(new, When(6, "09:01")),
            wire.said(new, When(7, "10:45"), "PERSO_DONE"),
            wire.shipped(new, When(8, "15:00")),
        ),
        endings={
            old.card_id: Ending(
                told=(*DELIVERED, Told(Status.RETURNED, ChangeKind.CORRECTION)),
                final=True,
                tracking_number=old.tracking_number,
            ),
            new.card_id: Ending(
                told=tuple(map(Told, _REPLACEMENT)),
                tracking_number=new.tracking_number,
                replaces=old.card_id,
            ),
        },
    )
