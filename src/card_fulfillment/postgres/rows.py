"""Domain objects as columns: JSON that an operator can read, and that reads back to the same."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import orjson

from card_fulfillment.domain.bindings import Binding, Held
from card_fulfillment.domain.claims import Claim, Key
from card_fulfillment.domain.detail import Detail
from card_fulfillment.domain.facts import CardIdentity, ParcelRole
from card_fulfillment.domain.journey import Journey, Published
from card_fulfillment.domain.naming import Reference, Subject
from card_fulfillment.domain.registers import Register, Registers
from card_fulfillment.domain.side_parcels import SideParcel
from card_fulfillment.domain.status import BY_RANK, STANDING
from card_fulfillment.domain.value import Value
from card_fulfillment.domain.windows import GRACE, WINDOW
from card_fulfillment.postgres.words import (
    ATTRIBUTES,
    EVIDENCE,
    KINDS,
    NAMES,
    PRECISIONS,
    REASONS,
    ROLES,
    STATUSES,
)

Json = str

_REMEMBERED_LENGTH: Final = 2048  # of bindings: those of a dozen cards in one letter
_PHASES: Final = {rank: STANDING[status].phase for rank, status in BY_RANK.items()}


def dump(value: object) -> Json:
    return orjson.dumps(value, default=_as_array).decode()


def _as_array(value: Value | tuple[Any, ...]) -> tuple[Any, ...]:
    """Values and named tuples, of which orjson knows neither, as arrays of their fields."""
    return value.values() if isinstance(value, Value) else tuple(value)


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
        NAMES[name]: (r.attempt, r.time, r.fact_id.hex(), r.value) for name, r in registers.items()
    }


def load_registers(stored: Mapping[str, list[Any]]) -> Registers:
    return {
        ATTRIBUTES[name]: Register(attempt, time, bytes.fromhex(fact_id), value)
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
    stored: Mapping[str, tuple[list[Any], Mapping[str, Any]]],
) -> Mapping[ParcelRole, SideParcel]:
    return {
        ParcelRole(role): SideParcel(load_claim(claim), load_registers(registers))
        for role, (claim, registers) in stored.items()
    }


def load_claim(stored: list[Any] | None) -> Claim | None:
    if stored is None:
        return None
    attempt, time, rank, fact_id = stored[:4]
    key = Key(attempt, _PHASES[rank], time, rank, bytes.fromhex(fact_id))
    return Claim(key, load_detail(stored[4:]))


def load_detail(stored: list[Any]) -> Detail:
    at, precision, received, reason, evidence, vendor, code, text = stored
    return Detail(
        at,
        PRECISIONS[precision],
        received,
        REASONS[reason],
        EVIDENCE[evidence],
        vendor,
        code,
        text,
    )


def _load_published(stored: list[Any] | None) -> Published | None:
    if stored is None:
        return None
    attempt, status, reason, final, tracking_number, status_version = stored
    return Published(
        attempt, STATUSES[status], REASONS[reason], final, tracking_number, status_version
    )


# Records


def dump_headers(headers: Sequence[tuple[str, bytes]]) -> Json:
    """An array of [name, value in base64]; a header's value can be any bytes, or none."""
    return dump([(name, b64encode(value or b"").decode()) for name, value in headers])


def load_headers(text: Json) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, b64decode(value)) for name, value in orjson.loads(text))


# References


def dump_bindings(bindings: Held) -> Json:
    return dump(
        [
            (b.subject.kind, b.subject.id, b.attempt, b.valid_from, b.made_by.hex(), *_rarer(b))
            for b in bindings
        ]
    )


def _rarer(binding: Binding) -> tuple[int | str, ...]:
    """Nothing of an outbound parcel where the window is the usual one."""
    window = (binding.grace, binding.window)
    if binding.side is not None:
        return (*window, binding.side)
    return () if window == (GRACE, WINDOW) else window


def load_bindings(text: Json) -> Held:
    """Most references are read again and again, and bound once.

    One that is bound many times is another text each time, and all of them would be remembered.
    """
    return _remembered(text) if len(text) <= _REMEMBERED_LENGTH else _bindings_of(text)


@lru_cache(maxsize=4096)
def _remembered(text: Json) -> Held:
    return _bindings_of(text)


def _bindings_of(text: Json) -> Held:
    return tuple(
        Binding(
            Subject(KINDS[kind], id_),
            attempt,
            valid_from,
            bytes.fromhex(made_by),
            *rarer[:2],
            *(ROLES[side] for side in rarer[2:]),
        )
        for kind, id_, attempt, valid_from, made_by, *rarer in orjson.loads(text)
    )
