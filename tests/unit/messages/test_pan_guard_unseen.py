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
]
DASHES = ["\u30fc", "\uff70", "\u2500", "\u2e3a", "\u02d7"]
# Where the digit one is in scripts whose zero is elsewhere, and that zero.
ENCLOSED = [(0x2460, 0x24EA), (0x24F5, 0x24FF), (0x2776, 0x24FF), (0x2474, 0x24EA)]


@pytest.mark.parametrize("between", [*UNSEEN, *DASHES], ids=ascii)
def test_what_is_unseen_or_a_dash_hides_no_card_number(between: str) -> None:
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


def test_text_of_another_script_is_no_dash_and_not_unseen() -> None:
    for between in "\u0e01\u0905\u4e00\u3131\uac00":
        assert not NUMBERS.found_in(between.join(VISA))
