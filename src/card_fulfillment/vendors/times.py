"""What a vendor's time means: microseconds UTC, how precise it is, and the text that it was."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import DAY, SECOND
from card_fulfillment.domain.value import Value
from card_fulfillment.messages.times import to_micros
from card_fulfillment.vendors.formats import EPOCH_FORMATS, Zones, first_of, offset
from card_fulfillment.vendors.language import ProfileFile, TimeField
from card_fulfillment.vendors.selectors import Scope, Text, Unfit, is_filler, text

# Nothing that this product follows is older; what is, is a wrong field, unit or century.
_EARLIEST: Final = 946_684_800 * SECOND
_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2100
_LAST_DAY: Final = date.max
# Zones that may be written by their letters whatever the profile says.
_UNIVERSAL: Final[Mapping[str, tzinfo]] = {"UTC": UTC, "GMT": UTC}


class Stated(Value):
    """raw: the vendor's own text, on which identity hangs; fallback, day_length: see `Fact`."""

    __match_args__ = ("raw", "at", "precision", "fallback", "day_length")

    def __init__(
        self, raw: str, at: int, precision: Precision, fallback: str | None, day_length: int
    ) -> None:
        self.raw: Final = raw
        self.at: Final = at
        self.precision: Final = precision
        self.fallback: Final = fallback
        self.day_length: Final = day_length


@dataclass(frozen=True, slots=True)
class Zone:
    """The zone of times. `assumed`: the vendor documents none. `overrides`: what the text says."""

    info: tzinfo
    assumed: bool = False
    overrides: bool = False


class Clocks(NamedTuple):
    """What a profile says of all its times: the zone of those that state none, abbreviations."""

    zone: Zone | None
    zones: Zones


ReadTime = Callable[[Scope], Stated | None]


def clocks(file: ProfileFile) -> Clocks:
    named = {short: ZoneInfo(name) for short, name in file.zones.items()}
    return Clocks(_zone(file.zone, file.assumed_zone), {**_UNIVERSAL, **named})


def _zone(name: str | None, assumed: str | None) -> Zone | None:
    if name:
        return Zone(ZoneInfo(name))
    return Zone(ZoneInfo(assumed), assumed=True) if assumed else None


def time_reader(
    field: TimeField, levels: Sequence[str], known: Clocks, *, is_first: bool
) -> ReadTime:
    """Compile a reader of one field: null where it is absent, Unfit where it is no such time.

    is_first: of those that tell when something happened; the other ones are fallbacks.
    """
    raw_text, parse, selector = _raw(field, levels), first_of(field.format, known.zones), field.at
    zone = _zone(field.zone, field.assumed_zone) or known.zone
    if field.override_zone:
        zone = Zone(ZoneInfo(field.override_zone), overrides=True)
    distance = text(field.offset, levels) if field.offset else None
    fallback = None if is_first else selector

    def read(scope: Scope) -> Stated | None:
        raw = raw_text(scope)
        if raw is None:
            return None
        beside = distance(scope) if distance is not None else None
        try:
            moment, day = parse(raw.strip())
            if beside is not None and moment.tzinfo is None:
                moment = moment.replace(tzinfo=offset(beside.strip(), known.zones))
            at, precision, day_length = _placed(moment, zone, day=day)
        except (ValueError, OverflowError):
            raise Unfit(selector, "no time of the declared format and zone") from None
        if at < _EARLIEST:
            raise Unfit(selector, "a time before the year 2000")
        written = raw if beside is None else f"{raw} {beside}"
        return Stated(written, at, precision, fallback, day_length)

    return read


def _raw(field: TimeField, levels: Sequence[str]) -> Text:
    """Read the text of a time, its clock behind it where that has a field of its own."""
    date_text = text(field.at, levels)
    if field.clock is None:
        return date_text
    clock_text = text(field.clock, levels)

    def read(scope: Scope) -> str | None:
        date = date_text(scope)
        clock = clock_text(scope)
        return date if date is None or clock is None else f"{date} {clock}"

    return read


def _placed(moment: datetime, zone: Zone | None, *, day: bool) -> tuple[int, Precision, int]:
    """Find the time, how exact it is, and the length of the day that it is where it is one."""
    assumed = False
    if moment.tzinfo is None or (zone is not None and zone.overrides):
        if zone is None:
            raise ValueError("no zone stated, and none declared")
        moment, assumed = moment.replace(tzinfo=zone.info), zone.assumed
    at = to_micros(moment)
    if day:
        return at, Precision.DAY, _length(moment, at)
    return at, Precision.ZONE_ASSUMED if assumed else Precision.SECOND, DAY


def _length(day: datetime, at: int) -> int:
    """Of the last one of the calendar, an "always", nobody can tell when the next one begins."""
    is_last = day.date() == _LAST_DAY
    return DAY if is_last else to_micros(day + timedelta(days=1)) - at


def date_reader(field: TimeField, levels: Sequence[str], known: Clocks) -> Text:
    """Read a calendar date as it is stated, whatever the zone: YYYY-MM-DD.

    A count from the epoch states none: its date is that of the field's own zone, or else of UTC.
    """
    raw_text, parse, selector = _raw(field, levels), first_of(field.format, known.zones), field.at
    zone = _zone(field.override_zone or field.zone, field.assumed_zone)
    counted = zone.info if zone is not None and EPOCH_FORMATS.issuperset(field.format) else None

    def read(scope: Scope) -> str | None:
        raw = raw_text(scope)
        if raw is None or is_filler(raw):
            return None
        try:
            moment, _ = parse(raw.strip())
            day = (moment if counted is None else moment.astimezone(counted)).date()
        except (ValueError, OverflowError):
            raise Unfit(selector, "no date of the declared format") from None
        if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
            raise Unfit(selector, f"no date of the years {_FIRST_YEAR} to {_LAST_YEAR}")
        return day.isoformat()

    return read
