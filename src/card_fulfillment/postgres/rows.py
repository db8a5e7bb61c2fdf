"""Domain objects as columns: JSON that an operator can read, and that reads back to the same."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import orjson

from card_fulfillment.domain.bindings import Binding
from card_fulfillment.domain.claims import Claim, Detail
from card_fulfillment.domain.facts import (
    Attribute,
    CardIdentity,
    Cause,
    Evidence,
    Fact,
    Key,
    ParcelRole,
    Precision,
    Reference,
    Subject,
    SubjectKind,
)
from card_fulfillment.domain.journey import FactOutcome, Journey, Published
from card_fulfillment.domain.registers import Register, Registers
from card_fulfillment.domain.side_parcels import SideParcel
from card_fulfillment.domain.status import BY_RANK, STANDING, Reason, Status

Json = str

_ATTRIBUTES: Final[Mapping[str, Attribute]] = {a.value: a for a in Attribute}
_NAMES: Final[Mapping[Attribute, str]] = {a: a.value for a in Attribute}
_REASONS: Final[Mapping[str | None, Reason | None]] = {None: None} | {r.value: r for r in Reason}
_EVIDENCE: Final[Mapping[str | None, Evidence | None]] = {None: None} | {
    e.value: e for e in Evidence
}
_PRECISIONS: Final[Mapping[str, Precision]] = {p.value: p for p in Precision}
_STATUSES: Final[Mapping[str, Status]] = {s.value: s for s in Status}
_KINDS: Final[Mapping[str, SubjectKind]] = {k.value: k for k in SubjectKind}
_PHASES: Final = {rank: STANDING[status].phase for rank, status in BY_RANK.items()}
OUTCOMES: Final[Mapping[str, FactOutcome]] = {o.value: o for o in FactOutcome}


def dump(value: object) -> Json:
    return orjson.dumps(value, default=tuple).decode()  # named tuples are arrays


def reference_text(reference: Reference) -> str:
    """vendor/kind/value; vendor and kind have no slash."""
    return f"{reference.vendor}/{reference.kind}/{reference.value}"


def reference_of(text: str) -> Reference:
    return Reference(*text.split("/", 2))


# Cards


def dump_identity(card: CardIdentity) -> Json:
    return dump(
        {
            "card_product_id": card.card_product_id,
            "reference_card_id": card.reference_card_id,
            "labels": dict(card.labels),
        }
    )


def load_identity(
    card_id: str, bulk: str | None, serial: int | None, text: Json | None
) -> CardIdentity | None:
    return None if text is None else identity_of(card_id, bulk, serial, text)


@lru_cache(maxsize=2048)  # it never changes
def identity_of(card_id: str, bulk: str | None, serial: int | None, text: Json) -> CardIdentity:
    return CardIdentity(
        card_id=card_id, bulk_issuance_id=bulk, serial_number=serial, **orjson.loads(text)
    )


def dump_journey(journey: Journey) -> Json:
    """The version has a column of its own."""
    stored: dict[str, Any] = {"published": journey.published and _dump_published(journey.published)}
    if journey.own is not None:
        stored["own"] = dump_claim(journey.own)
    if journey.bulk is not None:
        stored["bulk"] = dump_claim(journey.bulk)
    if journey.range_production is not None:
        stored["range_production"] = dump_claim(journey.range_production)
    stored["registers"] = dump_registers(journey.registers)
    if journey.parcels:
        stored["parcels"] = {
            role.value: [
                parcel.claim and dump_claim(parcel.claim),
                dump_registers(parcel.registers),
            ]
            for role, parcel in journey.parcels.items()
        }
    return dump(stored)


def _dump_published(told: Published) -> tuple[Any, ...]:
    return (
        told.attempt,
        told.status,
        told.reason,
        told.final,
        told.tracking_number,
        told.status_version,
    )


def dump_registers(registers: Registers) -> dict[str, tuple[Any, ...]]:
    return {
        _NAMES[name]: (r.attempt, r.time, r.fact_id.hex(), r.value) for name, r in registers.items()
    }


def load_registers(stored: Mapping[str, Sequence[Any]]) -> Registers:
    return {
        _ATTRIBUTES[name]: Register(attempt, time, bytes.fromhex(fact_id), value)
        for name, (attempt, time, fact_id, value) in stored.items()
    }


def dump_claim(claim: Claim) -> list[Any]:
    key = claim.key
    return [key.attempt, key.time, key.rank, key.fact_id.hex(), *dump_detail(claim.detail)]


def dump_detail(detail: Detail) -> tuple[Any, ...]:
    return (
        detail.occurred_at,
        detail.precision,
        detail.received_at,
        detail.reason,
        detail.evidence,
        detail.vendor,
        detail.code,
        detail.text,
    )


def load_journey(version: int, text: Json | None) -> Journey:
    if text is None:
        return Journey()
    stored = orjson.loads(text)
    return Journey(
        load_claim(stored.get("own")),
        load_claim(stored.get("bulk")),
        load_claim(stored.get("range_production")),
        load_registers(stored["registers"]),
        version,
        _load_published(stored["published"]),
        _load_parcels(stored["parcels"]) if "parcels" in stored else {},
    )


def _load_parcels(
    stored: Mapping[str, tuple[Sequence[Any], Mapping[str, Any]]],
) -> Mapping[ParcelRole, SideParcel]:
    return {
        ParcelRole(role): SideParcel(load_claim(claim), load_registers(registers))
        for role, (claim, registers) in stored.items()
    }


def load_claim(stored: Sequence[Any] | None) -> Claim | None:
    if stored is None:
        return None
    attempt, time, rank, fact_id, *detail = stored
    key = Key(attempt, _PHASES[rank], time, rank, bytes.fromhex(fact_id))
    return Claim(key, load_detail(detail))


def load_detail(stored: Sequence[Any]) -> Detail:
    at, precision, received, reason, evidence, vendor, code, text = stored
    return Detail(
        at,
        _PRECISIONS[precision],
        received,
        _REASONS[reason],
        _EVIDENCE[evidence],
        vendor,
        code,
        text,
    )


def _load_published(stored: Sequence[Any] | None) -> Published | None:
    if stored is None:
        return None
    attempt, status, reason, final, tracking_number, status_version = stored
    return Published(
        attempt, _STATUSES[status], _REASONS[reason], final, tracking_number, status_version
    )


# Records


def dump_headers(headers: Sequence[tuple[str, bytes]]) -> Json:
    """An array of [name, value in base64]; a header's value can be any bytes, or none."""
    return dump([(name, b64encode(value or b"").decode()) for name, value in headers])


