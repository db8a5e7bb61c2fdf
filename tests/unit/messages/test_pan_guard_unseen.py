"""Card numbers with something between their digits that nobody sees, or that looks like a dash."""

import json

import pytest

from card_fulfillment.messages.card_numbers import CardNumbers
from card_fulfillment.messages.envelope import Record
from card_fulfillment.messages.pan_guard import PanGuard
from card_number_samples import in_groups

VISA = "4012888888881881"
GUARD = PanGuard((), {}, 65_536)
NUMBERS = CardNumbers()

UNSEEN = [
    "\x81",  # a control of Latin-1's upper half
    "\ud800",  # half a character
    "\udc00",
    "\U000e0020",  # a tag
    "\U000e0100",  # a variation selector
    "\u0483",  # combining marks
    "\u1dc0",
    "\ufe20",
    "\u180b",
    "\ufff9",  # the beginning of an annotation
    "\u3164",  # letters without ink
    "\uffa0",
    "\u2800",
    *"\0\x08\x0e\x1f\x7f\x84\x86\x9f\xad\u0300\u036f\u0489\u0600\u0605\u061c\u06dd\u070f\u0890\u08e2",
    *"\u115f\u1160\u17b4\u180e\u180f\u1ab0\u1dff\u200b\u200f\u202a\u202e\u2060\u206f\u20d0\u20f0",
    *"\ufe00\ufe0f\ufe2f\ufeff\ufffd",
]
DASHES = [
    *["\u30fc", "\uff70", "\u2500", "\u2e3a", "\u2e3b", "\u02d7", "\u2010", "\u2015", "\u2043"],
    *["\u2212", "\ufe58", "\ufe63", "\uff0d"],
]
SPACES = [*"\t\n\x0b\x0c\r\x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000"]
# Where the digit one is in scripts whose zero is elsewhere, and that zero.
ENCLOSED = [(0x2460, 0x24EA), (0x24F5, 0x24FF), (0x2776, 0x24FF), (0x2474, 0x24EA)]


@pytest.mark.parametrize("between", [*UNSEEN, *DASHES, *SPACES], ids=ascii)
def test_what_is_unseen_or_a_dash_or_a_space_hides_no_card_number(between: str) -> None:
    text = in_groups(VISA, between)
    assert NUMBERS.found_in(text)
    assert NUMBERS.is_all_of(text)
    assert GUARD.refused(Record("any", 0, 0, 0, b"k", json.dumps({"a": text}).encode()))


@pytest.mark.parametrize("between", UNSEEN, ids=ascii)
def test_nor_does_it_between_all_digits(between: str) -> None:
    assert NUMBERS.found_in(between.join(VISA))


@pytest.mark.parametrize(("one", "zero"), ENCLOSED)
def test_digits_may_have_a_ring_around_them(one: int, zero: int) -> None:
    text = "".join(chr(one + int(digit) - 1) if digit != "0" else chr(zero) for digit in VISA)
    assert NUMBERS.found_in(text)


@pytest.mark.parametrize("digits", ["⁰¹²³⁴⁵⁶⁷⁸⁹", "₀₁₂₃₄₅₆₇₈₉"])
@pytest.mark.parametrize("number", ["4012888888881881", "3566002020360505", "378282246310005"])
def test_digits_may_be_raised_or_lowered(digits: str, number: str) -> None:
    assert NUMBERS.is_all_of("".join(digits[int(digit)] for digit in number))


def test_text_of_another_script_is_no_dash_and_not_unseen() -> None:
    for between in "\u0e01\u0905\u4e00\u3131\uac00":
        assert not NUMBERS.found_in(between.join(VISA))


@pytest.mark.parametrize("lead", [b"\xc0", b"\xe0\x80", b"\xf0\x80\x80"])
def test_digits_may_take_more_bytes_than_they_should(lead: bytes) -> None:
    value = b"".join(lead + bytes([0x80 | ord(digit)]) for digit in VISA)
    assert GUARD.refused(Record("any", 0, 0, 0, b"k", b"pan " + value))


@pytest.mark.parametrize("between", [b"", b"\x40", b"\x60"])
def test_digits_of_mainframes_may_have_blanks_or_dashes_between_them(between: bytes) -> None:
    groups = [VISA[i : i + 4].encode("cp037") for i in range(0, len(VISA), 4)]
    assert GUARD.refused(Record("any", 0, 0, 0, b"k", between.join(groups)))


@pytest.mark.parametrize(("depth", "told"), [(500, "[0]" * 500), (501, "")])
def test_a_place_is_told_as_deep_as_every_python_reads(depth: int, told: str) -> None:
    value = b"[" * depth + VISA.encode() + b"]" * depth
    found = GUARD.refused(Record("own", 0, 0, 0, None, value))
    assert found is not None
    assert found.field_path == told
