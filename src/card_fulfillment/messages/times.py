"""Times: RFC 3339 on the wire, whole microseconds since the Unix epoch in the domain."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from card_fulfillment.domain.detail import Precision

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_PLAUSIBLE: Final = datetime(2000, 1, 1, tzinfo=UTC)
FIRST_IMPLAUSIBLE: Final = datetime(2101, 1, 1, tzinfo=UTC)

# Zones go from -12 to +14 hours; most of those past -10 and +13 have no more than an island or two.
_INTO_ITS_DAY: Final = timedelta(hours=13)
_EPOCH_ORDINAL: Final = EPOCH.toordinal()
_MILLIS_A_DAY: Final = 86_400_000
_TWO_DIGITS: Final = tuple(f"{number:02d}" for number in range(60))
_THREE_DIGITS: Final = tuple(f"{number:03d}" for number in range(1000))
# Digits alone would be read as seconds since the epoch.
_STARTS_WITH_A_DATE: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]"
_LONGEST: Final = 40


def to_micros(time: datetime) -> int:
    """Whole microseconds since the Unix epoch of an aware time."""
    since = time - EPOCH
    # In this order each factor is below 2**30, and compiled code multiplies without objects.
    micros = since.days * 1000 * _MILLIS_A_DAY + since.seconds * 1_000_000
    return micros + since.microseconds


def on_its_day(time: datetime, precision: str) -> datetime:
    """In a day that is stated: it is that day in UTC too, in zones from -10 to +13 hours."""
    return time + _INTO_ITS_DAY if precision == Precision.DAY else time


LATEST_RECORD: Final = to_micros(FIRST_IMPLAUSIBLE)


def iso_utc(micros: int) -> str:
    """RFC 3339 in UTC, cut to milliseconds: `2026-03-01T09:30:00.123Z`."""
    seconds = micros // 1_000_000
    minutes = seconds // 60
    hours = minutes // 60
    return (
        f"{_day(hours // 24)}T{_TWO_DIGITS[hours % 24]}:{_TWO_DIGITS[minutes % 60]}"
        f":{_TWO_DIGITS[seconds % 60]}.{_THREE_DIGITS[micros % 1_000_000 // 1000]}Z"
    )


@lru_cache(maxsize=128)
def _day(days: int) -> str:
    return date.fromordinal(_EPOCH_ORDINAL + days).isoformat()


class PlausibleTime:
    """Marks a datetime field: RFC 3339 text with an offset, in the years 2000 to 2100."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 - the signature is pydantic's
        text = core_schema.str_schema(pattern=_STARTS_WITH_A_DATE, max_length=_LONGEST)
        time = core_schema.datetime_schema(
            strict=False, tz_constraint="aware", ge=FIRST_PLAUSIBLE, lt=FIRST_IMPLAUSIBLE
        )
        return core_schema.chain_schema([text, time])

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "description": "With an offset, in the years 2000 to 2100; no leap second.",
            "type": "string",
            "format": "date-time",
            # RFC 3339 has leap seconds; who reads these times has not.
            "pattern": "^(20[0-9]{2}|2100)-[^:]+:[0-9]{2}:[0-5]",
            "maxLength": _LONGEST,
        }


# RFC 3339 in UTC with milliseconds, as `iso_utc` writes it.
Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
