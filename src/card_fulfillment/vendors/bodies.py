"""How a message is written: JSON, a form, a CloudEvent; its content type says, or the profile."""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final, Literal
from urllib.parse import parse_qsl

import orjson

from card_fulfillment.vendors.plug_ins import PlugIn

Body = Literal["json", "form", "cloudevent"]
_FORM: Final = b"application/x-www-form-urlencoded"
_CLOUD_EVENT: Final = b"application/cloudevents+json"
_MOST_FIELDS: Final = 1_000


def body_of(headers: Mapping[str, bytes], otherwise: Body) -> Body:
    if not headers:
        return otherwise
    stated = (headers.get("content-type") or b"").lower()
    if stated.startswith(_FORM):
        return "form"
    if stated.startswith(_CLOUD_EVENT):
        return "cloudevent"
    return "json" if b"json" in stated else otherwise


def written(
    payload: bytes, headers: Mapping[str, bytes], otherwise: Body, plug_in: PlugIn | None
) -> tuple[bytes, Body]:
    """Give a message and how it is written: in JSON where a plug-in reads it; Unreadable."""
    if plug_in is None:
        return payload, body_of(headers, otherwise)
    return plug_in.in_json(payload, headers), "json"


def parse(payload: bytes, body: Body) -> object:
    """Parse a message; ValueError where it is not so written."""
    return _form(payload) if body == "form" else orjson.loads(payload)


def parse_exactly(payload: bytes, body: Body) -> object:
    """Parse with the slower parser, which keeps integers beyond 64 bits; ValueError as above."""
    if body == "form":
        return _form(payload)
    try:
        return json.loads(payload, parse_float=_fraction)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _fraction(text: str) -> Decimal | float:
    """Read it exactly, but for an exponent of so many digits that no decimal has it."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return float(text)


def opened(
    document: object, headers: Mapping[str, bytes], body: Body
) -> tuple[object, Mapping[str, bytes]]:
    """Give message and headers; ValueError for a CloudEvent without data.

    One in structured mode is what it would be in binary mode: its context stands in headers.
    """
    if body != "cloudevent":
        return document, headers
    if not isinstance(document, dict) or "data" not in document:
        raise ValueError("a CloudEvent without data")
    context = {n: v for n, v in document.items() if n != "data" and isinstance(v, str)}
    told = {f"ce_{name}": value.encode() for name, value in context.items()}
    return document["data"], {**headers, **told}


def _form(payload: bytes) -> dict[str, str | list[str]]:
    """Read the fields, one that comes several times as a list."""
    fields: dict[str, str | list[str]] = {}
    pairs = parse_qsl(
        payload.decode(),
        keep_blank_values=True,
        strict_parsing=True,
        errors="strict",
        max_num_fields=_MOST_FIELDS,
    )
    for name, value in pairs:
        before = fields.get(name)
        if before is None:
            fields[name] = value
        elif isinstance(before, list):
            before.append(value)
        else:
            fields[name] = [before, value]
    return fields
