"""How a message is written: JSON, or a form; its content type says, else the profile."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Literal
from urllib.parse import parse_qsl

import orjson

Body = Literal["json", "form"]
_FORM: Final = b"application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 1_000


def body_of(headers: Mapping[str, bytes], otherwise: Body) -> Body:
    if not headers:
        return otherwise
    stated = (headers.get("content-type") or b"").lower()
    if stated.startswith(_FORM):
        return "form"
    return "json" if b"json" in stated else otherwise


def parse(payload: bytes, body: Body) -> object:
    """Parse a message; ValueError where it is not so written."""
    return orjson.loads(payload) if body == "json" else _form(payload)


def parse_exactly(payload: bytes, body: Body) -> object:
    """Parse with the slower parser, which keeps integers beyond 64 bits; ValueError as above."""
    if body == "form":
        return _form(payload)
    try:
        return json.loads(payload, parse_float=Decimal)
    except RecursionError:
        raise ValueError("nested too deeply") from None


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
