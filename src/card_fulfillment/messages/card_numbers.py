"""Card numbers in text: what looks like one, is within a known range and has its check digit.

A candidate is a run of 13 to 19 digits, single spaces or dashes between them allowed, that touches
no digit and no hexadecimal word. In a longer run, a whole group of digits and the groupings printed
on cards are candidates too: an expiry date behind a number does not hide it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from card_fulfillment.messages.spelling import plain, unescaped

SHORTEST: Final = 13
LONGEST: Final = 19


class Range(NamedTuple):
    """Prefixes from `low` to `high`, equally long, of numbers with so many digits."""

    low: str
    high: str
    lengths: frozenset[int]


_ANY: Final = frozenset(range(SHORTEST, LONGEST + 1))
_LONG: Final = frozenset(range(16, 20))
_SIXTEEN: Final = frozenset({16})
# Nobody issues Maestro numbers of 15 digits; couriers have such tracking numbers.
_MAESTRO: Final = _ANY - {15}

NETWORKS: Final = (
    Range("4", "4", frozenset({13, 16, 19})),  # Visa; mada, Elo and Dankort in part
    Range("51", "55", _SIXTEEN),  # Mastercard
    Range("2221", "2720", _SIXTEEN),
    Range("34", "34", frozenset({15})),  # American Express
    Range("37", "37", frozenset({15})),
    Range("300", "305", frozenset({14}) | _LONG),  # Diners Club
    Range("36", "36", frozenset({14}) | _LONG),
    Range("38", "39", frozenset({14}) | _LONG),
    Range("3528", "3589", _LONG),  # JCB
    Range("50", "50", _MAESTRO),  # Maestro; Verve, Meeza, RuPay, Elo
    Range("56", "58", _MAESTRO),
    Range("60", "69", _MAESTRO),  # Maestro, Discover, UnionPay, RuPay, Troy
    Range("81", "82", _LONG),  # UnionPay, RuPay
    Range("2200", "2204", _LONG),  # Mir
    Range("8600", "8600", _SIXTEEN),  # Uzcard
    Range("9682", "9682", _SIXTEEN),  # mada
    Range("9704", "9704", _LONG),  # Napas
    Range("9792", "9792", _SIXTEEN),  # Troy
    Range("9860", "9860", _SIXTEEN),  # Humo
)

_HEX: Final = "[0-9a-fA-F]"
_UUID: Final = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_TRACEPARENT: Final = f"{_HEX}{{2}}-{_HEX}{{32}}-{_HEX}{{16}}-{_HEX}{{2}}"
RANDOM: Final = f"{_UUID}|{_TRACEPARENT}"
_RANDOM: Final = re.compile(RANDOM)
_ULID: Final = "[0-7][0-9a-hjkmnp-tv-zA-HJKMNP-TV-Z]{25}"
_IDENTITY: Final = re.compile(f"{RANDOM}|{_HEX}{{32}}|{_ULID}")
_IBAN: Final = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?\b")
# Possessive groups would be shorter, but Python before 3.11.5 matches them wrongly.
_STRETCH: Final = re.compile(r"[0-9][0-9 -]{12,}")
_GAP: Final = re.compile(r"[ -]{2,}|[ -]$")
_GROUP: Final = re.compile(r"(?<![0-9])[0-9]{13,19}(?![0-9])")
_PRINTED: Final = re.compile(r"(?<![0-9])[0-9]{4}[ -][0-9]{6}[ -][0-9]{4,5}(?![0-9])")
# A whole series of three or four fours: a part of a longer one is no candidate, unless the rest is
# a month and a year, or a year.
_SERIES: Final = re.compile(
    r"(?<!(?<![0-9])[0-9]{4}[ -])(?<![0-9])([0-9]{4}(?:[ -][0-9]{4}(?![0-9])){2,3})"
    r"(?![ -][0-9]{4}(?![0-9]))(?:[ -][0-9]{1,3}(?![0-9]))?"
)
_BEFORE_DATE: Final = re.compile(
    r"(?<!(?<![0-9])[0-9]{4}[ -])(?<![0-9])([0-9]{4}(?:[ -][0-9]{4}){3})"
    r"[ -](?:(?:0[1-9]|1[0-2])[2-4][0-9]|20[2-4][0-9])(?![0-9]|[ -][0-9]{4}(?![0-9]))"
)
_OTHERWISE_GROUPED: Final = re.compile(
    r"(?<![0-9A-Fa-f])[0-9]{4}([._/+]|[ ._/+-]{2,3})"
    r"(?:[0-9]{4}(?:\1[0-9]{4}){1,2}(?:\1[0-9]{1,3})?|[0-9]{6}\1[0-9]{4,5})(?![0-9A-Fa-f])"
)
# As on a magnetic stripe or in a chip: B<number>^<name>, <number>D<expiry date, service code>.
_NAME_FIELD: Final = re.compile(r"\^")
_DATE_FIELD: Final = re.compile(r"[dD][0-9]{7}")
_EXPONENT: Final = re.compile(r"(?<=[0-9])[eE][+-]?[0-9]")
# With so many digits that it is no code such as 67e14.
_FLOAT: Final = re.compile(
    r"(?<![\w.])(?:[0-9]{1,20}\.[0-9]{4,24}|[0-9]{10,20}(?:\.[0-9]{1,3})?)"
    r"[eE][+-]?0*[0-9]{1,2}(?!\w)"
)
_WHOLE: Final = re.compile(r"\W*([0-9](?:[ ._/+-]{0,3}[0-9]){12,18})\W*")
_NO_DIGIT: Final = re.compile(r"[^0-9]+")
_HEX_BEFORE: Final = re.compile(r"[a-fA-F]$")
_HEX_AFTER: Final = re.compile(r"[a-fA-F]")
# Letters alone, one of them not hexadecimal: `card4111…` is no part of a hexadecimal id.
_WORD_BEFORE: Final = re.compile(r"(?:^|[\W_])(?=[^\W\d_]*[^\W\d_a-fA-F])[^\W\d_]+$")
_WORD_AFTER: Final = re.compile(r"(?=[^\W\d_]*[^\W\d_a-fA-F])[^\W\d_]+(?:$|[\W_])")
_NEARBY: Final = 32
_INTERNATIONAL: Final = re.compile(r"(?:^|[^0-9A-Za-z])\+$")
# A text with more of them is taken for card data rather than searched to its end.
_MOST_CANDIDATES: Final = 10_000
_LONGEST_PHONE: Final = 15
_FRACTION: Final = re.compile(r"[0-9]\.$")
# As on a card, behind the number of an item in a list.
_IN_GROUPS: Final = re.compile(r"[0-9]{4}[ -](?:[0-9]{4}[ -]|[0-9]{6}[ -])[0-9]{4}")
_DOUBLED: Final = str.maketrans("0123456789", "0246813579")


def is_identity(text: str) -> bool:
    """Tell a UUID, ULID, 32 hexadecimal digits or a traceparent, which are made at random."""
    return _IDENTITY.fullmatch(text) is not None


class CardNumbers:
    """bins: the issuer's prefixes; without any, the ranges of the card networks."""

    def __init__(self, bins: Iterable[str] = ()) -> None:
        ranges = tuple(Range(each, each, _ANY) for each in bins) or NETWORKS
        self._ranges: Mapping[str, Sequence[Range]] = {
            digit: [each for each in ranges if each.low[0] <= digit <= each.high[0]]
            for digit in "0123456789"
        }

    def found_in(self, text: str) -> bool:
        """Whether there is a card number anywhere in the text."""
        return any(self._is_in(said) and self._is_in(_without_ids(said)) for said in _ways(text))

    def is_all_of(self, text: str) -> bool:
        """Whether the text is a card number and nothing else."""
        return any(map(self._is_whole, _ways(text)))

    def _is_whole(self, said: str) -> bool:
        whole = _WHOLE.fullmatch(said)
        if whole is not None:
            return self._is_card_number(_NO_DIGIT.sub("", whole[1]))
        return _FLOAT.fullmatch(said) is not None and self._is_card_number(_integer(said))

    def _is_in(self, said: str) -> bool:
        return any(
            looked_at == _MOST_CANDIDATES or self._is_card_number(digits)
            for looked_at, digits in enumerate(_candidates(said))
        )

    def _is_card_number(self, digits: str) -> bool:
        """Digits alone, also none."""
        for each in self._ranges.get(digits[:1], ()):
            if each.low <= digits[: len(each.low)] <= each.high and len(digits) in each.lengths:
                return _passes_luhn(digits)
        return False


