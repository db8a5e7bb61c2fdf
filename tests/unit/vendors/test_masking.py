"""Private parts of messages that are not written as they should be are not stored either."""

import json
from pathlib import Path

import pytest
from vendor_samples import FLAT, HEAD, profile_of

from card_fulfillment.vendors.masking import mask_of

HOLDER = {"card": "c", "code": "?", "holder": {"name": "A. Name"}}
TWICE = json.dumps(HOLDER)


def kept(tmp_path: Path, private: str, message: object, content_type: bytes) -> bytes | None:
    mask = mask_of(profile_of(tmp_path, f"{HEAD}private: ['{private}']\n{FLAT}"))
    assert mask is not None
    return mask(json.dumps(message).encode(), {"content-type": content_type})


@pytest.mark.parametrize(
    ("private", "message", "stored"),
    [
        ("holder.name", TWICE, None),
        ("holder", TWICE, None),
        ("holder.name", [TWICE], ["(masked)"]),
        ("a[].b.name", {"a": [TWICE, {"c": 1}, "-"]}, {"a": ["(masked)", {"c": 1}, "-"]}),
        ("holder.name", {"holder": json.dumps({"name": "A. Name"})}, {"holder": "(masked)"}),
        ("holder[].name", {"holder": ["A. Name", None, 1]}, {"holder": ["(masked)", None, 1]}),
        ("holder.name", {"holder": ["A. Name"]}, {"holder": ["(masked)"]}),
        ("a[].name", {"a": {"name": "A. Name"}}, {"a": {"name": "(masked)"}}),
    ],
)
def test_a_text_in_place_of_an_object_is_private(
    tmp_path: Path, private: str, message: object, stored: object
) -> None:
    text = kept(tmp_path, private, message, b"application/json")
    assert (text if text is None else json.loads(text)) == stored


def test_so_is_one_that_is_the_data_of_a_cloud_event(tmp_path: Path) -> None:
    event = b"application/cloudevents+json"
    assert kept(tmp_path, "holder.name", {"id": "x", "data": TWICE}, event) is None
    masked = kept(tmp_path, "holder.name", {"id": "x", "data": HOLDER}, event)
    assert masked is not None
    assert json.loads(masked)["data"] == HOLDER | {"holder": {"name": "(masked)"}}


def test_what_is_kept_takes_no_more_bytes_than_it_did(tmp_path: Path) -> None:
    mask = mask_of(profile_of(tmp_path, f"{HEAD}private: [holder]\n{FLAT}"))
    assert mask is not None
    said = '{"holder":"A. Name","city":"Zürich","n":12345678901234567890123,"x":[0.5,1]}'
    assert mask(said.encode(), {}) == said.replace("A. Name", "(masked)").encode()


@pytest.mark.parametrize(
    ("private", "message", "stored"),
    [
        ("الاسم", {"الاسم": "أحمد", "n": 1}, {"الاسم": "(masked)", "n": 1}),
        (
            "destinatário.nome",
            {"destinatário": {"nome": "A"}},
            {"destinatário": {"nome": "(masked)"}},
        ),
        ("a[].'Full name'", {"a": [{"Full name": "A"}]}, {"a": [{"Full name": "(masked)"}]}),
        (
            "'Cont. person'.phone",
            {"Cont. person": {"phone": 1}},
            {"Cont. person": {"phone": "(masked)"}},
        ),
    ],
)
def test_keys_of_any_characters_are_masked(
    tmp_path: Path, private: str, message: object, stored: object
) -> None:
    text = kept(tmp_path, private.replace("'", '"'), message, b"application/json")
    assert text is not None
    assert json.loads(text) == stored


def test_what_is_read_by_a_quoted_key_though_it_is_private_is_not_kept(tmp_path: Path) -> None:
    says = FLAT + '        text: message."Full name"\n'
    mask = mask_of(profile_of(tmp_path, f"{HEAD}private: ['\"Full name\"']\n{says}"))
    assert mask is not None
    assert mask(b'{"Full name": "A"}', {}) is None
