"""Where ranges of card numbers begin and end, and what around digits tells that they are none."""

import pytest

from card_fulfillment.messages.card_numbers import CardNumbers, is_identity
from card_fulfillment.messages.envelope import Record
from card_fulfillment.messages.pan_guard import PanGuard
from card_number_samples import in_groups

VISA = "4111111111111111"
AMEX = "371449635398431"
NUMBERS = CardNumbers()

INSIDE = [
    *[("4", 13), ("4", 16), ("4", 19), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16)],
    *[("34", 15), ("37", 15), ("300", 14), ("305", 14), ("305", 19), ("36", 14), ("36", 16)],
    *[("38", 14), ("39", 19), ("3528", 16), ("3589", 19), ("50", 13), ("50", 19), ("56", 13)],
    *[("58", 19), ("60", 13), ("69", 19), ("81", 16), ("82", 19), ("2200", 16), ("2204", 19)],
    *[("8600", 16), ("9682", 16), ("9704", 16), ("9704", 19), ("9792", 16), ("9860", 16)],
]
OUTSIDE = [
    *[("4", 14), ("4", 15), ("4", 17), ("4", 18), ("51", 15), ("55", 17), ("2220", 16)],
    *[("2721", 16), ("34", 16), ("37", 14), ("35", 15), ("299", 14), ("306", 14), ("36", 15)],
    *[("3527", 16), ("3590", 16), ("50", 15), ("59", 16), ("69", 15), ("70", 16), ("80", 16)],
    *[("83", 16), ("81", 15), ("2199", 16), ("2205", 16), ("2200", 15), ("8600", 17)],
    *[("8599", 16), ("8601", 16), ("9681", 16), ("9683", 16), ("9703", 16), ("9705", 16)],
    *[("9791", 16), ("9793", 16), ("9859", 16), ("9861", 16), ("1", 16), ("0", 16)],
]


def checked(prefix: str, length: int) -> str:
    """A number of so many digits with the check digit that it must have."""
    digits = prefix + "0" * (length - 1 - len(prefix))
    doubled = [sum(divmod(2 * int(d), 10)) for d in digits[::-2]]
    return f"{digits}{-(sum(doubled) + sum(map(int, digits[-2::-2]))) % 10}"


@pytest.mark.parametrize(("prefix", "length"), INSIDE)
def test_ranges_hold_their_first_and_last_numbers(prefix: str, length: int) -> None:
    number = checked(prefix, length)
    assert NUMBERS.found_in(number)
    assert not NUMBERS.found_in(number[:-1] + str((int(number[-1]) + 1) % 10))


@pytest.mark.parametrize(("prefix", "length"), OUTSIDE)
def test_ranges_end_there(prefix: str, length: int) -> None:
    assert not NUMBERS.found_in(checked(prefix, length))


def test_a_phone_number_has_a_plus_and_fifteen_digits_at_most() -> None:
    assert not NUMBERS.found_in(f"call +{AMEX}")
    assert NUMBERS.found_in(f"call +{VISA}")
    assert NUMBERS.found_in(f"call+{AMEX}")


def test_an_account_is_none_where_its_own_check_digits_are_right() -> None:
    account = f"{in_groups(VISA, ' ')} 00"
    right = 98 - int(f"{VISA}00131400") % 97  # D is 13, E is 14
    assert not NUMBERS.found_in(f"pay to DE{right:02d} {account} please")
    assert NUMBERS.found_in(f"pay to DE{right - 1:02d} {account} please")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{VISA}bank", True),
        (f"{VISA}face", False),
        (f"{VISA}bank7", False),
        (f"{VISA}cards, please", True),
        (f"bank{VISA}", True),
        (f"7bank{VISA}", True),
        (f"née{VISA}", True),
        (f"{VISA}déjà", True),
        (f"née{VISA}e", False),
        (f"7née{VISA}", False),
        (f"7card{VISA}", False),
        (f"fee {VISA} fee", True),
        (f"abc {VISA}def", False),
        (f"abc4 {in_groups(VISA, ' ')}", True),
        (f"{VISA}-abc", True),
        (f"{VISA} - abc", True),
    ],
)
def test_digits_that_touch_a_word_of_letters_alone_are_no_part_of_it(
    text: str, *, found: bool
) -> None:
    assert NUMBERS.found_in(text) is found


