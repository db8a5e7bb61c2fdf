"""Card numbers written with escapes, and that looking for them takes no time."""

import json
import time
from urllib.parse import quote

import pytest

from card_fulfillment.messages.card_numbers import CardNumbers
from card_fulfillment.messages.envelope import Record
from card_fulfillment.messages.pan_guard import PanGuard
from card_fulfillment.messages.spelling import unescaped
from card_number_samples import in_groups

VISA = "4111111111111111"
GUARD = PanGuard((), {}, 65_536)


def record(value: bytes) -> Record:
    return Record("any", 0, 0, 0, b"a key", value)


@pytest.mark.parametrize(
    "value", [b"\\" * 60_000 + b"u", b"4" * 13 + b"\\" * 60_000], ids=["u", "13"]
)
def test_a_long_run_of_backslashes_takes_no_time(value: bytes) -> None:
    began = time.process_time()
    assert GUARD.refused(record(b'{"note":"' + value + b'"}')) is None
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize(
    "separator", ["\n", "\t", "\r", "\f", "\b", "\r\n", "/", "\u00a0", "\u2011"], ids=repr
)
def test_what_stands_between_groups_may_be_escaped(separator: str) -> None:
    text = in_groups(VISA, separator)
    for value in (
        json.dumps({"note": text}),
        json.dumps({"note": text}).replace("/", "\\/"),
        json.dumps({"a": json.dumps({"note": text})}),
        f"a=b&note={quote(text, safe='')}",
        json.dumps({"url": f"https://pay.example/?n={quote(text, safe='')}"}),
    ):
        assert GUARD.refused(record(value.encode())) is not None, value


@pytest.mark.parametrize("zero", [0xFF10, 0x0660, 0x06F0, 0x1D7CE])
def test_digits_of_another_script_may_be_in_percents(zero: int) -> None:
    text = "".join(chr(zero + int(digit)) for digit in VISA)
    assert GUARD.refused(record(f"a=b&note={quote(text)}".encode())) is not None


NAMED = ("nbsp", "thinsp", "ensp", "shy", "ZeroWidthSpace", "zwj", "hyphen", "ndash", "minus")


@pytest.mark.parametrize("name", NAMED)
def test_what_stands_between_groups_may_be_named_as_in_html(name: str) -> None:
    for separator in (f"&{name};", f"&amp;{name};", f"&amp;amp;{name};"):
        text = json.dumps({"note": in_groups(VISA, separator)})
        assert GUARD.refused(record(text.encode())) is not None
        assert GUARD.refused(record(text.replace("&", "\\u0026").encode())) is not None


@pytest.mark.parametrize(
    "form", ["&#{};", "&#{}", "&#00{};", "&#000000{};", "&amp;#{};", "&#x{:x};", "&#X{:X};"]
)
def test_digits_may_be_numbers_of_html_with_or_without_a_semicolon(form: str) -> None:
    text = "".join(form.format(ord(digit)) for digit in VISA)
    assert GUARD.refused(record(json.dumps({"note": text}).encode())) is not None


def test_an_ampersand_that_begins_nothing_means_itself() -> None:
    assert unescaped("a=1&b=2&copies;3&#;&" + "x" * 30) == "a=1&b=2&copies;3&#;&" + "x" * 30


def test_the_greatest_numbers_that_an_escape_can_have_are_characters() -> None:
    assert unescaped("&#xfffff;&#999999;&#x0000000000fffff;") == "\U000fffff\U000f423f\U000fffff"


@pytest.mark.parametrize(
    "separator", ["\\xa0", "\\xAD", "\\u00a0", "\\\\u2011", "\\/", "%C2%A0", "%e2%80%8b"]
)
def test_hexadecimal_letters_of_escapes_may_be_small_or_large(separator: str) -> None:
    assert CardNumbers().found_in(in_groups(VISA, separator))
    assert GUARD.refused(record(in_groups(VISA, separator).encode())) is not None


@pytest.mark.parametrize(
    "text",
    [f"\uff14{VISA[1:]}%41", f"\u200b{in_groups(VISA, '.')}%41", f"e\\\uff14{VISA[1:]}"],
    ids=ascii,
)
def test_what_a_document_says_is_searched_though_its_bytes_say_it_otherwise(text: str) -> None:
    """Taken as URLs as well, or at once, the escapes would put a hexadecimal letter beside it."""
    assert CardNumbers().found_in(text)
    refused = GUARD.refused(record(json.dumps({"note": text}).encode()))
    assert refused is not None
    assert refused.field_path == "note"


def test_bytes_with_escapes_that_are_no_document_are_suspected_for_what_they_say_alone() -> None:
    for value in (b'{"note":"1\\n', b'{"note":"\\n 4111111111111112', b"\\n" * 40_000):
        assert GUARD.refused(record(value)) is None
