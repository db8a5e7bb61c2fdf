"""Random stories of one bulk issuance, or two: whatever is said of it, its parcels and its members.

The key space is tiny here too: serials past the size, taken twice or missing, sizes that differ,
reorders of the bulk and of members by name, ranges, boxes that several lines fill, cartons,
waybills on boxes, rejections by name and by range, what the issuer itself states, numbers given to
cards and bulks alike.
"""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Final

from builders import announcement, box_no, fact, order, order_no, own_id, sized, waybill
from card_fulfillment.domain.facts import Announcement, Fact, Order, Statement
from card_fulfillment.domain.naming import Reference, bulk_issuance
from card_fulfillment.domain.status import Status
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

MEMBERS: Final = ("c1", "c2", "m3", "m4", "m5", "m6")
_BULKS: Final = ("b1", "b1", "b1", "b1", "b2")
_SERIALS: Final = (None, 1, 1, 2, 2, 3, 3, 4, 5)
_SIZES: Final = (None, None, 3, 3, 3, 4)
_SELDOM: Final = 0.3
_LATER: Final = 40  # hours between the orders of two attempts


def bulk_statements(rng: Random) -> list[Statement]:
    """All that is said in a story, in no order; some of it contradicts."""
    told: list[Statement] = []
    for card_id in MEMBERS[: rng.choice((0, 1, 2, 3, 3, 4, 5, 6))]:
        told += _announcements(rng, card_id)
    orders = [*_orders(rng), *_orders_by_name(rng)]
    about = orders or [order(bulk_issuance("b1"))]
    outbound = how_often_outbound(rng)
    return [*told, *orders, *(_fact(rng, about, outbound) for _ in range(rng.randint(1, 14)))]


def _announcements(rng: Random, card_id: str) -> Iterable[Announcement]:
    if rng.random() < 0.05:
        return
    at = rng.choice((0, 0, 1, 30, 100))
    bulk = rng.choice((*_BULKS, *_BULKS, None))
    serial = None if bulk is None else rng.choice(_SERIALS)
    announced = announcement(card_id, at, bulk=bulk, serial=serial)
    yield announced if bulk is None else sized(announced, rng.choice(_SIZES))
    if rng.random() < 0.1:
        again = announcement(card_id, at + 1, bulk=bulk, serial=serial)
        yield again if bulk is None else sized(again, rng.choice(_SIZES))
    if rng.random() < 0.05:
        yield announcement(card_id, at + 2, bulk="b2", product="silver")


def _orders(rng: Random) -> Iterable[Order]:
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3))):
        bulk, attempt = rng.choice(_BULKS), rng.choice((1, 1, 1, 2, 2, 3))
        vendor = rng.choice(("alpha", "alpha", "alpha", "beta"))
        values = (bulk, bulk, bulk, f"{bulk}-{attempt}", "shared")
        references = {order_no(rng.choice(values), vendor) for _ in range(rng.choice((0, 1, 1, 2)))}
        if rng.random() < 0.1:
            references.add(rng.choice((waybill("v"), box_no("x"))))
        ordered = order(
            bulk_issuance(bulk),
            hours(rng, edges=0.1) + _LATER * (attempt - 1),
            *sorted(references),
            attempt=attempt,
            vendor=vendor,
            attributes=method(rng),
        )
        yield sized(ordered, rng.choice(_SIZES))


def _orders_by_name(rng: Random) -> Iterable[Order]:
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        member, attempt = rng.choice(MEMBERS), rng.choice((1, 2))
        values = (member, member, "b1", "shared")
        references = {order_no(rng.choice(values)) for _ in range(rng.choice((0, 1)))}
        at = hours(rng) + _LATER * (attempt - 1)
        yield order(member, at, *references, attempt=attempt, attributes=method(rng))


def _fact(rng: Random, orders: Sequence[Order], outbound: float) -> Fact:
    about = rng.choice(orders)
    precision = rng.choice(PRECISIONS)
    references, said = _told_by(rng, about)
    return fact(
        _status(rng),
        hours_after(rng, about, edges=0.05),
        *dict.fromkeys(references),
        event_id=event_id(rng, precision),
        precision=precision,
        attributes=brought(rng),
        reason=rng.choice(REASONS),
        parcel_role=role(rng, outbound),
        **said,
    )


def _status(rng: Random) -> Status | None:
    stopped = (Status.REJECTED, Status.CANCELLED)
    return rng.choice((rng.choice(STATES), rng.choice(STATES), rng.choice(stopped), None))


def _told_by(rng: Random, about: Order) -> tuple[list[Reference], dict[str, Any]]:
    """Which references a fact is found by, and what it says beside its status."""
    whole = _order_reference(rng, about)
    by_name = own_id(rng.choice(("alpha", "alpha", "beta", "issuer")), rng.choice(MEMBERS))
    parcel = _parcel(rng)
    line = {"names": _parcels(rng), "carton": _carton(rng)}
    kinds: Sequence[tuple[list[Reference], dict[str, Any]]] = (
        ([whole], {}),
        ([whole], {"serials": _serials(rng)}),
        ([whole], {"serials": _serials(rng)}),
        ([whole], line),
        ([whole], line),
        ([whole], {**line, "serials": _serials(rng)}),
        ([whole], {**line, "serials": _serials(rng)}),
        ([parcel], {}),
        ([parcel], {}),
        ([parcel, _parcel(rng)], line if rng.random() < _SELDOM else {}),
        ([box_no(rng.choice("xy"))], {"names": [waybill(rng.choice("vw"))]}),
        ([box_no(rng.choice("xy"))], {**line, "carton": None}),
        ([parcel], {"serials": _serials(rng)}),
        ([whole, parcel], line if rng.random() < _SELDOM else {}),
        ([by_name], {}),
        ([by_name, rng.choice((whole, parcel))], line if rng.random() < _SELDOM else {}),
        ([order_no(rng.choice((*MEMBERS, "nobody's")))], {}),
    )
    references, said = rng.choice(kinds)
    if rng.random() < 0.1:
        said = {**said, "quantity": rng.randint(1, 5)}
    return references, said


def _order_reference(rng: Random, about: Order) -> Reference:
    others = (order_no("shared"), order_no("b1"), own_id("alpha", "b1"), own_id("issuer", "b1"))
    return rng.choice((*about.references * 3, rng.choice(others)))


def _parcel(rng: Random) -> Reference:
    return rng.choice((box_no("x"), box_no("y"), waybill("v"), waybill("w")))


def _parcels(rng: Random) -> list[Reference]:
    return list(dict.fromkeys(_parcel(rng) for _ in range(rng.choice((1, 1, 2)))))


def _serials(rng: Random) -> tuple[int, int]:
    first = rng.randint(1, 5)
    return first, first + rng.choice((0, 0, 1, 2, 4))


def _carton(rng: Random) -> tuple[int, int | None] | None:
    return rng.choice((None, None, (1, 1), (1, 2), (2, 2), (2, 3), (1, None)))