@pytest.mark.parametrize("text", ["1.5e3", "4.111111111111112e15", "4.1111111111111115e15", "0e0"])
def test_a_number_with_an_exponent_is_one_only_with_the_digits_of_one(text: str) -> None:
    assert not NUMBERS.is_all_of(text)
    assert not NUMBERS.found_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "4.111111111111111e+015",  # as C writes it on some systems
        "41111111111111.11e2",
        "411111111111.1111E+4",
        "4111111111111111e-000",
        "6.0110004E15",
        "4.48407e+15",
    ],
)
def test_exponents_may_have_zeros_before_them_and_stand_for_zeros(text: str) -> None:
    assert NUMBERS.is_all_of(text)
    for value in (text, f'"{text}"', f'"a {text} b"'):
        found = PanGuard((), {}, 65_536).refused(
            Record("any", 0, 0, 0, b"k", f'{{"a":[{value}]}}'.encode())
        )
        assert found is not None
        assert found.field_path == "a[0]"


CODES = ["67e14", "6.7e14", "1.7673664e+12", "0.48407E15", f"4.{VISA[1:]}e15x", f"a4.{VISA[1:]}e15"]


@pytest.mark.parametrize("text", CODES)
def test_codes_and_times_that_look_like_such_numbers_are_none(text: str) -> None:
    assert not NUMBERS.found_in(text)


@pytest.mark.parametrize("item", ["1.", "12.", "card 3."])
def test_groups_behind_the_number_of_an_item_are_no_fraction(item: str) -> None:
    assert NUMBERS.found_in(f"{item}{in_groups(VISA, ' ')}")
    assert NUMBERS.found_in(f"{item}{in_groups(AMEX, '-')}, 12/27")
    assert not NUMBERS.found_in(f"{item}{VISA}")
    assert not NUMBERS.found_in("25.6112 1767366400000")


@pytest.mark.parametrize(
    "behind", ["1227", "0131", "2027", "1227 123", "12 27", "12/27", "12 2027"]
)
@pytest.mark.parametrize("separator", [" ", "-"])
def test_an_expiry_date_behind_a_number_does_not_hide_it(behind: str, separator: str) -> None:
    for number in (VISA, AMEX):
        assert NUMBERS.found_in(f"{in_groups(number, separator)}{separator}{behind}.")
        assert NUMBERS.found_in(f"card {number} {behind}")


@pytest.mark.parametrize(
    "text",
    [
        f"9999 {in_groups(VISA, ' ')}",
        f"{in_groups(VISA, ' ')} 9999",
        f"{in_groups(VISA, '-')}-1327",
        f"{in_groups(VISA, ' ')} 1227 1227",
        f"9999 {in_groups(VISA, ' ')} 1227",
        f"9{checked('4', 19)}",
        f"{checked('4', 19)}9",
    ],
)
def test_a_part_of_a_longer_number_is_none(text: str) -> None:
    assert not NUMBERS.found_in(text)


@pytest.mark.parametrize(
    "text", [f"<{VISA}>", in_groups(VISA, " - "), f"({in_groups(VISA, '  ')})", f"#{AMEX}."]
)
def test_a_number_is_all_of_a_text_whatever_else_than_words_is_there(text: str) -> None:
    assert NUMBERS.is_all_of(text)
    assert NUMBERS.found_in(text)
    assert not NUMBERS.is_all_of(f"{text} 1")


def test_what_is_further_apart_is_no_part_of_a_number() -> None:
    assert NUMBERS.found_in(f"1  {' '.join(VISA)}  1")
    assert NUMBERS.found_in(f"1--{'-'.join(VISA)}--1")


def test_identities_are_so_long_and_no_longer() -> None:
    for whole in ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "4" * 32, "ab" * 16):
        assert is_identity(whole)
        assert not is_identity(whole[:-1])
        assert not is_identity(f"{whole}0")
