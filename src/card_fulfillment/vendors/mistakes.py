"""Mistakes in profile files, told so that a person finds and mends them."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from card_fulfillment.vendors.language import ProfileFile
from card_fulfillment.vendors.near_miss import hint, nearest
from card_fulfillment.vendors.yaml_text import Document, Location, Place

_KEY: Final = "[key]"
_LONGEST_SHOWN: Final = 64
_OBJECT: Final = "an object is expected, with fields of its own"
# Sentences for kinds of errors whose own are about Python. The other ones speak for themselves.
_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "list_type": "a list is expected",
    "too_short": "at least one is expected",
    "bool_type": "true or false is expected",
    "string_type": "a text is expected",
    "bool_parsing": "true or false is expected",
    "int_parsing": "a whole number is expected",
    "timezone_aware": "a time with its zone is expected, e.g. 2026-03-02T06:00:00Z",
}


class Mistake(NamedTuple):
    """field: where in the file, e.g. rules[0].facts[1].codes.A; empty: the file as a whole."""

    file: str
    place: Place | None
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.place.line}:{self.place.column}" if self.place else self.file
        return (
            f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"
        )


class ProfileError(ValueError):
    """Profiles that cannot be used: one line per mistake, `file:line:column: field: what`."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


def mistake(file: str, document: Document, at: Location, message: str) -> Mistake:
    """Place a mistake at a field of a file or, where it is missing, at what is around it."""
    known = at = _in_file(at, document.value)
    while known and known not in document.places:
        known = known[:-1]
    return Mistake(file, document.places.get(known), _spelled(at), message)


def of_shape(file: str, document: Document, error: ValidationError) -> list[Mistake]:
    """Tell what the language refuses, once for each field."""
    found: dict[Location, list[dict[str, Any]]] = {}
    for each in error.errors(include_input=False, include_url=False):
        at = _in_file(each["loc"], document.value)
        found.setdefault(at, []).append(dict(each))
    unknown = {at for at, errors in found.items() if errors[0]["type"] == "extra_forbidden"}
    meant = {(*at[:-1], nearest(str(at[-1]), _lacking(at[:-1], document))) for at in unknown}
    return [
        mistake(file, document, at, _sentence(at, errors, document))
        for at, errors in found.items()
        if not (errors[0]["type"] == "missing" and at in meant)
    ]


def _sentence(at: Location, errors: list[dict[str, Any]], document: Document) -> str:
    """Tell all that is said of one field: of a choice of forms, each has its own error."""
    kind, value = errors[0]["type"], _found(at, document.value)
    if kind == "extra_forbidden":
        meant = hint(str(at[-1]), _lacking(at[:-1], document))
        return "is no field here" + (meant or f" ({', '.join(_fields(at[:-1]))})")
    allowed = [word for e in errors for word in _words(e)]
    if allowed and isinstance(value, str):
        return f"{_shown(value)} is none of {', '.join(allowed)}" + hint(value, allowed)
    if kind == "enum":
        return f"one of {', '.join(allowed)} is expected"
    if kind == "string_pattern_mismatch":
        return f"{_shown(value)} is not of the form {errors[0]['ctx']['pattern']}"
    return _SENTENCES.get(kind, errors[0]["msg"].removeprefix("Value error, "))


def _shown(value: object) -> str:
    return repr(str(value)[:_LONGEST_SHOWN])


def _words(error: Mapping[str, Any]) -> list[str]:
    if error["type"] not in ("enum", "literal_error"):
        return []
    return re.findall(r"'([^']*)'", error["ctx"]["expected"])


def _in_file(steps: Location, value: object) -> Location:
    """Leave out what the file does not have: forms that were tried, and lists written as one."""
    at: Location = ()
    for step in steps:
        if isinstance(value, dict):
            if step == _KEY or (isinstance(step, int) and step not in value):
                continue
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
        else:
            break
        at = (*at, step)
    return at


def _found(at: Location, value: object) -> object:
    """Find the value at a location of the document; null where it is missing."""
    for step in at:
        if isinstance(value, dict):
            value = value.get(step)
        else:
            value = value[step] if isinstance(value, list) and isinstance(step, int) else None
    return value


def _spelled(at: Location) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in at)
    return "".join(steps).removeprefix(".")


@cache
def _language() -> dict[str, Any]:
    return ProfileFile.model_json_schema()


def _fields(at: Location) -> list[str]:
    """Name the fields that an object may have at a location of a profile."""
    node = _opened(_language())
    for step in at:
        node = _below(node, step)
    return list(_element(node).get("properties", {}))


def _lacking(at: Location, document: Document) -> list[str]:
    """Name those of its fields that an object does not have: no other one was meant by a slip."""
    there = _found(at, document.value)
    return [field for field in _fields(at) if not isinstance(there, dict) or field not in there]


def _below(node: dict[str, Any], step: str | int) -> dict[str, Any]:
    if isinstance(step, int):
        return _element(node)
    node = _element(node)
    named = node.get("properties", {}).get(step) or node.get("additionalProperties")
    by_pattern = iter(node.get("patternProperties", {}).values())
    return _opened(named or next(by_pattern, {}))


def _element(node: dict[str, Any]) -> dict[str, Any]:
    """Of a list its elements: one of them may stand for the list."""
    return _opened(node["items"]) if "items" in node else node


def _opened(node: dict[str, Any]) -> dict[str, Any]:
    """Follow references and, of a choice, what has parts."""
    while "$ref" in node or "anyOf" in node:
        if "$ref" in node:
            node = _language()["$defs"][node["$ref"].rpartition("/")[2]]
        else:
            node = next((n for n in node["anyOf"] if "$ref" in n or "items" in n), {})
    return node
