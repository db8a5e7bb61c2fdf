"""What a profile says of shipping: the methods, how long each may take, and when a vendor works."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from card_fulfillment.vendors.notation import LISTED, CodeText, Part

_MOST_DAYS: Final = 250  # a year of work
_MOST_HOLIDAYS: Final = 1000
_DATE: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")


class Weekday(StrEnum):
    """In the order of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


def _somebody_works(weekend: list[Weekday]) -> list[Weekday]:
    if len(set(weekend)) == len(Weekday):
        raise ValueError("all days of the week: nobody would ever work")
    return weekend


def _date(value: object) -> date:
    """The language is text; of other texts pydantic too makes dates, of `20261202` one of 1970."""
    if not isinstance(value, str) or _DATE.fullmatch(value) is None:
        raise ValueError("a date is expected, e.g. 2026-12-02")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"there is no day {value}") from None


Weekend = Annotated[list[Weekday], LISTED, AfterValidator(_somebody_works)]
WEEKEND: Final = [Weekday.SATURDAY, Weekday.SUNDAY]
_Holiday = Annotated[date, BeforeValidator(_date)]
Holidays = Annotated[list[_Holiday], Field(max_length=_MOST_HOLIDAYS), LISTED]
_Days = Annotated[int, Field(ge=0, le=_MOST_DAYS)]


class WorkingDays(Part):
    """How many working days a card is in a phase, at most; null is unknown."""

    ordered: _Days | None = None
    production: _Days | None = None
    transit: _Days | None = None


class ShippingMethod(Part):
    """tracked: whether anyone scans such mail; null is unknown."""

    tracked: bool | None = None
    carrier: CodeText | None = None
    working_days: WorkingDays = WorkingDays()
