"""Numbers that say which cards an element is about: serials, cartons, quantities.

Each reader gives the value and the vendor's own text of it, on which identity hangs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from card_fulfillment.vendors.language import Carton, Serials
from card_fulfillment.vendors.selectors import Scope, Text, Unfit, text

_MOST_SERIAL: Final = 10_000_000
_MOST_CARTONS: Final = 100_000
_MOST_CARDS: Final = 10_000_000
_T = TypeVar("_T")
Read = Callable[[Scope], tuple[_T, str] | None]


# Three classes alike: a generic data class cannot be compiled ahead.


@dataclass(frozen=True, slots=True)
class SerialsReader:
    """First and last serial number: the name in a profile, where they stand, how to read them."""

    name: str
    selector: str
    read: Read[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class CartonReader:
    """Which carton of how many, null where that is not said: as `SerialsReader`."""

    name: str
    selector: str
    read: Read[tuple[int, int | None]]


@dataclass(frozen=True, slots=True)
class QuantityReader:
    """How many cards: as `SerialsReader`."""

    name: str
    selector: str
    read: Read[int]


def serials_reader(serials: Serials, levels: Sequence[str]) -> SerialsReader:
    first = text(serials.first, levels)
    last = text(serials.last, levels) if serials.last else None

    def read(scope: Scope) -> tuple[tuple[int, int], str] | None:
        began = first(scope)
        ended = last(scope) if last is not None else None
        if began is None:
            if ended is None:
                return None
            raise Unfit(serials.first, "no first serial number beside the last")
        low = whole_number(serials.first, began, 1, _MOST_SERIAL)
        if ended is None:
            return (low, low), f"\0f{began}"
        high = whole_number(serials.last, ended, 1, _MOST_SERIAL)
        if high < low:
            raise Unfit(serials.last, "a last serial number before the first")
        return (low, high), f"\0f{began}\0l{ended}"

    return SerialsReader("serials", serials.first, read)


def carton_reader(carton: Carton, levels: Sequence[str]) -> CartonReader:
    number = text(carton.number, levels)
    of = text(carton.of, levels) if carton.of else None

    def read(scope: Scope) -> tuple[tuple[int, int | None], str] | None:
        which = number(scope)
        if which is None:
            return None
        if of is None:
            which, _, several = which.partition("/")
            many: str | None = several or None
        else:
            many = of(scope)
        place = whole_number(carton.number, which, 1, _MOST_CARTONS)
        if many is None:
            return (place, None), f"\0k{which}"
        count = whole_number(carton.of or carton.number, many, 1, _MOST_CARTONS)
        if place > count:
            raise Unfit(carton.number, "a carton beyond their number")
        return (place, count), f"\0k{which}\0o{many}"

    return CartonReader("carton", carton.number, read)


def quantity_reader(selector: str, levels: Sequence[str]) -> QuantityReader:
    read_text: Text = text(selector, levels)

    def read(scope: Scope) -> tuple[int, str] | None:
        raw = read_text(scope)
        if raw is None:
            return None
        return whole_number(selector, raw, 0, _MOST_CARDS), f"\0m{raw}"

    return QuantityReader("quantity", selector, read)


def whole_number(selector: str | None, raw: str, least: int, most: int) -> int:
    written = raw.strip()
    if not (written.isascii() and written.isdecimal()):
        raise Unfit(selector, "no whole number")
    number = int(written)
    if not least <= number <= most:
        raise Unfit(selector, f"not from {least} to {most}")
    return number