def _passes_luhn(digits: str) -> bool:
    doubled = digits[-2::-2].translate(_DOUBLED)
    return sum(map(int, digits[::-2] + doubled)) % 10 == 0


def _ways(text: str) -> Iterator[str]:
    """Both ways to read it: what looks like an escape may be a card number behind a percent."""
    yield plain(text)
    meant = unescaped(text)
    if meant != text:
        yield plain(meant)


def _without_ids(text: str) -> str:
    return _IBAN.sub(_without_account, _RANDOM.sub("~", text))


def _without_account(iban: re.Match[str]) -> str:
    """Nothing of a bank account's number whose check digits are right."""
    text = iban[0].replace(" ", "")
    number = "".join(str(int(each, 36)) for each in text[4:] + text[:4])
    return "~" if int(number) % 97 == 1 else iban[0]


def _candidates(text: str) -> Iterator[str]:
    for run in _runs(text):
        first, last = _free(text, *run)
        for start, end in _within(text, *run):
            digits = _NO_DIGIT.sub("", text[start:end])
            if start >= first and end <= last and not _is_phone(text, start, digits):
                yield digits
    for grouped in _OTHERWISE_GROUPED.finditer(text):
        yield _NO_DIGIT.sub("", grouped[0])
    if _EXPONENT.search(text):
        for number in _FLOAT.finditer(text):
            yield _integer(number[0])


