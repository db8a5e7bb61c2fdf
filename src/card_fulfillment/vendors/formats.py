"""How times are written: ISO 8601, patterns like those of strptime, epochs.

Unlike strptime: months are English whatever the locale, two numbers without anything between them
have two digits each, and offsets may be written with a point. As there, a blank stands for several.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final

from card_fulfillment.messages.times import EPOCH
from card_fulfillment.vendors.near_miss import hint

# Text -> the time, aware where the text states a zone, and whether it is only a day.
Parse = Callable[[str], tuple[datetime, bool]]
Zones = Mapping[str, tzinfo]

ISO: Final = "iso"
_ISO_DATE: Final = len("2026-03-02")
_ISO_MINUTES: Final = len("2026-03-02T06:28")
_TIME_SEPARATORS: Final = ("T", " ", "t")
_CENTURY: Final = 2000
_NOON: Final = 12
_FURTHEST_ZONE: Final = timedelta(hours=14)
_MONTHS: Final = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
)
_MONTH_OF: Final = {
    written.lower(): number
    for number, name in enumerate(_MONTHS.split("|"), 1)
    for written in (name, name[:3])
}
_OFFSET = r"Z|z|[+-]\d\d(?:[:.]?\d\d)?"
_OFFSET_PARTS = re.compile(r"([+-]?)(\d{1,2})(?:[:.]?(\d\d))?", re.ASCII)
_TAIL = re.compile(r"(.{16,}?) ?([+-]\d\d\.\d\d|[A-Za-z]{2,6})", re.ASCII)
_COUNT = re.compile(r"-?\d{1,15}", re.ASCII)
_MICROSOFT = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/", re.ASCII)
# Of each directive, what it reads: digits, or a pattern of its own.
_DIGITS: Final = {"Y": 4, "y": 2, "m": 2, "d": 2, "j": 3, "H": 2, "I": 2, "M": 2, "S": 2}
_OTHERS: Final = {
    "b": "[A-Za-z]{3}",
    "B": "[A-Za-z]{3,9}",
    "f": r"\d{1,9}",
    "p": "[AaPp][Mm]",
    "z": _OFFSET,
    "Z": "[A-Za-z]{1,6}",
}
_WEEKDAYS: Final = "aA"
_NO_PART: Final = frozenset({"%", *_WEEKDAYS})
_SHORT: Final = {"T": "%H:%M:%S"}
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)


def iso(value: str, zones: Zones) -> tuple[datetime, bool]:
    """Parse a date, or a date and time to the minute or finer; ValueError for any other form."""
    if len(value) < _ISO_DATE or not value[4] == value[7] == "-":
        raise ValueError("no calendar date of ISO 8601")
    if len(value) == _ISO_DATE:
        return datetime.combine(date.fromisoformat(value), datetime.min.time()), True
    if len(value) < _ISO_MINUTES or value[_ISO_DATE] not in _TIME_SEPARATORS:
        raise ValueError("no time of ISO 8601")
    try:
        return datetime.fromisoformat(value), False
    except ValueError:
        return _with_tail(value, zones), False


def _with_tail(value: str, zones: Zones) -> datetime:
    """A zone that ISO 8601 does not know: an offset with a point, or an abbreviation."""
    match = _TAIL.fullmatch(value)
    if match is None:
        raise ValueError("no time of ISO 8601")
    moment = datetime.fromisoformat(match[1])
    if moment.tzinfo is not None:
        raise ValueError("two zones")
    return moment.replace(tzinfo=offset(match[2], zones))


def offset(value: str, zones: Zones) -> tzinfo:
    """Read `+01:00`, `+0100`, `-01.00`, `4`, `Z` or an abbreviation that the profile explains."""
    if value in ("Z", "z"):
        return UTC
    if value in zones:
        return zones[value]
    match = _OFFSET_PARTS.fullmatch(value)
    if match is None:
        raise ValueError("no offset from UTC, and no abbreviation of `zones`")
    distance = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    if distance > _FURTHEST_ZONE:
        raise ValueError("further from UTC than any zone")
    return timezone(-distance if match[1] == "-" else distance)


def _epoch(unit: timedelta) -> Parse:
    def parse(value: str) -> tuple[datetime, bool]:
        if _COUNT.fullmatch(value) is None:
            raise ValueError("no whole number")
        return EPOCH + int(value) * unit, False

    return parse


def _microsoft(value: str) -> tuple[datetime, bool]:
    """The count is from the epoch in UTC; the zone beside it says only how to show it."""
    match = _MICROSOFT.fullmatch(value)
    if match is None:
        raise ValueError("no /Date(milliseconds)/")
    return EPOCH + int(match[1]) * timedelta(milliseconds=1), False


_NAMED: Final[Mapping[str, Parse]] = {
    "epoch_seconds": _epoch(timedelta(seconds=1)),
    "epoch_milliseconds": _epoch(timedelta(milliseconds=1)),
    "microsoft": _microsoft,
}
EPOCH_FORMATS: Final = frozenset(_NAMED)


def check_format(pattern: str) -> None:
    """Raise ValueError for a format that is not known or does not name a whole date."""
    parser(pattern, {})


def parser(pattern: str, zones: Zones) -> Parse:
    if pattern == ISO:
        return lambda value: iso(value, zones)
    named = _NAMED.get(pattern)
    if named is not None:
        return named
    if "%" not in pattern:
        meant = hint(pattern, (ISO, *_NAMED)) or f" ({', '.join((ISO, *_NAMED))}, or a pattern)"
        raise ValueError(f"{pattern!r} is no format of times{meant}")
    return _by_pattern(pattern, zones)


def first_of(patterns: Sequence[str], zones: Zones) -> Parse:
    """Try formats in turn; ValueError where none fits."""
    parsers = tuple(parser(pattern, zones) for pattern in patterns)
    if len(parsers) == 1:
        return parsers[0]

    def parse(value: str) -> tuple[datetime, bool]:
        for each in parsers:
            try:
                return each(value)
            except (ValueError, OverflowError):
                continue
        raise ValueError("of none of the formats")

    return parse


def _by_pattern(pattern: str, zones: Zones) -> Parse:
    pattern = pattern.strip()
    for short, long in _SHORT.items():
        pattern = pattern.replace(f"%{short}", long)
    names = [name for name in _DIRECTIVE.findall(pattern) if name not in _NO_PART]
    _check_whole(pattern, names)
    written = re.compile(_expression(pattern), re.ASCII)
    day = not {"H", "I"} & set(names)

    def parse(value: str) -> tuple[datetime, bool]:
        match = written.fullmatch(value)
        if match is None:
            raise ValueError("not of the format")
        return _moment(dict(zip(names, match.groups(), strict=True)), zones), day

    return parse


def _check_whole(pattern: str, names: Sequence[str]) -> None:
    unknown = sorted(set(names) - _DIGITS.keys() - _OTHERS.keys())
    if unknown:
        raise ValueError(f"{pattern!r} has a directive that is not known: %{unknown[0]}")
    if len(set(names)) < len(names):
        raise ValueError(f"{pattern!r} names a part twice")
    if not ({"Y", "y"} & set(names) and _names_a_day(set(names))):
        raise ValueError(f"{pattern!r} does not name a whole date")
    if ("I" in names) != ("p" in names):
        raise ValueError(f"{pattern!r}: %I and %p go together")


def _names_a_day(names: set[str]) -> bool:
    """Tell whether they name a day of a year: by its month and day, or by its number."""
    months = names & {"m", "b", "B"}
    if "j" in names:
        return not months and "d" not in names
    return bool(months) and "d" in names


def _expression(pattern: str) -> str:
    """Write the format as a regular expression with one group for each directive."""
    written: list[str] = []
    at = 0
    for match in _DIRECTIVE.finditer(pattern):
        beside = 0 < at == match.start() or pattern[match.end() : match.end() + 1] == "%"
        written += [_literal(pattern[at : match.start()]), _reads(match[1], exact=beside)]
        at = match.end()
    return "".join(written) + _literal(pattern[at:])


def _literal(text: str) -> str:
    """A blank stands for several: a day of one digit, or a date, may be padded with them."""
    return re.sub(r"(?:\\ )+", " +", re.escape(text))


def _reads(name: str, *, exact: bool) -> str:
    """A number with another directive beside it has all its digits, else one may be missing."""
    if name == "%":
        return "%"
    if name in _WEEKDAYS:
        return "[A-Za-z]{3,9}"
    if name in _OTHERS:
        return f"({_OTHERS[name]})"
    digits = _DIGITS[name]
    return rf"(\d{{{digits}}})" if exact or name in "Yyj" else r"(\d{1,2})"


def _moment(parts: Mapping[str, str], zones: Zones) -> datetime:
    get = parts.get
    year = int(parts["Y"]) if "Y" in parts else _CENTURY + int(parts["y"])
    month, day = _day_of_year(year, int(parts["j"])) if "j" in parts else _day_of_month(parts)
    hour = _hour(parts) if "I" in parts else int(get("H", "0"))
    micros = int(parts["f"][:6].ljust(6, "0")) if "f" in parts else 0
    zone = get("z") or get("Z")
    return datetime(
        year,
        month,
        day,
        hour,
        int(get("M", "0")),
        int(get("S", "0")),
        micros,
        None if zone is None else offset(zone, zones),
    )


def _day_of_year(year: int, number: int) -> tuple[int, int]:
    """Count from the first of January, as mainframes do; ValueError past the year's end."""
    found = date(year, 1, 1) + timedelta(days=number - 1)
    if found.year != year:
        raise ValueError("no day of the year")
    return found.month, found.day


def _day_of_month(parts: Mapping[str, str]) -> tuple[int, int]:
    month = int(parts["m"]) if "m" in parts else _month(parts.get("b") or parts["B"])
    return month, int(parts["d"])


def _month(name: str) -> int:
    try:
        return _MONTH_OF[name.lower()]
    except KeyError:
        raise ValueError("no month") from None


def _hour(parts: Mapping[str, str]) -> int:
    hour = int(parts["I"])
    if not 1 <= hour <= _NOON:
        raise ValueError("no hour of a half day")
    return hour % _NOON + (_NOON if parts["p"].lower() == "pm" else 0)
