"""The language of vendor profiles: the shape of a profile file, checked once when it is loaded.

What is not listed here is refused, so that a profile never says more than is done.
"""

from datetime import datetime
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from card_fulfillment.domain.facts import (
    KINDS_PER_VENDOR,
    Attribute,
    Evidence,
    Precision,
    Role,
)
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.vendors.outcomes import Refusal
from card_fulfillment.vendors.selectors import BUILT_IN, split

KEEP: Literal["keep"] = "keep"
ANY: Literal["*"] = "*"


def _selector(value: str) -> str:
    split(value)
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is no time zone of the tz database") from None
    return value


def _time_format(value: str) -> str:
    if value != "iso":
        _try_format(value)
    return value


def _try_format(value: str) -> None:
    """Write a date and read it again: a format that loses a part of it is refused."""
    sample = datetime(2026, 11, 23)  # noqa: DTZ001 - a sample date
    written = sample.strftime(value.replace("%z", "+0000"))
    if datetime.strptime(written, value).date() != sample.date():  # noqa: DTZ007 - compared as a date
        raise ValueError(f"{value!r} does not name a whole date")


def _level_name(value: str) -> str:
    if value in BUILT_IN:
        raise ValueError(f"{value!r} is a level already")
    return value


def _under(key: str) -> BeforeValidator:
    """Let a plain text stand for an object with that one field."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str | dict) else value


def _only_one_zone(zone: str | None, assumed_zone: str | None) -> None:
    if zone and assumed_zone:
        raise ValueError("zone and assumed_zone: only one of them")


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
LevelName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_]\w{0,63}$"), AfterValidator(_level_name)
]
PayloadPath = Annotated[str, StringConstraints(pattern=r"^[\w@$:-]+(\[\])*(\.[\w@$:-]+(\[\])*)*$")]
CodeText = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Selector = Annotated[str, AfterValidator(_selector)]
ZoneName = Annotated[str, AfterValidator(_zone)]
TimeFormat = Annotated[str, AfterValidator(_time_format)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class TimeField(_Part):
    """A field that holds a time. format: "iso" or a strptime pattern, without an hour a day."""

    at: Selector
    format: TimeFormat = "iso"
    zone: ZoneName | None = None
    assumed_zone: ZoneName | None = None

    @model_validator(mode="after")
    def _one_zone(self) -> Self:
        _only_one_zone(self.zone, self.assumed_zone)
        return self


class Meaning(_Part):
    """What a code says. `keep`: no status, but what the statement brings is kept."""

    status: Status | Literal["keep"]
    reason: Reason | None = None
    evidence: Evidence | None = None


class Condition(_Part):
    """All of it must hold. `one_of`: the value as text is one of those listed."""

    present: Annotated[list[Selector], BeforeValidator(_listed)] = []
    absent: Annotated[list[Selector], BeforeValidator(_listed)] = []
    one_of: dict[Selector, Annotated[list[str], BeforeValidator(_listed)]] = {}


class ReasonTable(_Part):
    """A reason code of its own. An unknown one is `unspecified`: it never costs the status."""

    at: Selector
    codes: dict[CodeText, Reason]


class NamedReference(_Part):
    """Another vendor's reference, to be registered. place: of the kind in its profile, from 0."""

    vendor: Name
    role: Role
    kind: Name
    place: Annotated[int, Field(ge=0, lt=KINDS_PER_VENDOR)] = 0
    value: Selector


class Attributes(_Part):
    """Which registers the statement writes. estimated_delivery becomes a date, YYYY-MM-DD."""

    method: Selector | None = None
    carrier: Selector | None = None
    tracking_number: Selector | None = None
    tracking_url: Selector | None = None
    estimated_delivery: Annotated[TimeField, _under("at")] | None = None


class FactRule(_Part):
    """One statement about an element. code: one selector, or two for a pair."""

    when: Condition = Condition()
    code: Annotated[list[Selector], Field(min_length=1, max_length=2), BeforeValidator(_listed)]
    codes: Annotated[dict[CodeText, Annotated[Meaning, _under("status")]], Field(min_length=1)]
    ignore: Annotated[list[CodeText], BeforeValidator(_listed)] = []
    reason: ReasonTable | None = None
    time: Annotated[list[Annotated[TimeField, _under("at")]], BeforeValidator(_listed)] = []
    attributes: Attributes = Attributes()
    names: list[NamedReference] = []
    text: Selector | None = None
    evidence: Evidence | None = None


class Rule(_Part):
    """Facts from every element of nested loops, or from the message itself where there is none."""

    each: dict[LevelName, Selector] = {}
    event_id: Selector | None = None
    references: Annotated[dict[Name, Selector], Field(min_length=1)]
    facts: Annotated[list[FactRule], Field(min_length=1)]


class ShippingMethod(_Part):
    """tracked: whether anyone scans such mail; null is unknown."""

    tracked: bool | None = None
    carrier: str | None = None


class ExpectedFact(_Part):
    """What is stated must hold; what is left out may be anything."""

    status: Status | Literal["keep"] | None = None
    code: str | None = None
    at: AwareDatetime | None = None
    precision: Precision | None = None
    reason: Reason | None = None
    evidence: Evidence | None = None
    text: str | None = None
    references: dict[str, str] | None = None
    names: dict[str, str] | None = None
    attributes: dict[Attribute, str | bool] | None = None


class ExpectedUnusable(_Part):
    path: str
    reason: Refusal
    code: str | None = None


class Expected(_Part):
    """Exactly one of the three. ignored: the path."""

    fact: Annotated[ExpectedFact, _under("status")] | None = None
    ignored: str | None = None
    unusable: ExpectedUnusable | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(x is not None for x in (self.fact, self.ignored, self.unusable)) != 1:
            raise ValueError("one of fact, ignored, unusable is expected")
        return self


class Example(_Part):
    """Messages and all their outcomes, in order. distinct_facts: how many are different."""

    name: str
    messages: Annotated[list[str], Field(min_length=1), BeforeValidator(_listed)]
    headers: dict[str, str] = {}
    received_at: AwareDatetime | None = None
    expect: list[Expected]
    distinct_facts: int | None = None


class ProfileFile(_Part):
    """A whole profile file."""

    vendor: Name
    role: Role
    version: Annotated[str, StringConstraints(pattern=r"^[\w.-]{1,32}$")]
    live_tracking: bool
    zone: ZoneName | None = None
    assumed_zone: ZoneName | None = None
    reference_kinds: Annotated[list[Name], Field(min_length=1, max_length=KINDS_PER_VENDOR)]
    methods: dict[CodeText, ShippingMethod] = {}
    private: list[PayloadPath] = []
    rules: Annotated[list[Rule], Field(min_length=1)]
    examples: list[Example] = []

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.reference_kinds)) < len(self.reference_kinds):
            raise ValueError("reference_kinds names a kind twice")
        _only_one_zone(self.zone, self.assumed_zone)
        return self
