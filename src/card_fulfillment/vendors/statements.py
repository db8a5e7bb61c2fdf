"""One statement of an element -> a fact: its code, whom it is about, what it brings, its id."""

from hashlib import blake2b
from typing import Final, TypeVar

from card_fulfillment.domain.facts import (
    DAY,
    Attribute,
    AttributeValue,
    Evidence,
    Fact,
    ParcelRole,
    Precision,
    Reference,
)
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.domain.value import Value
from card_fulfillment.vendors.codes import Sense, code_text
from card_fulfillment.vendors.conditions import NOTHING
from card_fulfillment.vendors.numbers import Read
from card_fulfillment.vendors.outcomes import Refusal
from card_fulfillment.vendors.record import Record
from card_fulfillment.vendors.rules import CompiledRule, Statement
from card_fulfillment.vendors.selectors import Scope, Unfit
from card_fulfillment.vendors.times import Stated

_HASH_BYTES: Final = 16
_ABSENT: Final = (None, "")
_T = TypeVar("_T")


class NoSubject(Unfit):
    """The element names nobody, so that none of its statements can be used."""


class Said(Value):
    """A code, null where the statement has none, and its sense. raw: as a part of identities."""

    __match_args__ = ("text", "raw", "sense")

    def __init__(self, text: str | None, raw: str, sense: Sense) -> None:
        self.text: Final = text
        self.raw: Final = raw
        self.sense: Final = sense


class Which(Value):
    """Which cards of a bulk, or how many. raw: as a part of identities."""

    __match_args__ = ("serials", "carton", "quantity", "raw")

    def __init__(
        self,
        serials: tuple[int, int] | None,
        carton: tuple[int, int | None] | None,
        quantity: int | None,
        raw: str,
    ) -> None:
        self.serials: Final = serials
        self.carton: Final = carton
        self.quantity: Final = quantity
        self.raw: Final = raw

    @property
    def is_some_of_many(self) -> bool:
        return self.serials is not None or self.carton is not None or self.quantity is not None


_ALL: Final = Which(None, None, None, "")


class Who(Value):
    """Whom an element is about. raw: the references as a part of identities."""

    __match_args__ = ("references", "level", "raw", "event_id", "parcels", "which")

    def __init__(
        self,
        references: tuple[Reference, ...],
        level: int,
        raw: str,
        event_id: str | None,
        parcels: tuple[Reference, ...],
        which: Which,
    ) -> None:
        self.references: Final = references
        self.level: Final = level
        self.raw: Final = raw
        self.event_id: Final = event_id
        self.parcels: Final = parcels
        self.which: Final = which


def said(statement: Statement, scope: Scope) -> Said | None:
    """Find the code's sense; null where the statement does not apply, Unfit where it is unknown."""
    for holds in statement.conditions:
        if not holds(scope):
            return None
    if statement.first is None:
        sense = statement.always
        return None if sense is None else Said(None, f"\0s{sense.entry}", sense)
    first = statement.first(scope)
    if first is None:
        raise Unfit(statement.code_selectors[-1], "no code")
    second = statement.second(scope) if statement.second is not None else None
    sense = _turned(statement, first, second, scope) if statement.turns else None
    sense = sense or statement.find(first, second)
    if sense is None:
        unknown = code_text(first, second)
        message = "the profile does not know the code"
        raise Unfit(statement.code_selectors[-1], message, Refusal.UNMAPPED_CODE, unknown)
    if second is None:
        return Said(first, f"\0c{first}", sense)
    return Said(f"{first}/{second}", f"\0c{first}\0d{second}", sense)


def _turned(statement: Statement, first: str, second: str | None, scope: Scope) -> Sense | None:
    """Find what the code means after what came before it, and keep what it changes itself."""
    happened = scope[-1]
    assert isinstance(happened, set)  # noqa: S101 - the walk puts it there for such rules
    turned = None
    for turn in statement.turns:
        if turned is None and id(turn) in happened:
            turned = turn.find(first, second)
        if turn.seen(first, second):
            happened.add(id(turn))
    return turned


def subject(rule: CompiledRule, record: Record, scope: Scope) -> Who:
    """Find whom the element is about; NoSubject where it names nobody."""
    try:
        event_id = rule.event_id(scope) if rule.event_id is not None else None
        references, parcels, level, named = _references(rule, scope)
        which = _which(rule, scope) if rule.says_which else _ALL
    except Unfit as unfit:
        record.settle(unfit)
        raise NoSubject(unfit.selector, unfit.message) from None
    if not references:
        raise NoSubject(None, "no reference that says whom it is about")
    raw = f"{record.vendor}{named}{which.raw}"
    return Who(references, level, raw, event_id, parcels, which)


def _references(
    rule: CompiledRule, scope: Scope
) -> tuple[tuple[Reference, ...], tuple[Reference, ...], int, str]:
    """Read the references, those of parcels, the highest level, and all as a part of identities."""
    references: tuple[Reference, ...] = ()
    parcels: tuple[Reference, ...] = ()
    level = 0
    raw = ""
    for kind in rule.references:
        value = kind.value(scope)
        if value is not None:
            reference = Reference(kind.vendor, kind.kind, value)
            references += (reference,)
            raw += kind.token + value
            level = max(level, kind.level)
            if kind.parcel:
                parcels += (reference,)
    return references, parcels, level, raw


