"""Facts as columns; see `rows`."""

from typing import Any

import orjson

from card_fulfillment.domain.detail import Detail
from card_fulfillment.domain.facts import DAY, Cause, Fact, ParcelRole
from card_fulfillment.domain.naming import Reference
from card_fulfillment.postgres.rows import Json, dump
from card_fulfillment.postgres.words import (
    ATTRIBUTES,
    EVIDENCE,
    NAMES,
    PRECISIONS,
    REASONS,
    STATUSES,
)


def dump_fact(fact: Fact) -> Json:
    """All but what has a column of its own, and what is empty."""
    detail = fact.detail
    stored: dict[str, Any] = {
        "stated": detail.occurred_at,
        "precision": detail.precision,
        "received_at": detail.received_at,
        "cause": fact.cause,
    }
    if fact.time_fallback is not None:
        stored["time_fallback"] = fact.time_fallback
    if fact.day_length != DAY:
        stored["day_length"] = fact.day_length
    if fact.references:
        stored["references"] = fact.references
    _add_whom(stored, fact)
    _add_what(stored, fact)
    return dump(stored)


def _add_whom(stored: dict[str, Any], fact: Fact) -> None:
    """What tells whom a fact is about beside its references."""
    if fact.level:
        stored["level"] = fact.level
    if fact.names:
        stored["names"] = fact.names
    if fact.parcels:
        stored["parcels"] = fact.parcels
    if fact.parcel_role is not ParcelRole.OUTBOUND:
        stored["parcel_role"] = fact.parcel_role
    if fact.serials is not None:
        stored["serials"] = fact.serials
    if fact.carton is not None:
        stored["carton"] = fact.carton
    if fact.quantity is not None:
        stored["quantity"] = fact.quantity


def _add_what(stored: dict[str, Any], fact: Fact) -> None:
    """What a fact says beside its status."""
    if fact.attributes:
        stored["attributes"] = {NAMES[name]: value for name, value in fact.attributes.items()}
    detail = fact.detail
    if detail.reason is not None:
        stored["reason"] = detail.reason
    if detail.evidence is not None:
        stored["evidence"] = detail.evidence
    if detail.code:
        stored["code"] = detail.code
    if detail.text:
        stored["text"] = detail.text
    if fact.alert is not None:
        stored["alert"] = fact.alert
    if fact.mapping_version is not None:
        stored["mapping_version"] = fact.mapping_version


def load_fact(
    fact_id: bytes, content: bytes, vendor: str | None, status: str | None, body: Json
) -> Fact:
    stored = orjson.loads(body)
    serials = stored.get("serials")
    return Fact(
        fact_id=fact_id,
        content=content,
        status=None if status is None else STATUSES[status],
        detail=Detail(
            stored["stated"],
            PRECISIONS[stored["precision"]],
            stored["received_at"],
            REASONS[stored.get("reason")],
            EVIDENCE[stored.get("evidence")],
            vendor,
            stored.get("code"),
            stored.get("text"),
        ),
        cause=Cause(*stored["cause"]),
        references=tuple(Reference(*r) for r in stored.get("references", ())),
        level=stored.get("level", 0),
        names=tuple((level, Reference(*r)) for level, r in stored.get("names", ())),
        parcels=tuple(Reference(*r) for r in stored.get("parcels", ())),
        parcel_role=ParcelRole(stored.get("parcel_role", ParcelRole.OUTBOUND)),
        serials=tuple(serials) if serials else None,
        carton=tuple(stored["carton"]) if "carton" in stored else None,
        quantity=stored.get("quantity"),
        attributes={ATTRIBUTES[n]: v for n, v in stored.get("attributes", {}).items()},
        alert=stored.get("alert"),
        mapping_version=stored.get("mapping_version"),
        time_fallback=stored.get("time_fallback"),
        day_length=stored.get("day_length", DAY),
    )
