"""Card numbers are found however they are written; ids and tracking numbers are none."""

import json
import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import RECEIVED, card_created, embossing_requested

from builders import altered
from card_fulfillment.messages.card_numbers import CardNumbers
from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.messages.envelope import Record, RefusalReason, Refused
from card_fulfillment.messages.outbound import Encoder
from card_fulfillment.messages.pan_guard import OWN_IDS, PanGuard, Spared
from card_number_samples import PUBLISHED, in_groups, spellings

VISA = "4111111111111111"
TRACKING = ("shipments", "[]", "tracking")
GUARD = PanGuard((), {"own": OWN_IDS, "vendor": Spared(frozenset({("order",), TRACKING}))}, 65_536)
NUMBERS = CardNumbers()
SPELLINGS = tuple(spellings(VISA))


def record(value: object, topic: str = "own", **changed: Any) -> Record:  # noqa: ANN401 - any field
    data = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    return altered(Record(topic, 3, 41, RECEIVED, b"a key", data), **changed)


def place(found: Refused | None) -> str:
    """Where card data were found, after a look at how it is told."""
    assert found is not None
    assert found.reason is RefusalReason.CARD_DATA
    assert not any(character.isdigit() for character in found.message)
    return found.field_path


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_published_test_numbers_are_found_in_every_spelling(spelling: str) -> None:
    for number in PUBLISHED:
        text = spellings(number)[spelling]
        escaped = json.dumps(card_created(note=text)).encode()
        assert place(GUARD.refused(record(card_created(note=text)))) == "note"
        assert place(GUARD.refused(record(card_created(**{text: "x"})))) == "*"
        assert place(GUARD.refused(record(escaped))) == "note"
        in_header = record({}, headers=(("note", text.encode()),))
        assert place(GUARD.refused(in_header)) == "headers.note"
        assert place(GUARD.refused(record({}, "vendor", key=text.encode()))) == "key"
        assert place(GUARD.refused(record(text.encode(), "vendor"))) in {"", "a", "pan"}


@pytest.mark.parametrize("number", PUBLISHED)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037"])
def test_other_encodings_hide_nothing(number: str, encoding: str) -> None:
    for text in (number, in_groups(number, " "), f'{{"pan": "{number}"}}'):
        assert GUARD.refused(record(text.encode(encoding))) is not None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_nor_do_digits_of_another_script_in_them(encoding: str) -> None:
    text = json.dumps({"pan": spellings(VISA)["Arabic-Indic"]}, ensure_ascii=False)
    assert GUARD.refused(record(text.encode(encoding))) is not None


@pytest.mark.parametrize(
    "literal",
    ["4111111111111111", "-4111111111111111", "4111111111111111.0", "4.111111111111111E+15"],
)
def test_numbers_are_read_as_they_are_written(literal: str) -> None:
    raw = f'{{"a":[1,{{"pan":{literal}}}]}}'.encode()
    assert place(GUARD.refused(record(raw))) == "a[1].pan"


@pytest.mark.parametrize(
    "value",
    [
        b'{"pan":"4111111111111111","pan":"x"}',
        b'{"a":"x","a":{"pan":"4111111111111111"},"a":1}',
        b'\xef\xbb\xbf{"pan":"4111111111111111"}',
        b'{"pan":"4111111111111111"',
        b'{"pan":4111111111111111,"a":NaN}',
        b"\x00\x00\x00\x00\x07pan=4111111111111111",
        b"\xff\xfe\x00 4111111111111111 \xff",
        b"4111\xa01111\xa01111\xa01111",
        b"\xc0\xb4111111111111111",
        b"--x\r\nContent-Disposition: form-data; name=pan\r\n\r\n4111111111111111\r\n--x--",
        b"<card><pan>4111 1111 1111 1111</pan></card>",
        b"[" * 100_000 + b"4111111111111111" + b"]" * 100_000,
        b'{"filler":"' + b"x" * 70_000 + b'","pan":"4111111111111111"}',
        b"9 4111111111111 " * 90_000,
    ],
    ids=range(14),
)
def test_what_is_not_read_is_searched_all_the_same(value: bytes) -> None:
    assert GUARD.refused(record(value)) is not None


def test_a_record_without_a_value_can_have_a_key_with_a_card_number() -> None:
    tombstone = altered(record({}), value=None)
    assert place(GUARD.refused(altered(tombstone, key=VISA.encode()))) == "key"
    assert GUARD.refused(altered(tombstone, key=None)) is None


def test_names_in_the_payload_are_told_only_where_they_have_no_digits() -> None:
    hidden = {"safe": {f"a {VISA}": {"x1": 1}}, "b": {"c2": [VISA]}}
    assert place(GUARD.refused(record(hidden))) in {"safe.*", "b.*[0]"}
    assert place(GUARD.refused(record({}, headers=((VISA, b""),)))) == "headers.*"


