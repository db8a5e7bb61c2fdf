"""What the fields of a profile file hold: names, selectors, zones, patterns, conditions."""

import re
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from card_fulfillment.vendors.formats import check_format
from card_fulfillment.vendors.near_miss import hint
from card_fulfillment.vendors.patterns import check_pattern
from card_fulfillment.vendors.plug_ins import plug_in
from card_fulfillment.vendors.selectors import BUILT_IN, KEY, split

KEEP: Literal["keep"] = "keep"
ANY: Literal["*"] = "*"
MOST_LEVELS: Final = 6
_STEP = rf"{KEY}(?:\[\])*"
_PATH = re.compile(rf"{_STEP}(?:\.{_STEP})*")


class Written(str):
    """A selector as a profile writes it."""

    __slots__ = ()


def _selector(value: str) -> str:
    split(value)
    return Written(value)


def _payload_path(value: str) -> str:
    if _PATH.fullmatch(value) is None:
        quoted = 'a key with blanks or other characters is quoted: "Full name"'
        raise ValueError(f"{value!r} is not of the form lines[].name ({quoted})")
    return value


def _is_place(zone: str) -> bool:
    """Of an abbreviation or an offset nobody knows which other one was meant."""
    return zone == "UTC" or ("/" in zone and not zone.startswith("Etc/"))


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        meant = hint(value, filter(_is_place, available_timezones())) or ", e.g. Asia/Dubai"
        raise ValueError(f"{value!r} is no time zone of the tz database{meant}") from None
    return value


def _time_format(value: str) -> str:
    check_format(value)
    return value


def _pattern(value: str) -> str:
    check_pattern(value)
    return value


def _plug_in_name(value: str) -> str:
    plug_in(value)
    return value


def _level_name(value: str) -> str:
    if value in BUILT_IN:
        raise ValueError(f"{value!r} is a level already")
    return value


def under(key: str) -> BeforeValidator:
    """Let a plain text stand for an object with that one field."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str | dict) else value


# Left out of a profile's digest while it is unset: that of older profiles stays as it is.
NEWER: Final = Field(exclude_if=lambda value: value is None)
LISTED: Final = BeforeValidator(_listed)
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
# Not `\w{0,63}`: a letter of any script, repeated so often, is a pattern of 370 KiB.
LevelName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z_]\w*$", max_length=64),
    AfterValidator(_level_name),
]
PayloadPath = Annotated[str, AfterValidator(_payload_path)]
Separator = Annotated[str, StringConstraints(min_length=1, max_length=8)]
CodeText = Annotated[str, StringConstraints(min_length=1, max_length=256)]
ZoneAbbreviation = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,6}$")]
Selector = Annotated[str, AfterValidator(_selector)]
Selectors = Annotated[list[Selector], LISTED]
Texts = Annotated[list[str], LISTED]
ZoneName = Annotated[str, AfterValidator(_zone)]
TimeFormat = Annotated[str, AfterValidator(_time_format)]
Pattern = Annotated[str, AfterValidator(_pattern)]
PlugInName = Annotated[str, AfterValidator(_plug_in_name)]


class Part(BaseModel):
    """A part of a profile file. What is not listed is refused, so that no field is for nothing."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        defer_build=True,  # a whole file is validated, hardly ever a part of it by itself
    )


class Condition(Part):
    """All of it must hold. `one_of`, `none_of`: the value as text is, or is not, among these."""

    present: Selectors = []
    absent: Selectors = []
    one_of: dict[Selector, Texts] = {}
    none_of: dict[Selector, Texts] = {}


def says_something(when: Condition) -> Condition:
    if when == Condition():
        raise ValueError("says nothing: it would always hold")
    return when


class ReferenceKind(Part):
    """A kind of reference. parcel: whether it names a parcel; of carriers and aggregators it does.

    Null: as it is for the vendor's role.
    """

    kind: Name
    parcel: bool | None = None


class Level(Part):
    """A level of a rule: one of list, entries, split, json, match.

    list: each of its elements in turn; an object stands for a list of one.
    entries: each entry of an object, as `key` and `value`.
    split: each part of a text that is not blank, between the texts of `by`.
    json: the JSON that a text holds. match: the named groups of a pattern in a text.
    newest_first: the list begins with what came last.
    """

    list: Selector | None = None
    newest_first: bool = False
    entries: Selector | None = None
    split: Annotated[Selector | None, NEWER] = None
    by: Annotated[Separator | None, NEWER] = None
    json_text: Annotated[Selector | None, Field(alias="json")] = None
    match: Selector | None = None
    pattern: Pattern | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        kinds = (self.list, self.entries, self.split, self.json_text, self.match)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("one of list, entries, split, json, match is expected")
        if (self.split is None) != (self.by is None):
            raise ValueError("split and by go together")
        if (self.match is None) != (self.pattern is None):
            raise ValueError("match and pattern go together")
        if self.newest_first and not self.list:
            raise ValueError("newest_first is for lists")
        return self
