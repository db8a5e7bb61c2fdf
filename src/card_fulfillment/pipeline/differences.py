"""What is stored of a bulk issuance against what it was counted to be, in sentences."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import singledispatch
from itertools import islice
from typing import Any, Final, NamedTuple

from card_fulfillment.domain.bulk import Bulk, Common, RollUp, roll_up
from card_fulfillment.domain.claims import Claim
from card_fulfillment.domain.discrepancies import Discrepancy
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.parcels import Parcel, Reports, Said
from card_fulfillment.domain.registers import Register
from card_fulfillment.messages.bulk_event import discrepancy_event
from card_fulfillment.messages.bulk_event_models import MOST_DISCREPANCIES, MOST_PARCELS
from card_fulfillment.pipeline.recount import Recount

_FEW: Final = 5
_CARDS: Final = "its cards"
_FACTS: Final = "its facts"


class Columns(NamedTuple):
    """What a bulk's row repeats for those who ask the table."""

    total: int | None
    announced: int
    status: str | None
    attempt: int


@dataclass(frozen=True, slots=True)
class StoredBulk:
    """A bulk as it is stored.

    columns: null: it has no row. versions: how many are in the outbox. last: the event of the
    newest.
    """

    bulk: Bulk
    columns: Columns | None
    versions: int
    last: Mapping[str, Any] | None


def differences(stored: StoredBulk, recount: Recount) -> Iterator[str]:
    bulk, counted = stored.bulk, recount.bulk()
    yield from _of_members(bulk, counted)
    for wrong, cards in recount.strays.items():
        few = ", ".join(cards[:_FEW])
        yield f"{len(cards)} of {recount.members} members, such as {few}: {wrong}"
    yield from _of_what_is_said(bulk.said, counted.said)
    yield from _of_numbers(bulk, recount.numbers)
    yield from _of_columns(stored)
    yield from _of_roll_up(bulk, counted)
    yield from _of_events(stored)


def _of_members(stored: Bulk, counted: Bulk) -> Iterator[str]:
    for member in sorted({**stored.counts, **counted.counts}):
        what = f"members {member.status} in attempt {member.attempt}"
        number = stored.counts.get(member, 0), counted.counts.get(member, 0)
        yield from _unlike(what, *number, _CARDS)
    yield from _unlike("greatest serial", stored.greatest_serial, counted.greatest_serial, _CARDS)
    yield from _unlike("serials taken twice", stored.taken_twice, counted.taken_twice, _CARDS)
    one, other = stored.common or Common(None, {}), counted.common or Common(None, {})
    yield from _unlike("product that all have", one.product, other.product, _CARDS)
    yield from _unlike("labels that all have", one.labels, other.labels, _CARDS)


def _of_what_is_said(stored: Said, counted: Said) -> Iterator[str]:
    for name in ("attempt", "claim", "registers"):
        yield from _unlike(f"{name} of all of it", *_both(stored, counted, name), _FACTS)
    for name in _fields_of(Reports):
        what = f"{name} that vendors report"
        yield from _unlike(what, *_both(stored.reports, counted.reports, name), _FACTS)
    for reference in sorted({**stored.parcels, **counted.parcels}):
        one, other = stored.parcels.get(reference), counted.parcels.get(reference)
        yield from _of_parcel(f"parcel {reference.value} of {reference.vendor}", one, other)


def _of_parcel(what: str, stored: Parcel | None, counted: Parcel | None) -> Iterator[str]:
    if stored is None or counted is None:
        yield f"{what}: " + ("it is not stored" if counted else "none of its facts speaks of it")
        return
    for name in _fields_of(Parcel):
        yield from _unlike(f"{what}: its {name}", *_both(stored, counted, name), _FACTS)


