"""Statements, records and batches in a few words; times in hours since a midnight, UTC."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeVar
from zlib import crc32

from card_fulfillment.domain.detail import Detail, Precision
from card_fulfillment.domain.facts import (
    DAY,
    HOUR,
    Announcement,
    Attributes,
    CardIdentity,
    Cause,
    Fact,
    Order,
)
from card_fulfillment.domain.files import FileLine, FileName
from card_fulfillment.domain.naming import Reference, Subject, card, own_reference
from card_fulfillment.domain.status import Status
from card_fulfillment.domain.value import Value
from card_fulfillment.domain.windows import Windows
from card_fulfillment.messages.envelope import Ignored, Outgoing, Record, Refused
from card_fulfillment.messages.headers import Headers
from card_fulfillment.messages.identity import digest
from card_fulfillment.messages.outbound import Encoder
from card_fulfillment.pipeline.batch import Batch, Decoded, Element, Move, Partition
from card_fulfillment.pipeline.publishing import Publishing

_START: Final = 20_520 * DAY
_CAUSE: Final = Cause(None, "built", 0, 0)
Sized = TypeVar("Sized", Announcement, Order)
V = TypeVar("V", bound=Value)
_LEVELS: Final = {"id": 0, "order_no": 0, "box_no": 1, "waybill": 32}


def altered(value: V, /, **changed: Any) -> V:  # noqa: ANN401 - any field of it
    """The same value, but for some of its fields."""
    return type(value)(**{n: getattr(value, n) for n in value.__match_args__} | changed)


def hour(hours: float) -> int:
    return _START + round(hours * HOUR)


def level_of(reference: Reference) -> int:
    """Order before box, both of a bureau, before the waybill of a courier."""
    return _LEVELS[reference.kind]


def order_no(value: str, vendor: str = "alpha") -> Reference:
    return Reference(vendor, "order_no", value)


def box_no(value: str, vendor: str = "alpha") -> Reference:
    return Reference(vendor, "box_no", value)


def waybill(value: str) -> Reference:
    return Reference("courier", "waybill", value)


def own_id(vendor: str, subject_id: str) -> Reference:
    return own_reference(vendor, subject_id)


_OF_DETAIL: Final = ("precision", "received_at", "reason", "evidence", "vendor", "code", "text")


def made(*, stated: int, **said: Any) -> Fact:  # noqa: ANN401 - any other field of a fact or its detail
    detail = Detail(stated, **{name: said.pop(name) for name in _OF_DETAIL if name in said})
    return Fact(detail=detail, **said)


def at_other_times(fact: Fact, stated: int, received_at: int) -> Fact:
    return altered(fact, detail=altered(fact.detail, occurred_at=stated, received_at=received_at))


def announcement(
    card_id: str,
    at: float = 0,
    *,
    event_id: str | None = None,
    bulk: str | None = None,
    serial: int | None = None,
    product: str = "gold",
) -> Announcement:
    """Announce a card; by default under an event id of its own for each time."""
    event_id = event_id or f"{card_id}@{at}"
    said = (card_id, at, bulk, serial, product)
    fact = made(
        fact_id=digest(("announcement", event_id)),
        content=digest(said),
        vendor=None,
        status=Status.CREATED,
        stated=hour(at),
        precision=Precision.SECOND,
        received_at=hour(at),
        cause=altered(_CAUSE, event_id=event_id),
    )
    identity = CardIdentity(
        card_id=card_id, card_product_id=product, bulk_issuance_id=bulk, serial_number=serial
    )
    return Announcement(fact=fact, card=identity)


def order(
    subject: str | Subject,
    at: float = 1,
    *references: Reference,
    attempt: int = 1,
    vendor: str = "alpha",
    event_id: str | None = None,
    attributes: Attributes | None = None,
) -> Order:
    """Request the embossing of a card (by its id) or of another subject."""
    subject = card(subject) if isinstance(subject, str) else subject
    said = ((subject.kind, subject.id), at, references, attempt, vendor, dict(attributes or {}))
    event_id = event_id or digest(repr(said).split()).hex()
    fact = made(
        fact_id=digest(("order", event_id)),
        content=digest(repr(said).split()),
        vendor=vendor,
        status=Status.ORDERED,
        stated=hour(at),
        precision=Precision.SECOND,
        received_at=hour(at),
        cause=altered(_CAUSE, event_id=event_id),
        attributes=attributes or {},
    )
    named = tuple(dict.fromkeys([*references, own_reference(vendor, subject.id)]))
    return Order(fact=fact, subject=subject, attempt=attempt, vendor=vendor, references=named)


def sized(statement: Sized, size: int | None) -> Sized:
    """The same, in another event, which names the number of cards of the bulk as well."""
    stated = statement.fact
    said = (stated.fact_id.hex(), size, stated.content.hex())
    fact = altered(stated, fact_id=digest(said[:2]), content=digest(said))
    return altered(statement, fact=fact, number_of_cards=size)


def fact(
    status: Status | None,
    at: float,
    *references: Reference,
    event_id: str | None = None,
    **said: Any,  # noqa: ANN401 - any other field of a fact
) -> Fact:
    """State something of whom the references mean; a day is cut to its first instant.

    names: references, their levels are filled in. received: hours, by default when it was stated.
    """
    precision = said.setdefault("precision", Precision.SECOND)
    received_at = hour(said.pop("received", at))
    stated = hour(at) // DAY * DAY if precision is Precision.DAY else hour(at)
    said["names"] = tuple((level_of(r), r) for r in said.get("names", ()))
    mentioned = (*references, *(name for _, name in said["names"]))
    said["parcels"] = tuple(r for r in dict.fromkeys(mentioned) if level_of(r) > 0)
    untimed = precision is Precision.UNKNOWN and event_id is not None  # copies may differ in time
    everything = repr((status, None if untimed else stated, references, sorted(said.items())))
    return made(
        fact_id=digest(("fact", event_id or everything)),
        content=digest(("fact", everything)),
        vendor=said.pop("vendor", references[0].vendor),
        status=status,
        stated=stated,
        received_at=received_at,
        cause=altered(_CAUSE, event_id=event_id),
        references=references,
        level=max(map(level_of, references)),
        **said,
    )


def file_line(
    line: int,
    reference: Reference | None = None,
    *,
    file: str = "f1",
    vendor: str = "alpha",
    at: float | None = None,
    **said: Any,  # noqa: ANN401 - any other field of a line
) -> FileLine:
    """A line of a file. said: sequence, quantity, total, with_trailer."""
    stated = None if at is None else hour(at)
    name = FileName(vendor, file)
    return FileLine(
        file=name,
        line=line,
        cause=_CAUSE,
        received_at=hour(0),
        reference=reference,
        stated=stated,
        **said,
    )


class Sent(NamedTuple):
    """A record before it is in a log: one or several elements, and where it goes."""

    topic: str
    partition: int
    elements: tuple[Element, ...]
    timestamp: int


def sent(*elements: Element, topic: str = "input", partition: int = 0, at: float = 0) -> Sent:
    return Sent(topic, partition, elements, hour(at))


class Log:
    """Input topics: gives records their offsets, with a hole now and then as Kafka does."""

    def __init__(self) -> None:
        self.ends: defaultdict[Partition, int] = defaultdict(int)

    def batch(self, records: Iterable[Sent], hole: int = 0) -> Batch:
        """Append the records and take them in one batch; `hole` offsets follow each of them."""
        decoded: list[Decoded] = []
        moves: dict[Partition, Move] = {}
        for each in records:
            where = Partition(each.topic, each.partition)
            record = self._record(each)
            expected = moves[where].expected if where in moves else self.ends[where]
            self.ends[where] = record.offset + 1 + hole
            moves[where] = Move(expected, self.ends[where], record)
            decoded.append(Decoded(record, tuple(_stamped(e, record) for e in each.elements)))
        return Batch(decoded, moves)

    def _record(self, each: Sent) -> Record:
        offset = self.ends[Partition(each.topic, each.partition)]
        value = f"{each.topic}/{each.partition}/{offset}".encode()
        return Record(each.topic, each.partition, offset, each.timestamp, b"key", value)


def _stamped(element: Element, record: Record) -> Element:
    """Tell each statement which record it came with."""
    match element:
        case Fact():
            return _caused_by(element, record)
        case Refused() | Ignored():
            return element
        case FileLine():
            return replace(element, cause=_cause(None, record))
        case _:
            return altered(element, fact=_caused_by(element.fact, record))


def _caused_by(fact: Fact, record: Record) -> Fact:
    return altered(fact, cause=_cause(fact.cause.event_id, record))


def _cause(event_id: str | None, record: Record) -> Cause:
    return Cause(event_id, record.topic, record.partition, record.offset)


STATUS_TOPIC: Final = "status"
DEAD_LETTERS: Final = "dead"
OUTPUT_PARTITIONS: Final = 2
LANES: Final[Sequence[tuple[str, int]]] = [
    (topic, partition)
    for topic in (STATUS_TOPIC, DEAD_LETTERS)
    for partition in range(OUTPUT_PARTITIONS)
]


HEADERS: Final = Headers("/issuer/cards", "https://schemas.example/fulfillment/")


def headers_of(out: Outgoing) -> dict[str, str]:
    """As they are published, but for lane and seq."""
    return {name: value.decode() for name, value in HEADERS.of(out.key, out.headers)}


def partition_of(_topic: str, key: str | None) -> int:
    return crc32((key or "").encode()) % OUTPUT_PARTITIONS


def publishing(*, updates: bool = True) -> Publishing:
    return Publishing(
        Encoder(),
        STATUS_TOPIC,
        DEAD_LETTERS,
        partition_of,
        updates=updates,
        masks={},
        windows=Windows(),
    )


NOW: Final = hour(10_000)
