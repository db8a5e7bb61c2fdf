"""One statement of an element -> a fact: its code, what it brings, its time, its id."""

from typing import Final

from card_fulfillment.domain.detail import Detail, Evidence, Precision
from card_fulfillment.domain.facts import (
    DAY,
    Attribute,
    AttributeValue,
    Cause,
    Fact,
    ParcelRole,
)
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.domain.value import Value
from card_fulfillment.messages.identity import digest_of
from card_fulfillment.vendors.codes import Sense, code_text
from card_fulfillment.vendors.outcomes import Refusal
from card_fulfillment.vendors.record import MappedRecord
from card_fulfillment.vendors.rules import Statement
from card_fulfillment.vendors.selectors import Scope, Text, Unfit, denies, is_filler
from card_fulfillment.vendors.times import Stated
from card_fulfillment.vendors.whom import Who

# The first bits of a fact's id.
_REASON: Final = 0x80
_SIGNED: Final = 0x40
_WITHOUT_MORE: Final = 0x3F


class SaidCode(Value):
    """A code, null where the statement has none, and its sense. raw: as a part of identities."""

    __match_args__ = ("text", "raw", "sense")

    def __init__(self, text: str | None, raw: str, sense: Sense) -> None:
        self.text: Final = text
        self.raw: Final = raw
        self.sense: Final = sense


def said(statement: Statement, scope: Scope) -> SaidCode | None:
    """Find the code's sense; null where the statement does not apply, Unfit where it is unknown."""
    for holds in statement.conditions:
        if not holds(scope):
            return None
    if statement.first is None:
        sense = statement.always
        return None if sense is None else SaidCode(None, f"\0s{sense.entry}", sense)
    first = statement.first(scope)
    if first is None:
        raise Unfit(statement.code_selectors[0], "no code")
    second = statement.second(scope) if statement.second is not None else None
    sense = _turned(statement, first, second, scope) if statement.turns else None
    sense = sense or statement.find(first, second)
    if sense is None:
        unknown = code_text(first, second)
        message = "the profile does not know the code"
        selector = statement.code_selectors[0 if second is None else -1]
        raise Unfit(selector, message, Refusal.UNMAPPED_CODE, unknown)
    if second is None:
        return SaidCode(first, f"\0c{first}", sense)
    return SaidCode(f"{first}/{second}", f"\0c{first}\0d{second}", sense)


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


def fact(
    statement: Statement, code: SaidCode, who: Who, record: MappedRecord, scope: Scope
) -> Fact | None:
    """Make the fact; null where it has neither a status nor anything else to tell.

    An attribute or text that cannot be read is left out, and noted as spoilt in the record.
    Where nothing tells when, and no event id tells copies apart, every record is another fact.
    """
    attributes, names, parcels, brought = _brings(statement, record, scope)
    sense, which = code.sense, who.which
    if sense.status is None and not (brought or sense.alert or which.is_some_of_many):
        return None
    evidence, signed = _evidence(statement, sense, scope)
    time, when = _time(statement, sense, who, record, scope)
    reason, reason_raw = _reason(statement, sense, record, scope)
    saying = f"{who.raw}{code.raw}{reason_raw}{when}{brought}{signed}"
    more = (_REASON if reason_raw else 0) | (_SIGNED if signed else 0)
    fact_id, content = _identity(saying, who, record, code.raw + when, more)
    text = None if statement.text is None else _spared(statement.text, record, scope)
    vendor, received_at = record.vendor, record.received_at
    return Fact(
        fact_id,
        content,
        sense.status,
        Detail(time.at, time.precision, received_at, reason, evidence, vendor, code.text, text),
        _cause(who, record),
        who.references,
        who.level,
        names,
        who.parcels + parcels,
        statement.parcel_role,
        which.serials,
        which.carton,
        which.quantity,
        attributes,
        sense.alert,
        record.mapping_version,
        time.fallback,
        time.day_length,
    )


def _cause(who: Who, record: MappedRecord) -> Cause:
    if who.event_id is None:
        return record.cause
    came = record.cause
    return Cause(who.event_id, came.topic, came.partition, came.offset, came.traceparent)


def _spared(read: Text, record: MappedRecord, scope: Scope) -> str | None:
    """Read what the statement can do without."""
    try:
        return read(scope)
    except Unfit as unfit:
        record.spare(unfit)
        return None


def _brings(
    statement: Statement, record: MappedRecord, scope: Scope
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
        value = _spared(register.value, record, scope)
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
    """Whoever signs is not kept, only that somebody did: that is a part of identities."""
    if statement.signature is None or sense.status is not Status.DELIVERED:
        return sense.evidence, ""
    signed = statement.signature(scope)
    if is_filler(signed) or denies(signed):
        return sense.evidence, ""
    return Evidence.SIGNATURE, "\0g"


def _stated(
    statement: Statement, sense: Sense, record: MappedRecord, scope: Scope
) -> Stated | None:
    for i in sense.times:
        stated = statement.times[i](scope)
        if stated is not None:
            if stated.at > record.received_at + DAY:
                message = "more than 24 hours after the record's timestamp"
                raise Unfit(statement.time_fields[i].at, message, Refusal.FUTURE_TIME)
            return stated
    return None


def _time(
    statement: Statement, sense: Sense, who: Who, record: MappedRecord, scope: Scope
) -> tuple[Stated, str]:
    """Find the time, and give it as a part of identities."""
    stated = _stated(statement, sense, record, scope)
    if stated is not None:
        return stated, f"\0t{stated.raw}"
    raw = "" if who.event_id is not None else f"\0u{record.received_at}"
    return Stated("", record.received_at, Precision.UNKNOWN, None, DAY), raw


def _reason(
    statement: Statement, sense: Sense, record: MappedRecord, scope: Scope
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


def _identity(
    saying: str, who: Who, record: MappedRecord, code_and_time: str, more: int
) -> tuple[bytes, bytes]:
    """Digest what makes the fact the same one, and what it says.

    Both are made of the vendor's own words, so that a new mapping makes neither a new fact nor a
    conflict with an old one. No part has a NUL in it and each has a tag: no two statements read
    alike.

    more: the first two bits of an id that is made of all that is said. Of facts that are alike but
    for their ids the greatest stands: so what tells a reason or a signature is not lost where the
    vendor tells the same event without it, too.
    """
    said_digest = digest_of(saying.encode())
    if who.event_id is None:
        first = said_digest[0] & _WITHOUT_MORE | more
        return bytes((first,)) + said_digest[1:], said_digest
    identity = f"{record.vendor}\0i{who.event_id}{code_and_time}"
    return digest_of(identity.encode()), said_digest
