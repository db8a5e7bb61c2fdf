"""The stories that are told, in the order in which they are told."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from card_fulfillment.demo.branch_order import branch_order
from card_fulfillment.demo.crowd import crowd
from card_fulfillment.demo.passages import (
    DELIVERED,
    HANDOVER,
    IN_TRANSIT,
    LAST_MILE,
    PRODUCED,
    SHIPPED,
    production,
    until_delivered,
    until_last_mile,
)
from card_fulfillment.demo.second_cards import ordered_anew, replaced
from card_fulfillment.demo.story import Ending, Play, Story, Told
from card_fulfillment.demo.wire import Plastic, Scan, When, Wire, plastics, push, quarantined
from card_fulfillment.domain.journey import ChangeKind
from card_fulfillment.domain.status import Status
from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.batch import RecordClass

DAYS: Final = 9
_FIRST_CARD: Final = 1001
_FIRST_OF_THE_CROWD: Final = 2001


def play(begins: datetime) -> Play:
    """Everything that happens; `begins` is a midnight, nine days and more ago."""
    wire = Wire(begins)
    cards = plastics(_FIRST_CARD)
    told = (
        _as_it_should_be(wire, next(cards)),
        _vendor_first(wire, next(cards)),
        _repeated(wire, next(cards)),
        _late_scan(wire, next(cards)),
        _tracking_number_later(wire, next(cards)),
        _unknown_word(wire, next(cards)),
        _one_broken(wire, next(cards), next(cards), next(cards)),
        _nobody_home(wire, next(cards)),
        _came_back(wire, next(cards)),
        _letter(wire, next(cards)),
        _bad_data(wire, next(cards)),
        ordered_anew(wire, next(cards)),
        replaced(wire, next(cards), next(cards)),
        _told_by_the_courier(wire, next(cards)),
    )
    return Play(begins, (*told, *branch_order(wire), *crowd(wire, plastics(_FIRST_OF_THE_CROWD))))


def _delivered(card: Plastic, told: tuple[Told, ...] = DELIVERED) -> Ending:
    return Ending(told=told, final=True, tracking_number=card.tracking_number)


def _as_it_should_be(wire: Wire, card: Plastic) -> Story:
    return Story(
        title="A journey as it should be",
        moral="One event for each change, numbered from 1: a subscriber needs nothing else.",
        steps=until_delivered(wire, card),
        endings={card.card_id: _delivered(card)},
    )


def _vendor_first(wire: Wire, card: Plastic) -> Story:
    """The bureau's notices come first, then the order, and the card's announcement last."""
    created, ordered, *made = production(wire, card)
    early = [replace(step, day=2, becomes=RecordClass.PARKED) for step in made]
    return Story(
        title="Tracking comes before the card is known",
        moral="Three notices and the order waited; then all was told, in the right order.",
        steps=(
            *early,
            replace(ordered, day=3, becomes=RecordClass.PARKED),
            replace(created, day=4),
            replace(wire.shipped(card, HANDOVER), day=5),
            wire.scanned(card, HANDOVER, "InTransit", When(5, "04:51")),
        ),
        endings={card.card_id: Ending(told=IN_TRANSIT, tracking_number=card.tracking_number)},
    )


def _repeated(wire: Wire, card: Plastic) -> Story:
    *before, done = production(wire, card)
    return Story(
        title="The bureau repeats itself",
        moral="The same statement is the same fact: counted, and never told again.",
        steps=(
            *before,
            done,
            replace(done, day=3, becomes=RecordClass.DUPLICATE),
            replace(done, day=6, becomes=RecordClass.DUPLICATE),
            replace(wire.shipped(card, When(6, "15:10"))),
        ),
        endings={
            card.card_id: Ending(
                told=SHIPPED, tracking_number=card.tracking_number, copies={"PERSO_DONE": 3}
            )
        },
    )


def _late_scan(wire: Wire, card: Plastic) -> Story:
    return Story(
        title="A scan that comes a day late",
        moral="A scan of day 4 comes on day 6, long overtaken: history, and no event.",
        steps=(
            *until_last_mile(wire, card),
            wire.scanned(card, HANDOVER, "AvailableForPickup", When(3, "22:10"), day=5),
            wire.scanned(card, HANDOVER, "Delivered", When(6, "10:05")),
        ),
        endings={card.card_id: replace(_delivered(card), late=("SHIPPED/AvailableForPickup",))},
    )


def _tracking_number_later(wire: Wire, card: Plastic) -> Story:
    handover = When(3, "07:30")
    return Story(
        title="The tracking number comes later",
        moral="Same status, new tracking number: an update, for an app to show the link.",
        steps=(
            *production(wire, card),
            wire.said(card, HANDOVER, "SHIPPED"),
            wire.shipped(card, handover),
            wire.scanned(card, handover, "InTransit", When(4, "05:00")),
        ),
        endings={
            card.card_id: Ending(
                told=(
                    *SHIPPED,
                    Told(Status.SHIPPED, ChangeKind.UPDATE),
                    Told(Status.IN_TRANSIT),
                ),
                tracking_number=card.tracking_number,
            )
        },
    )


def _unknown_word(wire: Wire, card: Plastic) -> Story:
    unknown = push(wire.notification(card, When(2, "16:00"), "QC_HOLD"))
    return Story(
        title="A word that nobody has explained",
        moral="An unknown code is never guessed at: it is put aside, and the card goes on.",
        steps=(
            *production(wire, card),
            quarantined(
                3,
                card.handle,
                unknown,
                (RefusalReason.UNMAPPED_CODE, "notifications[0].detail.state"),
            ),
            wire.shipped(card, When(4, "15:10")),
        ),
        endings={card.card_id: Ending(told=SHIPPED, tracking_number=card.tracking_number)},
    )


def _one_broken(wire: Wire, first: Plastic, broken: Plastic, last: Plastic) -> Story:
    """Three cards in one push, the second without a usable time; then bytes that are no JSON."""
    done = [
        wire.notification(each, When(2, "11:40"), "PERSO_DONE") for each in (first, broken, last)
    ]
    done[1]["endedAt"] = "yesterday"
    ordered = [step for each in (first, broken, last) for step in production(wire, each)[:-1]]
    made = Ending(told=PRODUCED)
    return Story(
        title="One broken notice among good ones",
        moral="Each notice fares alone: its neighbours are applied, the broken one is kept.",
        steps=(
            *ordered,
            quarantined(
                2, broken.handle, push(*done), (RefusalReason.MALFORMED, "notifications[1].endedAt")
            ),
            quarantined(3, broken.handle, push(done[1])[:-40], (RefusalReason.MALFORMED, "")),
        ),
        endings={
            first.card_id: made,
            broken.card_id: Ending(told=PRODUCED[:-1]),
            last.card_id: made,
        },
    )


def _nobody_home(wire: Wire, card: Plastic) -> Story:
    return Story(
        title="Nobody at home, then delivered",
        moral="A failed attempt says what to do about it; the next one ends the story.",
        steps=(
            *until_last_mile(wire, card),
            wire.scanned(card, HANDOVER, "AttemptFail", When(4, "12:30")),
            wire.scanned(card, HANDOVER, "OutForDelivery", When(5, "08:05")),
            wire.scanned(card, HANDOVER, "Delivered", When(5, "13:15")),
        ),
        endings={
            card.card_id: _delivered(
                card,
                (
                    *LAST_MILE,
                    Told(Status.DELIVERY_EXCEPTION, ChangeKind.REGRESSION),
                    Told(Status.OUT_FOR_DELIVERY),
                    Told(Status.DELIVERED),
                ),
            )
        },
    )


def _told_by_the_courier(wire: Wire, card: Plastic) -> Story:
    created, _, *made = production(wire, card)
    name = {"vendor_id": "sahra", "kind": "reference", "value": card.issuer_ref}
    failed = Scan(When(4, "12:30"), "006")
    under_way = (Scan(When(4, "08:20"), "002"), Scan(When(3, "04:51"), "009"))
    snapshot = wire.snapshot(card, 4, "R-14", failed, *under_way)
    return Story(
        title="The courier tells all of it each time",
        moral="A snapshot, the newest scan first: told scan by scan in order, with the reason.",
        steps=(
            created,
            wire.ordered(card, When(0, "09:02"), "express", name),
            *made,
            wire.said(card, HANDOVER, "SHIPPED"),
            snapshot,
            replace(snapshot, day=5, becomes=RecordClass.DUPLICATE),
        ),
        endings={
            card.card_id: Ending(
                told=(*LAST_MILE, Told(Status.DELIVERY_EXCEPTION, ChangeKind.REGRESSION)),
                tracking_number=card.tracking_number,
                copies={"006": 2, "002": 2, "009": 2},
            )
        },
    )


def _came_back(wire: Wire, card: Plastic) -> Story:
    return Story(
        title="Delivered, and returned all the same",
        moral="What was told is taken back by a correction, which says what to do now.",
        steps=(*until_delivered(wire, card), wire.said(card, When(8, "09:30"), "RETURNED")),
        endings={
            card.card_id: _delivered(
                card, (*DELIVERED, Told(Status.RETURNED, ChangeKind.CORRECTION))
            )
        },
    )


def _letter(wire: Wire, card: Plastic) -> Story:
    return Story(
        title="A letter that nobody tracks",
        moral="Shipped is final here: nothing more will ever be heard of it.",
        steps=(
            *production(wire, card, method="standard"),
            wire.said(card, HANDOVER, "SHIPPED"),
        ),
        endings={card.card_id: Ending(told=SHIPPED, final=True)},
    )


def _bad_data(wire: Wire, card: Plastic) -> Story:
    return Story(
        title="Data that the bureau cannot use",
        moral="The reason is coded, and so is what to do.",
        steps=(
            *production(wire, card)[:2],
            wire.said(card, When(0, "10:28"), "DATA_EXCEPTION"),
        ),
        endings={
            card.card_id: Ending(
                told=(Told(Status.CREATED), Told(Status.ORDERED), Told(Status.REJECTED)),
                final=True,
            )
        },
    )