def _runs(text: str) -> Iterator[tuple[int, int]]:
    """Where thirteen digits and more begin and end, one space or dash between two at most."""
    for stretch in _STRETCH.finditer(text):
        begin, beyond = stretch.span()
        for gap in _GAP.finditer(text, begin, beyond):
            if _has_enough(text, begin, gap.start()):
                yield begin, gap.start()
            begin = gap.end()
        if _has_enough(text, begin, beyond):
            yield begin, beyond


def _has_enough(text: str, first: int, last: int) -> bool:
    return last - first - text.count(" ", first, last) - text.count("-", first, last) >= SHORTEST


def _within(text: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Where candidates begin and end: all of a run, its groups, and groups as printed on cards."""
    if last - first < 2 * LONGEST:
        yield first, last
    for group in _GROUP.finditer(text, first, last):
        yield group.span()
    for printed in _PRINTED.finditer(text, first, last):
        yield printed.span()
    for series in _SERIES.finditer(text, first, last):
        yield series.span(1)
        yield series.span()
    for dated in _BEFORE_DATE.finditer(text, first, last):
        yield dated.span(1)


def _free(text: str, first: int, last: int) -> tuple[int, int]:
    """The part of a run that is not of a hexadecimal word: a space ends one, a dash does not."""
    before, after = text[max(0, first - _NEARBY) : first], text[last : last + _NEARBY]
    follows_hex = _HEX_BEFORE.search(before) and not _WORD_BEFORE.search(before)
    if _NAME_FIELD.match(after) or (not follows_hex and _DATE_FIELD.match(after)):
        return first, last
    if follows_hex:
        first = text.find(" ", first, last) + 1 or last
    if _HEX_AFTER.match(after) and not _WORD_AFTER.match(after):
        last = max(text.rfind(" ", first, last), first)
    if _FRACTION.search(before) and not _IN_GROUPS.match(text, first, last):
        first += 1
    return first, last


def _is_phone(text: str, start: int, digits: str) -> bool:
    """E.164 numbers have at most 15 digits behind their plus sign."""
    before = text[max(0, start - 2) : start]
    return len(digits) <= _LONGEST_PHONE and _INTERNATIONAL.search(before) is not None


def _integer(number: str) -> str:
    """Digits of a number with an exponent; none where it is no integer of a fitting size."""
    value = Decimal(number)
    if not 0 < value.adjusted() <= LONGEST or value != value.to_integral_value():
        return ""
    return str(int(value))