def _which(rule: CompiledRule, scope: Scope) -> Which:
    serials, first = _number(rule.serials.read, scope) if rule.serials else _ABSENT
    carton, second = _number(rule.carton.read, scope) if rule.carton else _ABSENT
    quantity, third = _number(rule.quantity.read, scope) if rule.quantity else _ABSENT
    return Which(serials, carton, quantity, first + second + third)


def _number(read: Read[_T], scope: Scope) -> tuple[_T | None, str]:
    return read(scope) or _ABSENT


def fact(statement: Statement, code: Said, who: Who, record: Record, scope: Scope) -> Fact | None:
    """Make the fact; null where it has neither a status nor anything else to tell.

    Where nothing tells when, and no event id tells copies apart, every record is another fact.
    """
    attributes, names, parcels, brought = _brings(statement, scope)
    sense, which = code.sense, who.which
    if sense.status is None and not (brought or sense.alert or which.is_some_of_many):
        return None
    evidence, signed = _evidence(statement, sense, scope)
    at, precision, when = _time(statement, sense, who, record, scope)
    reason, reason_raw = _reason(statement, sense, record, scope)
    saying = f"{who.raw}{code.raw}{reason_raw}{when}{brought}{signed}"
    fact_id, content = _identity(saying, who, record, code.raw + when)
    # In the order of the fields: by their names it would take three times as long.
    return Fact(
        fact_id,
        content,
        record.vendor,
        sense.status,
        at,
        precision,
        record.received_at,
        record.cause,
        who.references,
        who.level,
        names,
        who.parcels + parcels,
        statement.parcel_role,
        which.serials,
        which.carton,
        which.quantity,
        attributes,
        reason,
        evidence,
        code.text,
        statement.text(scope) if statement.text is not None else None,
        sense.alert,
        record.mapping_version,
    )


def _brings(
    statement: Statement, scope: Scope
) -> tuple[
    dict[Attribute, AttributeValue],
    tuple[tuple[int, Reference], ...],
    tuple[Reference, ...],
    str,
]:
    """Read the attributes, the names, which of them are parcels', and all for identities."""
    raw = ""
    attributes: dict[Attribute, AttributeValue] = {}
    for register in statement.registers:
        value = register.value(scope)
        if value is not None:
            attributes[register.attribute] = register.means.get(value, value)
            raw += register.token + value
    names = []
    parcels: tuple[Reference, ...] = ()
    for kind in statement.names:
        value = kind.value(scope)
        if value is not None:
            reference = Reference(kind.vendor, kind.kind, value)
            names.append((kind.level, reference))
            raw += kind.token + value
            if kind.parcel:
                parcels += (reference,)
    if raw and statement.parcel_role is not ParcelRole.OUTBOUND:
        raw += f"\0p{statement.parcel_role}"
    return attributes, tuple(names), parcels, raw


def _evidence(statement: Statement, sense: Sense, scope: Scope) -> tuple[Evidence | None, str]:
    """Whoever signs is not kept, only that somebody did."""
    if statement.signature is None or sense.status is not Status.DELIVERED:
        return sense.evidence, ""
    if statement.signature(scope) in NOTHING:
        return sense.evidence, ""
    return Evidence.SIGNATURE, "\0g"


def _stated(statement: Statement, sense: Sense, record: Record, scope: Scope) -> Stated | None:
    for i in sense.times:
        stated = statement.times[i](scope)
        if stated is not None:
            if stated.at > record.received_at + DAY:
                message = "more than 24 hours after the record's timestamp"
                raise Unfit(stated.selector, message, Refusal.FUTURE_TIME)
            return stated
    return None


def _time(
    statement: Statement, sense: Sense, who: Who, record: Record, scope: Scope
) -> tuple[int, Precision, str]:
    """Find the time and how exact it is, and give it as a part of identities."""
    stated = _stated(statement, sense, record, scope)
    if stated is not None:
        return stated.at, stated.precision, f"\0t{stated.raw}"
    raw = "" if who.event_id is not None else f"\0u{record.received_at}"
    return record.received_at, Precision.UNKNOWN, raw


def _reason(
    statement: Statement, sense: Sense, record: Record, scope: Scope
) -> tuple[Reason | None, str]:
    """Find the reason; whatever stands there, the status is not lost to it."""
    if statement.reason is None:
        return sense.reason, ""
    read, codes = statement.reason
    try:
        raw = read(scope)
    except Unfit as unfit:
        record.settle(unfit)
        return sense.reason or Reason.UNSPECIFIED, ""
    if raw is None:
        return sense.reason, ""
    return codes.get(raw) or sense.reason or Reason.UNSPECIFIED, f"\0q{raw}"


def _identity(saying: str, who: Who, record: Record, code_and_time: str) -> tuple[bytes, bytes]:
    """Digest what makes the fact the same one, and what it says.

    Both are made of the vendor's own words, so that a new mapping makes neither a new fact nor a
    conflict with an old one. No part has a NUL in it and each has a tag: no two statements read
    alike.
    """
    said_digest = _digest(saying)
    if who.event_id is None:
        return said_digest, said_digest
    return _digest(f"{record.vendor}\0i{who.event_id}{code_and_time}"), said_digest


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=_HASH_BYTES).digest()
