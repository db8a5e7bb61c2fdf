"""The committed schemas: as generated, true of their examples, and of the decoder's verdicts."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from card_fulfillment.domain.facts import Announcement, Order
from card_fulfillment.messages import schema
from card_fulfillment.messages.asyncapi import HEADERS, OPTIONAL_HEADERS
from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.messages.envelope import Ignored, Record, RefusalReason, Refused
from card_fulfillment.messages.headers import DEAD_LETTER, Headers
from card_fulfillment.messages.inbound import (
    ShippingTerms,
    decode_card_created,
    decode_embossing_requested,
)
from card_fulfillment.messages.outbound import Encoder

SCHEMAS = Path(__file__).parents[2] / "schemas"
EXAMPLES = SCHEMAS / "examples"
# 2026-03-01T12:00:00Z: what is later by more than a day is in the future.
RECEIVED = 1_772_366_400_000_000

Json = Any
Decoded = Announcement | Order | Ignored | Refused


def no_profile(_vendor: str, _method: str | None, tracked: bool | None) -> ShippingTerms:  # noqa: FBT001 - the port's signature
    return ShippingTerms(tracked, None)


def decode_order(record: Record) -> Order | Refused:
    return decode_embossing_requested(record, no_profile)


DECODERS: dict[str, Callable[[Record], Decoded]] = {
    schema.CARD_CREATED: decode_card_created,
    schema.EMBOSSING_REQUESTED: decode_order,
}


def examples(kind: str, *, inputs: bool) -> list[Json]:
    found = sorted((EXAMPLES / kind).glob("*/*.json"))
    return [
        pytest.param(
            path.parent.name, json.loads(path.read_text()), id=f"{path.parent.name}/{path.stem}"
        )
        for path in found
        if (path.parent.name in DECODERS) is inputs
    ]


def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    committed = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    return jsonschema_rs.Draft202012Validator(committed, validate_formats=True)


def decode(name: str, message: object) -> Decoded:
    value = json.dumps(message).encode()
    return DECODERS[name](Record(name, 0, 1, RECEIVED, None, value))


def test_the_committed_files_are_as_generated() -> None:
    assert schema.drift(SCHEMAS) == []


def test_drift_is_told_file_by_file(tmp_path: Path) -> None:
    schema.write(tmp_path)
    assert schema.drift(tmp_path) == []
    (tmp_path / "card-created.v1.schema.json").unlink()
    (tmp_path / "asyncapi.yaml").write_text("asyncapi: 3.0.0\n")
    (tmp_path / "stray.schema.json").write_text("{}")
    assert schema.drift(tmp_path) == [
        "stray.schema.json is not generated from any model",
        "card-created.v1.schema.json is missing",
        "asyncapi.yaml differs from the models",
    ]


@pytest.mark.parametrize("name", schema.schemas())
def test_every_schema_is_a_schema_and_has_examples_of_both_kinds(name: str) -> None:
    committed = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    jsonschema_rs.meta.validate(committed)
    assert committed["$id"].endswith(f"/{name}.schema.json")
    assert list((EXAMPLES / "valid" / name).glob("*.json"))
    assert list((EXAMPLES / "invalid" / name).glob("*.json"))


def test_every_example_belongs_to_a_schema() -> None:
    assert {path.parent.name for path in EXAMPLES.glob("*/*/*.json")} == set(schema.schemas())


@pytest.mark.parametrize(("name", "message"), examples("valid", inputs=True))
def test_a_valid_input_is_valid_and_is_decoded(name: str, message: object) -> None:
    validator(name).validate(message)
    assert not isinstance(decode(name, message), Refused)


@pytest.mark.parametrize(("name", "example"), examples("invalid", inputs=True))
def test_an_invalid_input_is_refused_for_the_reason_told(name: str, example: Json) -> None:
    decoded = decode(name, example["message"])
    assert isinstance(decoded, Refused)
    assert (decoded.reason, decoded.field_path) == (example["reason"], example["field_path"])


@pytest.mark.parametrize(("name", "example"), examples("invalid", inputs=True))
def test_the_schema_refuses_what_the_decoder_refuses_but_for_the_clock(
    name: str, example: Json
) -> None:
    assert validator(name).is_valid(example["message"]) is (example["reason"] == "future_time")


@pytest.mark.parametrize(("name", "message"), examples("valid", inputs=False))
def test_a_valid_output_is_valid(name: str, message: object) -> None:
    validator(name).validate(message)
    exact = schema.schemas(closed=True)[name]
    jsonschema_rs.Draft202012Validator(exact, validate_formats=True).validate(message)


@pytest.mark.parametrize(("name", "example"), examples("invalid", inputs=False))
def test_an_invalid_output_breaks_its_schema_where_told(name: str, example: Json) -> None:
    [error] = validator(name).iter_errors(example["message"])
    assert ".".join(str(each) for each in error.instance_path) == example["field_path"]


def references(document: object) -> set[str]:
    if isinstance(document, dict):
        own = {document["$ref"]} if "$ref" in document else set()
        return own.union(*map(references, document.values()))
    if isinstance(document, list):
        return set[str]().union(*map(references, document))
    return set()


def resolves(document: Json, reference: str) -> bool:
    if reference.startswith("./"):
        return (SCHEMAS / reference).is_file()
    for step in reference.removeprefix("#/").split("/"):
        document = document.get(step, {})
    return bool(document)


ASYNCAPI = (SCHEMAS / "asyncapi.yaml").read_text()


def test_every_reference_of_the_asyncapi_document_resolves() -> None:
    document = yaml.safe_load(ASYNCAPI)
    found = references(document)
    assert [each for each in found if not resolves(document, each)] == []
    assert {f"./{name}.schema.json" for name in schema.schemas()} <= found


def test_the_asyncapi_document_names_every_header() -> None:
    headers = yaml.safe_load(ASYNCAPI)["components"]["schemas"]["headers"]
    assert headers["required"] == list(HEADERS)
    assert list(headers["properties"]) == list(HEADERS | OPTIONAL_HEADERS)


def test_the_encoder_writes_every_header_but_those_of_the_relay() -> None:
    refused = Refused(RefusalReason.MALFORMED, "", "")
    letter = DeadLetter.of(Record("t", 0, 1, RECEIVED, None, b""), refused)
    out = Encoder().dead_letter(letter, RECEIVED)
    written = dict(Headers("/source", schema.BASE).of(out.key, out.headers))
    assert written.keys() == HEADERS.keys() - {"lane", "seq"}
    assert written["ce_dataschema"].decode() == schema.schemas()[DEAD_LETTER]["$id"]


@pytest.mark.parametrize(
    "promise", ["isolation.level=read_committed", "x-extensible-enum", "version", "seq"]
)
def test_the_asyncapi_document_tells_consumers_their_obligations(promise: str) -> None:
    assert re.search(rf"`[^`]*{re.escape(promise)}[^`]*`", ASYNCAPI)
