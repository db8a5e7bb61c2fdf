"""What a vendor's time means: microseconds UTC, how precise it is, and the text that it was."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from card_fulfillment.domain.facts import SECOND, Precision
from card_fulfillment.vendors.language import ProfileFile, TimeField
from card_fulfillment.vendors.selectors import Scope, Text, Unfit, text

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_SECONDS: Final = 86_400
# Nothing that this product follows is older; what is, is a wrong field, unit or century.
_EARLIEST: Final = 946_684_800 * SECOND
_ISO_DATE: Final = len("2026-03-02")
_ISO_MINUTES: Final = len("2026-03-02T06:28")
_TIME_SEPARATORS: Final = ("T", " ", "t")

# Text -> the time, aware where the text states a zone, and whether it is only a day.
Parse = Callable[[str], tuple[datetime, bool]]


class Stated(NamedTuple):
    """raw: the vendor's own text, on which identity hangs; selector: the field it came from."""

    raw: str
    at: int
    precision: Precision
    selector: str


class Zone(NamedTuple):
    """The zone of times that state none. `assumed`: the vendor does not document it."""

    info: tzinfo
    assumed: bool


ReadTime = Callable[[Scope], Stated | None]


def microseconds(moment: datetime) -> int:
    """Whole microseconds since the Unix epoch of an aware time."""
    passed = moment - _EPOCH
    return (passed.days * _DAY_SECONDS + passed.seconds) * SECOND + passed.microseconds


def iso(value: str) -> tuple[datetime, bool]:
    """Parse a date, or a date and time to the minute or finer; ValueError for any other form."""
    if len(value) < _ISO_DATE or not value[4] == value[7] == "-":
        raise ValueError("no calendar date of ISO 8601")
    if len(value) == _ISO_DATE:
        return datetime.combine(date.fromisoformat(value), datetime.min.time()), True
    if len(value) < _ISO_MINUTES or value[_ISO_DATE] not in _TIME_SEPARATORS:
        raise ValueError("no time of ISO 8601")
    return datetime.fromisoformat(value), False


def _by_format(pattern: str) -> Parse:
    day = not any(part in pattern for part in ("%H", "%I", "%X", "%c", "%s"))

    def parse(value: str) -> tuple[datetime, bool]:
        return datetime.strptime(value, pattern), day  # noqa: DTZ007 - the zone is the profile's

    return parse


def parser(pattern: str) -> Parse:
    return iso if pattern == "iso" else _by_format(pattern)


def zone_of(field: TimeField | ProfileFile, otherwise: Zone | None) -> Zone | None:
    if field.zone:
        return Zone(ZoneInfo(field.zone), assumed=False)
    if field.assumed_zone:
        return Zone(ZoneInfo(field.assumed_zone), assumed=True)
    return otherwise


def time_reader(field: TimeField, levels: Sequence[str], otherwise: Zone | None) -> ReadTime:
    """Compile a reader of one field: null where it is absent, Unfit where it is no such time."""
    raw_text: Text = text(field.at, levels)
    parse, zone, selector = parser(field.format), zone_of(field, otherwise), field.at

    def read(scope: Scope) -> Stated | None:
        raw = raw_text(scope)
        if raw is None:
            return None
        try:
            moment, day = parse(raw)
            at, precision = _placed(moment, zone, day=day)
        except (ValueError, OverflowError):
            raise Unfit(selector, "no time of the declared format and zone") from None
        if at < _EARLIEST:
            raise Unfit(selector, "a time before the year 2000")
        return Stated(raw, at, precision, selector)

    return read


def _placed(moment: datetime, zone: Zone | None, *, day: bool) -> tuple[int, Precision]:
    assumed = False
    if moment.tzinfo is None:
        if zone is None:
            raise ValueError("no zone stated, and none declared")
        moment, assumed = moment.replace(tzinfo=zone.info), zone.assumed
    if day:
        return microseconds(moment), Precision.DAY
    return microseconds(moment), Precision.ZONE_ASSUMED if assumed else Precision.SECOND


def date_reader(field: TimeField, levels: Sequence[str]) -> Text:
    """Read a calendar date as it is stated, whatever the zone: YYYY-MM-DD."""
    raw_text, parse, selector = text(field.at, levels), parser(field.format), field.at

    def read(scope: Scope) -> str | None:
        raw = raw_text(scope)
        if raw is None:
            return None
        try:
            return parse(raw)[0].date().isoformat()
        except ValueError:
            raise Unfit(selector, "no date of the declared format") from None

    return read
