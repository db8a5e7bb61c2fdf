"""What stories leave to chance: times, precisions, what facts bring."""

from random import Random
from typing import Final

from builders import hour
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Attribute, AttributeValue, Order, ParcelRole
from card_fulfillment.domain.status import Reason, Status

# Hours from what a fact is about: mostly near, and both sides of every edge of the rules.
_NEAR: Final = (0, 0.5, 1, 2, 3, 5, 8, 12, 24, 25, 30, 47, 48, 60)
_EDGES: Final = (-73, -72, -71, -24, -1, 71, 72, 73, 96, 167, 168, 169, 240, 241, 4320, 4321)
STATES: Final = tuple(Status)[2:]
PRECISIONS: Final = (Precision.SECOND, Precision.SECOND, Precision.DAY, Precision.UNKNOWN)
REASONS: Final = (None, None, Reason.BAD_ADDRESS, Reason.DAMAGED)
_ROLES: Final = tuple(ParcelRole)
_EVENT_IDS: Final = (None, None, None, None, "e1", "e2")


def hours(rng: Random, edges: float = 0.25) -> float:
    """`edges`: how often it is far away."""
    return rng.choice(_NEAR if rng.random() >= edges else _EDGES)


def hours_after(rng: Random, order: Order, edges: float = 0.25) -> float:
    """Hours of a time that is some way from when the order was given."""
    return (order.fact.stated - hour(0)) / (hour(1) - hour(0)) + hours(rng, edges)


def event_id(rng: Random, precision: Precision) -> str | None:
    """Some that two facts may have in common; of timed facts others than of untimed ones."""
    found = rng.choice(_EVENT_IDS)
    return found and f"{found}-untimed" if precision is Precision.UNKNOWN else found


def role(rng: Random, outbound: float = 0.8) -> ParcelRole:
    """`outbound`: how often it is that, where not by chance."""
    return rng.choice(_ROLES) if rng.random() > outbound else ParcelRole.OUTBOUND


def how_often_outbound(rng: Random) -> float:
    """Of all parcels of a story: mostly, or in a story of many letters and ways back."""
    return rng.choice((0.8, 0.8, 0.3))


def brought(rng: Random) -> dict[Attribute, AttributeValue]:
    names = (Attribute.TRACKING_NUMBER, Attribute.CARRIER, Attribute.TRACKED)
    values: list[AttributeValue] = [rng.choice("NM"), rng.choice("pq"), rng.random() < 0.5]
    return {n: v for n, v in zip(names, values, strict=True) if rng.random() < 0.2}


def method(rng: Random) -> dict[Attribute, AttributeValue]:
    tracked = rng.choice((None, True, False))
    method: dict[Attribute, AttributeValue] = {Attribute.METHOD: rng.choice(("letter", "parcel"))}
    return method if tracked is None else method | {Attribute.TRACKED: tracked}