def _of_numbers(stored: Bulk, numbers: Sequence[int]) -> Iterator[str]:
    for what, number in (
        ("of a fact", max(numbers, default=0)),
        ("up to which all is spread", stored.spread_number),
        ("below which members fold everything anew", stored.reset_number),
    ):
        if number > stored.last_number:
            yield f"the number {what} is {number}, the last one given is {stored.last_number}"


def _of_columns(stored: StoredBulk) -> Iterator[str]:
    bulk, columns = stored.bulk, stored.columns
    if columns is None:
        yield "it has cards or facts, and no row of its own"
        return
    status = bulk.told.status if bulk.told else None
    meant = Columns(bulk.total, bulk.announced, status, bulk.said.attempt)
    for name in Columns._fields:
        yield from _unlike(f"column {name}", *_both(columns, meant, name), "the rest of the row")


def _of_roll_up(stored: Bulk, counted: Bulk) -> Iterator[str]:
    """What was published last, against what it comes to; counts may wait for the next tick."""
    if not counted.counts:
        return
    now = roll_up(counted)
    if stored.told is None:
        yield "it has members, and nothing is published of it"
        return
    waiting = {"counts", "announced", "total"} if stored.dirty else set()
    for name in RollUp._fields:
        if name not in waiting:
            what = f"{name} as published last"
            yield from _unlike(what, *_both(stored.told, now, name), "its members and facts")


def _of_events(stored: StoredBulk) -> Iterator[str]:
    version, told, last = stored.bulk.version, stored.bulk.told, stored.last
    if stored.versions != version:
        yield f"{stored.versions} versions are in the outbox, the last one is {version}"
    if told is None or last is None:
        return
    for name, value in _as_published(version, told).items():
        seen = last[name] if name != "parcels" else list(map(_of_event, last[name]))
        yield from _unlike(f"{name} as published last", value, seen, "the last event")


_Told = tuple[str, str, str | None]


def _of_event(parcel: Mapping[str, Any]) -> _Told:
    return parcel["vendor"], parcel["reference"], parcel["status"]


def _as_published(version: int, told: RollUp) -> dict[str, object]:
    """What the event of a roll-up says of it."""
    parcels: Iterator[_Told] = ((r.vendor, r.value, s) for r, s in told.parcels.items())
    return {
        "version": version,
        "fulfillment_status": told.status,
        "attempt": told.attempt,
        "total": told.total,
        "announced": told.announced,
        "counts": told.counts,
        "is_partial": told.is_partial,
        "final": told.final,
        "exceptions": told.exceptions,
        "parcels": list(islice(parcels, MOST_PARCELS)),
        "discrepancies": list(map(discrepancy_event, told.discrepancies[:MOST_DISCREPANCIES])),
    }


def _fields_of(kind: type[Parcel | Reports]) -> list[str]:
    return [field.name for field in fields(kind)]


def _both(one: object, other: object, name: str) -> tuple[object, object]:
    return getattr(one, name), getattr(other, name)


def _unlike(what: str, stored: object, counted: object, by: str) -> Iterator[str]:
    if stored != counted:
        yield f"{what}: {_words(stored)} is stored, {_words(counted)} by {by}"


@singledispatch
def _words(value: object) -> str:
    return "nothing" if value is None else str(value)


@_words.register
def _(value: Claim) -> str:
    return f"{value.key.status} (fact {value.key.fact_id.hex()})"


@_words.register
def _(value: Register) -> str:
    return str(value.value)


@_words.register
def _(value: Reference) -> str:
    return value.value


@_words.register
def _(value: Discrepancy) -> str:
    return value.name


@_words.register
def _(value: bytes) -> str:
    return value.hex()


@_words.register(Mapping)
def _(value: Mapping[object, object]) -> str:
    return ", ".join(f"{_words(k)} {_words(v)}" for k, v in value.items()) or "nothing"


@_words.register(tuple)
@_words.register(list)
@_words.register(frozenset)
def _(value: Collection[object]) -> str:
    return f"[{', '.join(map(_words, value))}]" if value else "nothing"