ID_FIELDS = ["event_id", "card_id", "reference_card_id", "bulk_issuance_id", "card_product_id"]


@pytest.mark.parametrize("field", ID_FIELDS)
def test_ids_may_have_digits_in_them_but_not_be_card_numbers(field: str) -> None:
    assert GUARD.refused(record(card_created(**{field: f"issue-{VISA}"}))) is None
    for spelling in ("plain", "spaces", "dashes", "full width", "zero width"):
        said = card_created(**{field: spellings(VISA)[spelling]})
        assert place(GUARD.refused(record(said))) == field


def test_so_may_references_keys_and_the_ids_of_cloud_events() -> None:
    def with_reference(value: object) -> Record:
        return record(embossing_requested(references=[{"kind": "issuer_ref", "value": value}]))

    assert GUARD.refused(with_reference(f"emb-{VISA}")) is None
    assert place(GUARD.refused(with_reference(VISA))) == "references[0].value"
    assert place(GUARD.refused(with_reference(int(VISA)))) == "references[0].value"
    assert place(GUARD.refused(with_reference({"pan": f"emb-{VISA}"}))) == "references[0].value.pan"
    assert GUARD.refused(record({}, key=f"emb-{VISA}".encode())) is None
    assert place(GUARD.refused(record({}, key=VISA.encode()))) == "key"
    event = {"id": f"emb-{VISA}", "data": card_created(card_id=f"emb-{VISA}")}
    assert GUARD.refused(record(event)) is None
    assert GUARD.refused(record({}, headers=(("ce_id", f"emb-{VISA}".encode()),))) is None
    assert place(GUARD.refused(record({}, headers=(("ce_id", VISA.encode()),)))) == "headers.ce_id"


def test_so_may_what_a_profile_declares() -> None:
    said = {"order": f"o-{VISA}", "shipments": [{"tracking": f"1Z{VISA}"}]}
    assert GUARD.refused(record(said, "vendor")) is None
    assert place(GUARD.refused(record(said, "own"))) in {"order", "shipments[0].tracking"}
    assert place(GUARD.refused(record(said | {"order": VISA}, "vendor"))) == "order"
    assert place(GUARD.refused(record(said | {"note": said["order"]}, "vendor"))) == "note"
    doubled = json.dumps(said)[:-1].encode() + f',"order":"{VISA}"}}'.encode()
    assert place(GUARD.refused(record(doubled, "vendor"))) == "order"


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # the check digit
        "1111111111111117",  # nobody's range
        "411111111111",  # 12 digits
        "41111111111111111111",  # 20
        "94111111111111111118",
        "4111-1111-1111-111a",
        "f4111111111111111",
        "deadbeef4111111111111111",
        "0x4111111111111111ff",
        "550e8400-e29b-41d4-4111-111111111111",
        "see card:550e8400-e29b-41d4-4111-111111111111.",
        "00-41111111111111114111111111111111-4111111111111111-01",
        "a 00-4bf92f3577b34da6a3ce929d0e0e4736-4111111111111111-01 trace",
        "0.4111111111111111",
        "25.4111111111111111,55.1",
        "1767366400000",  # milliseconds since the epoch
        "1767366400000000",
        "20260301093000",
        "2026-03-01 09-30-00 4111",
        "+4915112345678",
        "call +49 1511 2345678 now",
        "DE89 3704 0044 0532 0130 00",
        "GB29NWBK60161331926819",
        "9400 1118 9922 4111 1111 1111 11",
        "1, 4111, 1111, 1111, 1111",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert not NUMBERS.found_in(text)
    assert (
        GUARD.refused(record({"note": text, "list": [text]}, "vendor", key=text.encode())) is None
    )


def test_an_issuer_that_names_its_prefixes_is_warned_of_these_alone() -> None:
    ours = PanGuard(["411111", "97"], {}, 65_536)
    assert place(ours.refused(record({"note": VISA}))) == "note"
    assert ours.refused(record({"note": "5555555555554444"})) is None
    assert place(ours.refused(record({"note": "97000000000000014"}))) == "note"


def seeded() -> random.Random:
    return random.Random(20_260_301)  # noqa: S311 - chance, not secrecy


def digits(chance: random.Random, count: int, head: str = "") -> str:
    return head + f"{chance.randrange(10 ** (count - len(head))):0{count - len(head)}d}"


def test_no_random_identity_is_taken_for_a_card_number_in_a_million() -> None:
    chance = seeded()
    for _ in range(250_000):
        one, two = (UUID(int=chance.getrandbits(128), version=4) for _ in range(2))
        trace = f"00-{two.hex}-{one.hex[16:]}-01"
        text = f'{{"id":"{one}","card_id":"card_{two}","trace":"{trace}","hex":"{one.hex}"}}'
        refused = GUARD.refused(Record("vendor", 0, 0, 0, str(two).encode(), text.encode()))
        assert refused is None, text


