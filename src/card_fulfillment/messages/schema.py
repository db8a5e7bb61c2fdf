"""The contract for others to read: JSON Schemas and AsyncAPI, generated from the models."""

import ast
import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from card_fulfillment.domain.detail import Evidence, Precision
from card_fulfillment.domain.discrepancies import DiscrepancyName
from card_fulfillment.domain.facts import ParcelRole
from card_fulfillment.domain.journey import ChangeKind
from card_fulfillment.domain.naming import ISSUER
from card_fulfillment.domain.status import Action, Reason, Status
from card_fulfillment.messages.asyncapi import asyncapi
from card_fulfillment.messages.bulk_event import BULK_EVENT
from card_fulfillment.messages.bulk_event_models import BulkIssuanceStatusChanged
from card_fulfillment.messages.card_event import CARD_EVENT
from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.messages.event_models import CardStatusChanged, DeadLetterEvent
from card_fulfillment.messages.headers import DEAD_LETTER, schema_file
from card_fulfillment.messages.inbound_models import CardCreated, EmbossingRequested

BASE: Final = "https://schemas.card-fulfillment.example"
CARD_CREATED: Final = "card-created.v1"
EMBOSSING_REQUESTED: Final = "embossing-requested.v1"

Schema = dict[str, Any]

_MODELS: Final[Mapping[str, Any]] = {
    CARD_CREATED: CardCreated,
    EMBOSSING_REQUESTED: EmbossingRequested,
    CARD_EVENT: CardStatusChanged,
    BULK_EVENT: BulkIssuanceStatusChanged,
    DEAD_LETTER: DeadLetterEvent,
}
_PUBLISHED: Final = frozenset({CARD_EVENT, BULK_EVENT, DEAD_LETTER})


# What is published of them is described by their docstrings.
_ENUMERATIONS: Final = (
    Action,
    ChangeKind,
    DiscrepancyName,
    Evidence,
    ParcelRole,
    Precision,
    Reason,
    RefusalReason,
    Status,
)


def _said(field: str, json_type: str) -> Schema:
    return {"properties": {field: {"type": json_type}}, "required": [field]}


# What the decoder checks across fields.
_RULES: Final[Mapping[str, Schema]] = {
    CARD_CREATED: {
        "if": _said("serial_number", "integer"),
        "then": _said("bulk_issuance_id", "string"),
    },
    EMBOSSING_REQUESTED: {
        "oneOf": [_said("card_id", "string"), _said("bulk_issuance_id", "string")],
        "if": {"properties": {"vendor_id": {"const": ISSUER}}},
        "then": {"properties": {"references": {"items": _said("vendor_id", "string")}}},
    },
}


class _Plain(GenerateJsonSchema):
    """Without a title for every field, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - the signature is pydantic's
        return False


def _docstring(enumeration: type) -> str | None:
    """As its source has it: compiled ahead, an enumeration loses it."""
    loaded = inspect.getfile(sys.modules[enumeration.__module__])
    source = Path(loaded).parent / f"{enumeration.__module__.rpartition('.')[2]}.py"
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == enumeration.__name__:
            return ast.get_docstring(node)
    return None


def schemas(*, closed: bool = False) -> dict[str, Schema]:
    """Return the JSON Schema (2020-12) of each message type.

    What is published is open: a field or an enum value that the reader does not know is no error.
    `closed` is exactly what this version writes, for tests of the worker itself.
    """
    for each in _ENUMERATIONS:
        each.__doc__ = _docstring(each)
    return {name: _schema(name, closed=closed) for name in _MODELS}


def _schema(name: str, *, closed: bool) -> Schema:
    schema = TypeAdapter(_MODELS[name]).json_schema(
        schema_generator=_Plain, union_format="primitive_type_array"
    )
    definitions = schema.pop("$defs", {})
    if name in _PUBLISHED:
        for each in [schema, *definitions.values()]:
            (_close if closed else _open)(each)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{BASE}/{schema_file(name)}",
        **schema,
        **_RULES.get(name, {}),
        **({"$defs": definitions} if definitions else {}),
    }


def _open(schema: Schema) -> None:
    if "enum" in schema:
        schema["x-extensible-enum"] = schema.pop("enum")


def _close(schema: Schema) -> None:
    if "properties" in schema:
        schema["additionalProperties"] = False


def rendered() -> dict[str, str]:
    """Every generated file: its name and its text."""
    files = {schema_file(name): _text(schema) for name, schema in schemas().items()}
    return files | {"asyncapi.yaml": asyncapi()}


def _text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in rendered().items():
        (directory / name).write_text(text, encoding="utf-8")


def drift(directory: Path) -> list[str]:
    """Return what is wrong with the committed files, a sentence each."""
    files = rendered()
    found = {path.name for path in directory.glob("*.schema.json")}
    strange = [f"{name} is not generated from any model" for name in sorted(found - set(files))]
    return strange + [
        problem for name, text in files.items() if (problem := _problem(directory / name, text))
    ]


def _problem(path: Path, text: str) -> str | None:
    if not path.is_file():
        return f"{path.name} is missing"
    if path.read_text(encoding="utf-8") != text:
        return f"{path.name} differs from the models"
    return None
