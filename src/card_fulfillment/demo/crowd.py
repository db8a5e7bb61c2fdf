"""The other cards: thirty that go their way in the background, each as far as chance has it."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from card_fulfillment.demo.story import Ending, Step, Story, Told
from card_fulfillment.demo.wire import Plastic, When, Wire
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.batch import RecordClass

_SIZE: Final = 30
_SEED: Final = 18
# State or scan, and the status that it means; a day each, from the day of the order on.
_WAY: Final = (
    ("DATA_OK", Status.ACCEPTED),
    ("PERSO_ONGOING", Status.IN_PRODUCTION),
    ("PERSO_DONE", Status.PRODUCED),
    ("SHIPPED", Status.SHIPPED),
    ("InTransit", Status.IN_TRANSIT),
    ("OutForDelivery", Status.OUT_FOR_DELIVERY),
    ("Delivered", Status.DELIVERED),
)
_STATES: Final = 4
_PICKUP: Final = ("AvailableForPickup", Status.AVAILABLE_FOR_PICKUP)
_CANCELLED: Final = ("CANCELED", Status.CANCELLED)


def crowd(wire: Wire, cards: Iterator[Plastic]) -> Sequence[Story]:
    """Also one virtual card, which is none of our business."""
    chance = Random(_SEED)  # noqa: S311 - the same at every run, and no secret
    ordinary = [_ordinary(wire, next(cards), chance) for _ in range(_SIZE)]
    return [*ordinary, _virtual(wire, next(cards))]


def _ordinary(wire: Wire, card: Plastic, chance: Random) -> Story:
    first_day = chance.choice((0, 0, 1))
    way = _way(chance)
    steps = [
        wire.created(card, When(first_day, "08:15")),
        wire.ordered(card, When(first_day, "08:45"), chance.choice(("express", "registered"))),
        *_steps(wire, card, way, first_day),
    ]
    statuses = (Status.CREATED, Status.ORDERED, *(status for _, status in way))
    ending = Ending(
        told=tuple(map(Told, statuses)),
        final=statuses[-1] in (Status.DELIVERED, Status.CANCELLED),
        tracking_number=card.tracking_number if Status.SHIPPED in statuses else None,
    )
    return Story(steps=tuple(steps), endings={card.card_id: ending})


def _way(chance: Random) -> Sequence[tuple[str, Status]]:
    dice = chance.random()
    if dice < 0.5:  # noqa: PLR2004 - half of them arrive
        return _WAY
    if dice < 0.6:  # noqa: PLR2004 - some have to be collected
        return (*_WAY[:5], _PICKUP)
    if dice < 0.7:  # noqa: PLR2004 - some are stopped
        return (*_WAY[:1], _CANCELLED)
    return _WAY[: chance.randint(1, len(_WAY) - 1)]


def _steps(
    wire: Wire, card: Plastic, way: Sequence[tuple[str, Status]], first_day: int
) -> Iterator[Step]:
    for number, (word, _) in enumerate(way):
        when = When(first_day + number, f"{9 + number}:30")
        handover = When(first_day + _STATES - 1, f"{8 + _STATES}:30")
        if word == "SHIPPED":
            yield wire.shipped(card, handover)
        elif word.isupper():
            yield wire.said(card, when, word)
        else:
            yield wire.scanned(card, handover, word, when)


def _virtual(wire: Wire, card: Plastic) -> Story:
    announced = wire.created(card, When(0, "08:15"), card_type="VIRTUAL")
    ignored = Step(
        day=announced.day,
        topic=announced.topic,
        key=announced.key,
        value=announced.value,
        becomes=RecordClass.IGNORED,
    )
    return Story(steps=(ignored,), endings={})
