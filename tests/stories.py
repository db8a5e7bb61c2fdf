"""Random stories of a few cards: what is said of them.

The key space is tiny, so that everything collides: cards announced late, twice or never, reorders,
several vendors, letters of several cards, parcels that facts name, in whatever role, days and
unknown times, duplicates, event ids used twice for different things, copies of untimed facts in
later records.
"""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Final

from builders import announcement, box_no, fact, order, order_no, own_id, waybill
from card_fulfillment.domain.facts import Announcement, Fact, Order, Statement
from card_fulfillment.domain.naming import Reference
from chance import (
    PRECISIONS,
    REASONS,
    STATES,
    brought,
    event_id,
    hours,
    hours_after,
    how_often_outbound,
    method,
    role,
)
from stories_bulk import bulk_statements

CARDS: Final = ("c1", "c2", "c3", "c4")


def statements(rng: Random) -> list[Statement]:
    """All that is said in a story of cards, of a bulk or of both, in no order.

    Some of it contradicts.
    """
    kind = rng.random()
    told: list[Statement] = []
    if kind < 0.6:
        told += card_statements(rng)
    if kind > 0.4:
        told += bulk_statements(rng)
    return told


def card_statements(rng: Random) -> list[Statement]:
    cards = CARDS[: rng.randint(1, len(CARDS))]
    told: list[Statement] = []
    orders: list[Order] = []
    for card_id in cards:
        created = rng.choice((0, 0, 1, 30, 100))
        told += _announcements(rng, card_id, created)
        orders += _orders(rng, card_id, created)
    return [*told, *orders, *_facts(rng, cards, orders)]


def _announcements(rng: Random, card_id: str, at: float) -> Iterable[Announcement]:
    if rng.random() < 0.1:
        return
    bulk, serial = rng.choice(((None, None), (None, None), ("b1", 1), ("b1", 2), ("b2", None)))
    yield announcement(card_id, at, bulk=bulk, serial=serial)
    if rng.random() < 0.1:
        yield announcement(card_id, at + 1, bulk=bulk, serial=serial)
    if rng.random() < 0.1:
        yield announcement(card_id, at + 2, product="silver")
    if rng.random() < 0.1:
        yield announcement(card_id, at, event_id=f"{card_id}@{at}", product="silver")


def _orders(rng: Random, card_id: str, created: float) -> Iterable[Order]:
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3))):
        attempt = rng.choice((1, 1, 1, 2, 2, 3))
        vendor = rng.choice(("alpha", "alpha", "beta"))
        values = (f"{card_id}-{attempt}", card_id, "shared")
        references = {order_no(rng.choice(values), vendor) for _ in range(rng.choice((0, 1, 2)))}
        if rng.random() < 0.2:
            references.add(waybill(rng.choice("vw")))
        at = created + hours(rng) + 40 * (attempt - 1)
        yield order(
            card_id,
            at,
            *sorted(references),
            attempt=attempt,
            vendor=vendor,
            event_id=rng.choice((None, None, None, f"{card_id}-order")),
            attributes=method(rng),
        )


def _facts(rng: Random, cards: Sequence[str], orders: Sequence[Order]) -> Iterable[Fact]:
    outbound = how_often_outbound(rng)
    for _ in range(rng.randint(0, 12)):
        about = rng.choice(orders) if orders else order(rng.choice(cards))
        precision = rng.choice(PRECISIONS)
        yield fact(
            rng.choice(STATES) if rng.random() < 0.9 else None,
            hours_after(rng, about),
            *_references(rng, cards, about),
            event_id=event_id(rng, precision),
            precision=precision,
            names=[_parcel(rng)] if rng.random() < 0.3 else [],
            attributes=brought(rng),
            reason=rng.choice(REASONS),
            parcel_role=role(rng, outbound),
        )


def _references(rng: Random, cards: Sequence[str], about: Order) -> list[Reference]:
    known = about.references or (order_no("nobody's"),)
    one = (
        rng.choice(known),
        rng.choice(known),
        own_id(rng.choice(("alpha", "beta", "issuer")), rng.choice(cards)),
        _parcel(rng),
        order_no(rng.choice(("shared", "shared", "nobody's"))),
    )
    return list(dict.fromkeys(rng.choice(one) for _ in range(rng.choice((1, 1, 2)))))


def _parcel(rng: Random) -> Reference:
    """Mostly a courier's; what is found by a box can name that one in turn."""
    return rng.choice((waybill(rng.choice("vw")), waybill(rng.choice("vw")), box_no("x")))