def load_headers(text: Json) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, b64decode(value)) for name, value in orjson.loads(text))


# References


def dump_bindings(bindings: Sequence[Binding]) -> Json:
    return dump(
        [(b.subject.kind, b.subject.id, b.attempt, b.valid_from, b.made_by.hex()) for b in bindings]
    )


@lru_cache(maxsize=4096)  # most references are read again and again, and bound once
def load_bindings(text: Json) -> tuple[Binding, ...]:
    return tuple(
        Binding(Subject(_KINDS[kind], id_), attempt, valid_from, bytes.fromhex(made_by))
        for kind, id_, attempt, valid_from, made_by in orjson.loads(text)
    )


# Facts


_LEFT_OUT: Final = Fact._fields[Fact._fields.index("references") :]
"""Where they are empty."""


def dump_fact(fact: Fact) -> Json:
    """All but what has a column of its own."""
    said = fact[-len(_LEFT_OUT) :]
    stored: dict[str, Any] = {
        "stated": fact.stated,
        "precision": fact.precision,
        "received_at": fact.received_at,
        "cause": tuple(fact.cause),
    }
    stored |= {name: value for name, value in zip(_LEFT_OUT, said, strict=True) if value}
    if fact.references:
        stored["references"] = [tuple(each) for each in fact.references]
    if fact.quantity == 0:
        stored["quantity"] = 0
    if fact.parcel_role is ParcelRole.OUTBOUND:
        del stored["parcel_role"]
    if fact.attributes:
        stored["attributes"] = {_NAMES[name]: value for name, value in fact.attributes.items()}
    return dump(stored)


def load_fact(
    fact_id: bytes, content: bytes, vendor: str | None, status: str | None, body: Json
) -> Fact:
    stored = orjson.loads(body)
    serials = stored.get("serials")
    return Fact(
        fact_id=fact_id,
        content=content,
        vendor=vendor,
        status=None if status is None else _STATUSES[status],
        stated=stored["stated"],
        precision=_PRECISIONS[stored["precision"]],
        received_at=stored["received_at"],
        cause=Cause(*stored["cause"]),
        references=tuple(Reference(*r) for r in stored.get("references", ())),
        level=stored.get("level", 0),
        names=tuple((level, Reference(*r)) for level, r in stored.get("names", ())),
        parcels=tuple(Reference(*r) for r in stored.get("parcels", ())),
        parcel_role=ParcelRole(stored.get("parcel_role", ParcelRole.OUTBOUND)),
        serials=tuple(serials) if serials else None,
        carton=tuple(stored["carton"]) if "carton" in stored else None,
        quantity=stored.get("quantity"),
        attributes={_ATTRIBUTES[n]: v for n, v in stored.get("attributes", {}).items()},
        reason=_REASONS[stored.get("reason")],
        evidence=_EVIDENCE[stored.get("evidence")],
        code=stored.get("code"),
        text=stored.get("text"),
        alert=stored.get("alert"),
        mapping_version=stored.get("mapping_version"),
    )