CARRIERS: dict[str, Callable[[random.Random], str]] = {
    "UPS": lambda chance: "1Z" + digits(chance, 16),
    "FedEx Express": lambda chance: digits(chance, 12),
    "FedEx SmartPost": lambda chance: digits(chance, 20, "61"),
    "FedEx Ground 96": lambda chance: digits(chance, 22, "96"),
    "USPS 20": lambda chance: digits(chance, 20, "71"),
    "USPS 22": lambda chance: digits(chance, 22, "94"),
    "USPS 22 in groups": lambda chance: in_groups(digits(chance, 22, "92"), " "),
    "DHL Express": lambda chance: digits(chance, 10),
    "DHL Express 11": lambda chance: digits(chance, 11),
    "DHL piece": lambda chance: "JJD" + digits(chance, 18, "01"),
    "DHL piece, short": lambda chance: "JD" + digits(chance, 18, "01"),
    "DHL eCommerce": lambda chance: "GM" + digits(chance, 18),
    "Deutsche Post": lambda chance: digits(chance, 20, "0034"),
    "Aramex": lambda chance: digits(chance, 11),
    "SMSA": lambda chance: digits(chance, 12),
    "Royal Mail, S10": lambda chance: f"SX{digits(chance, 9)}GB",
    "PostNL": lambda chance: "3S" + "ABCD" + digits(chance, 9),
    "DPD": lambda chance: digits(chance, 14, "0150"),
    "SSCC": lambda chance: "(00)" + digits(chance, 18, "0"),
    "prefixed, 16": lambda chance: "AWB" + digits(chance, 16),
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_no_tracking_number_in_its_field_is_taken_for_a_card_number(carrier: str) -> None:
    chance = seeded()
    for _ in range(5_000):
        said = f'{{"order":"x","shipments":[{{"tracking":"{CARRIERS[carrier](chance)}"}}]}}'
        assert GUARD.refused(record(said.encode(), "vendor")) is None, said


def test_a_bare_tracking_number_of_fifteen_digits_is_seldom_one_of_american_express() -> None:
    chance = seeded()
    taken = sum(NUMBERS.is_all_of(digits(chance, 15)) for _ in range(20_000))
    assert taken / 20_000 < 0.003


@given(st.binary(max_size=400), st.binary(max_size=40), st.text(max_size=20))
def test_any_record_can_be_looked_at(value: bytes, key: bytes, name: str) -> None:
    GUARD.refused(record(value, key=key, headers=((name, key),)))


@given(st.text(max_size=30), st.sampled_from(PUBLISHED), st.text(max_size=30))
def test_text_around_a_number_does_not_hide_it(before: str, number: str, after: str) -> None:
    assert NUMBERS.found_in(f"{before} : {number} : {after}")


def test_what_is_quarantined_for_card_data_keeps_nothing_of_it() -> None:
    for topic in ("own", "vendor"):
        bad = record({VISA: VISA}, topic, key=VISA.encode(), headers=((VISA, VISA.encode()),))
        refused = GUARD.refused(bad)
        assert refused is not None
        letter = DeadLetter.of(bad, refused)
        out = Encoder().dead_letter(letter, RECEIVED)
        assert letter.key is None
        assert letter.value is None
        assert "1111" not in repr(letter).replace(letter.sha256, "")
        told = json.loads(out.value)
        del told["sha256"]
        assert "1111" not in json.dumps(told) + out.headers + str(out.key)


@pytest.mark.parametrize(
    "track",
    [
        f"%B{VISA}^DOE/JOHN^27121010000000000000?",
        f";{VISA}=27121010000000000000?",
        f"{VISA}D27121010000000000000F",
        f"B{VISA}^",
        f"57 {VISA}d2712101",
    ],
)
def test_what_a_stripe_or_a_chip_holds_is_found(track: str) -> None:
    assert NUMBERS.found_in(track)


@pytest.mark.parametrize("pan", [VISA, int(VISA), in_groups(VISA, " ")], ids=repr)
def test_a_key_of_several_fields_is_no_id_in_which_a_card_number_is_spared(pan: object) -> None:
    key = json.dumps({"card_id": f"issue-{VISA}", "pan": pan}).encode()
    assert place(GUARD.refused(record({}, key=key))) == "key"
    as_header = (("ce_subject", json.dumps([["c1", pan]]).encode()),)
    assert place(GUARD.refused(record({}, headers=as_header))) == "headers.ce_subject"
    assert GUARD.refused(record({}, key=json.dumps({"card_id": f"issue-{VISA}"}).encode())) is None
