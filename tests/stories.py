"""Random stories of a few cards: what is said of them, and how it reaches the worker.

The key space is tiny, so that everything collides: cards announced late, twice or never, reorders,
several vendors, letters of several cards, waybills that facts name, days and unknown times,
duplicates, event ids used twice for different things.

Left out, because this version leaves them for later:
- BULK: what is said of a whole bulk issuance, by an order or by a fact, and a bulk's own state;
- UNTIMED_COPIES: copies of an untimed fact with a trusted id that differ in their timestamps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from builders import Sent, announcement, fact, hour, order, order_no, own_id, sent, waybill
from card_fulfillment.domain.facts import (
    Announcement,
    Attribute,
    AttributeValue,
    Fact,
    Order,
    Precision,
    Reference,
    Statement,
)
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.messages.envelope import Ignored, RefusalReason, Refused
from card_fulfillment.pipeline.batch import Element

CARDS: Final = ("c1", "c2", "c3", "c4")
# Hours from what a fact is about: mostly near, and both sides of every edge of the rules.
_NEAR: Final = (0, 0.5, 1, 2, 3, 5, 8, 12, 24, 25, 30, 47, 48, 60)
_EDGES: Final = (-73, -72, -71, -24, -1, 71, 72, 73, 96, 167, 168, 169, 240, 241, 4320, 4321)
_STATES: Final = tuple(Status)[2:]


def statements(rng: Random) -> list[Statement]:
    """All that is said in a story, in no order; some of it contradicts."""
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
        at = created + _hours(rng) + 40 * (attempt - 1)
        event_id = rng.choice((None, None, None, f"{card_id}-order"))
        yield order(
            card_id,
            at,
            *sorted(references),
            attempt=attempt,
            vendor=vendor,
            event_id=event_id,
            attributes=_method(rng),
        )


def _method(rng: Random) -> dict[Attribute, AttributeValue]:
    tracked = rng.choice((None, True, False))
    method: dict[Attribute, AttributeValue] = {Attribute.METHOD: rng.choice(("letter", "parcel"))}
    return method if tracked is None else method | {Attribute.TRACKED: tracked}


def _facts(rng: Random, cards: Sequence[str], orders: Sequence[Order]) -> Iterable[Fact]:
    for _ in range(rng.randint(0, 12)):
        about = rng.choice(orders) if orders else order(rng.choice(cards))
        references = _references(rng, cards, about)
        at = (about.fact.stated - hour(0)) / (hour(1) - hour(0)) + _hours(rng)
        precision = rng.choice(_PRECISIONS)
        names = [waybill(rng.choice("vw"))] if rng.random() < 0.3 else []
        yield fact(
            rng.choice(_STATES) if rng.random() < 0.9 else None,
            at,
            *references,
            event_id=rng.choice(_EVENT_IDS) if precision is not Precision.UNKNOWN else None,
            precision=precision,
            names=names,
            attributes=_brought(rng),
            reason=rng.choice((None, None, Reason.BAD_ADDRESS, Reason.DAMAGED)),
        )


_PRECISIONS: Final = (Precision.SECOND, Precision.SECOND, Precision.DAY, Precision.UNKNOWN)
_EVENT_IDS: Final = (None, None, None, None, "e1", "e2")


def _references(rng: Random, cards: Sequence[str], about: Order) -> list[Reference]:
    known = about.references or (order_no("nobody's"),)
    one = (
        rng.choice(known),
        rng.choice(known),
        own_id(rng.choice(("alpha", "beta")), rng.choice(cards)),
        waybill(rng.choice("vw")),
        order_no(rng.choice(("shared", "shared", "nobody's"))),
    )
    return list(dict.fromkeys(rng.choice(one) for _ in range(rng.choice((1, 1, 2)))))


def _brought(rng: Random) -> dict[Attribute, AttributeValue]:
    names = (Attribute.TRACKING_NUMBER, Attribute.CARRIER, Attribute.TRACKED)
    values: list[AttributeValue] = [rng.choice("NM"), rng.choice("pq"), rng.random() < 0.5]
    return {n: v for n, v in zip(names, values, strict=True) if rng.random() < 0.2}


def _hours(rng: Random) -> float:
    return rng.choice(_NEAR if rng.random() < 0.75 else _EDGES)


# How it arrives


def deliveries(rng: Random, told: Sequence[Statement]) -> list[list[Sent]]:
    """Cut into batches what is said: shuffled, doubled, over partitions, with things of no use."""
    records = [_record(rng, [each]) for each in _copied(rng, told)]
    records += [_record(rng, [_useless(rng)]) for _ in range(rng.choice((0, 0, 1, 2)))]
    rng.shuffle(records)
    if rng.random() < 0.3:
        topics = rng.sample(_TOPICS, len(_TOPICS))
        records.sort(key=lambda r: topics.index(r.topic))
    return cut(rng, _merged(rng, records))


_TOPICS: Final = ("announcements", "orders", "tracking")


def _record(rng: Random, elements: Sequence[Element]) -> Sent:
    match elements[0]:
        case Announcement():
            topic = _TOPICS[0]
        case Order():
            topic = _TOPICS[1]
        case _:
            topic = _TOPICS[2]
    return sent(*elements, topic=topic, partition=rng.randint(0, 1))


def _copied(rng: Random, told: Sequence[Statement]) -> Iterable[Statement]:
    for each in told:
        yield each
        while rng.random() < 0.2:
            yield _copy(rng, each)


def _copy(rng: Random, statement: Statement) -> Statement:
    """A copy that comes in a record of another time."""
    later = hour(rng.choice((0, 1, 24))) - hour(0)
    if not isinstance(statement, Fact):
        stated = statement.fact
        return replace(statement, fact=replace(stated, received_at=stated.received_at + later))
    if statement.precision is Precision.UNKNOWN:
        return statement
    return replace(statement, received_at=statement.received_at + later)


def _useless(rng: Random) -> Element:
    if rng.random() < 0.5:
        return Ignored("test_notification")
    return Refused(RefusalReason.MALFORMED, "a.b", "not a thing")


def _merged(rng: Random, records: Iterable[Sent]) -> list[Sent]:
    """Messages of a vendor with several elements."""
    merged: list[Sent] = []
    for each in records:
        before = merged[-1] if merged else None
        if before and before.topic == each.topic == _TOPICS[2] and rng.random() < 0.3:
            merged[-1] = before._replace(elements=before.elements + each.elements)
        else:
            merged.append(each)
    return merged


def cut(rng: Random, records: Sequence[Sent]) -> list[list[Sent]]:
    most = rng.choice((1, 3, 8, len(records) or 1))
    batches: list[list[Sent]] = []
    taken = 0
    while taken < len(records):
        size = rng.randint(1, most)
        batches.append(list(records[taken : taken + size]))
        taken += size
    return batches
