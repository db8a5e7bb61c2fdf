"""The language of vendor profiles: the shape of a profile file, checked once when it is loaded.

What is not listed here is refused, so that a profile never says more than is done.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from card_fulfillment.domain.detail import Evidence
from card_fulfillment.domain.facts import ParcelRole
from card_fulfillment.domain.naming import KINDS_PER_VENDOR, Role
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.vendors.expectations import Example
from card_fulfillment.vendors.notation import (
    LISTED,
    MOST_LEVELS,
    CodeText,
    Condition,
    Level,
    LevelName,
    Name,
    Part,
    Pattern,
    PayloadPath,
    PlugInName,
    ReferenceKind,
    Selector,
    Selectors,
    Texts,
    TimeFormat,
    ZoneAbbreviation,
    ZoneName,
    says_something,
    under,
)
from card_fulfillment.vendors.shipping import WEEKEND, Holidays, ShippingMethod, Weekend

_MOST_RULES = 16


class TimeField(Part):
    """A field that holds a time.

    format: `iso`, an epoch, or patterns of strptime that are tried in turn, without an hour a day.
    clock: the time of day, where it stands in a field of its own. offset: the same of the zone.
    override_zone: the zone in spite of what the text states.
    """

    at: Selector
    clock: Selector | None = None
    offset: Selector | None = None
    format: Annotated[list[TimeFormat], Field(min_length=1, max_length=8), LISTED] = ["iso"]
    zone: ZoneName | None = None
    assumed_zone: ZoneName | None = None
    override_zone: ZoneName | None = None

    @model_validator(mode="after")
    def _one_zone(self) -> Self:
        if sum(z is not None for z in (self.zone, self.assumed_zone, self.override_zone)) > 1:
            raise ValueError("zone, assumed_zone, override_zone: only one of them")
        return self


TimeFields = Annotated[list[Annotated[TimeField, under("at")]], Field(max_length=8), LISTED]


class Meaning(Part):
    """What a code says. `keep`: no status, but what the statement brings is kept.

    time: when, if another field tells it than for the other codes.
    alert: a name under which people are told of it.
    """

    status: Status | Literal["keep"]
    reason: Reason | None = None
    evidence: Evidence | None = None
    time: TimeFields = []
    alert: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,31}$")] | None = None


Codes = dict[CodeText, Annotated[Meaning, under("status")]]


class ReasonTable(Part):
    """A reason code of its own. An unknown one is `unspecified`: it never costs the status."""

    at: Selector
    codes: dict[CodeText, Reason]


class After(Part):
    """What codes mean once one of those `seen` came before in the same list."""

    seen: Annotated[list[CodeText], Field(min_length=1), LISTED]
    codes: Annotated[Codes, Field(min_length=1)]


class NamedReference(Part):
    """A reference to be registered: one of the vendor's own kinds or, with the rest, another's.

    place: of the kind in that vendor's profile, from 0.
    """

    kind: Name
    value: Selector
    vendor: Name | None = None
    role: Role | None = None
    place: Annotated[int, Field(ge=0, lt=KINDS_PER_VENDOR)] = 0
    parcel: bool | None = None

    @model_validator(mode="after")
    def _whose(self) -> Self:
        if (self.vendor is None) != (self.role is None):
            raise ValueError("vendor and role go together: without them the kind is one's own")
        return self


class CarrierName(Part):
    """names: by the vendor's code of the carrier. What is not among them is kept as it is."""

    at: Selector
    names: dict[CodeText, CodeText] = {}


class YesOrNo(Part):
    """A boolean, or a text that is one of these."""

    at: Selector
    yes: Texts = ["true"]
    no: Texts = ["false"]


class Attributes(Part):
    """Which registers the statement writes. estimated_delivery becomes a date, YYYY-MM-DD."""

    method: Selector | None = None
    carrier: Annotated[CarrierName, under("at")] | None = None
    tracking_number: Selector | None = None
    tracking_url: Selector | None = None
    estimated_delivery: Annotated[TimeField, under("at")] | None = None
    tracked: Annotated[YesOrNo, under("at")] | None = None


class FactRule(Part):
    """One statement about an element. code: one selector, or two for a pair.

    status: instead of codes, where that the statement applies is all that there is to say.
    pad_codes: with how many digits codes of digits are written, where the vendor drops zeros.
    signature: where there is a value, a delivery was signed for.
    """

    when: Condition = Condition()
    status: Annotated[Meaning, under("status")] | None = None
    code: Annotated[Selectors, Field(max_length=2)] = []
    pad_codes: Annotated[int, Field(ge=0, le=32)] = 0
    codes: Codes = {}
    patterns: Annotated[
        dict[Pattern, Annotated[Meaning, under("status")]], Field(max_length=_MOST_RULES)
    ] = {}
    ignore: Annotated[list[CodeText], LISTED] = []
    after: Annotated[list[After], Field(max_length=_MOST_RULES)] = []
    reason: ReasonTable | None = None
    time: TimeFields = []
    attributes: Attributes = Attributes()
    names: list[NamedReference] = []
    parcel: ParcelRole = ParcelRole.OUTBOUND
    text: Selector | None = None
    evidence: Evidence | None = None
    signature: Selector | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        tables = self.codes or self.patterns or self.ignore
        if self.status is None and not self.code:
            raise ValueError("code is missing, or status where there is none")
        if self.status is not None and (self.code or tables or self.after or self.pad_codes):
            raise ValueError("status is instead of a code and its tables")
        if self.code and not tables:
            raise ValueError("code needs codes, patterns or ignore, to say what it means")
        return self


class Serials(Part):
    """The first and the last serial number, inclusive; without `to` the first alone."""

    first: Annotated[Selector, Field(alias="from")]
    last: Annotated[Selector | None, Field(alias="to")] = None


class Carton(Part):
    """Which parcel of how many: `1/3` in one text, or two fields. Of unknown how many: `1`."""

    number: Selector
    of: Selector | None = None


class Trailer(Part):
    """Which elements end a file. total: how many cards all its lines count."""

    when: Annotated[Condition, AfterValidator(says_something)]
    total: Selector


class File(Part):
    """Of what file an element is a line. sequence: of the file among the vendor's, without gaps."""

    name: Selector
    line: Selector
    sequence: Selector | None = None
    trailer: Trailer | None = None


class Rule(Part):
    """Facts from every element of nested levels, or from the message itself where there is none.

    when: else the element is ignored.
    """

    each: Annotated[
        dict[LevelName, Annotated[Level, under("list")]], Field(max_length=MOST_LEVELS)
    ] = {}
    when: Condition = Condition()
    event_id: Selector | None = None
    references: Annotated[dict[Name, Selector], Field(min_length=1)]
    serials: Annotated[Serials, under("from")] | None = None
    carton: Annotated[Carton, under("number")] | None = None
    quantity: Selector | None = None
    file: File | None = None
    facts: Annotated[list[FactRule], Field(min_length=1, max_length=_MOST_RULES)]


class ProfileFile(Part):
    """A whole profile file.

    body: how a message is written whose content type does not say; plug_in: what reads it instead.
    when: else it is ignored. zones: abbreviations in its times. window_days: how long a name lasts.
    """

    vendor: Name
    role: Role
    version: Annotated[str, StringConstraints(pattern=r"^[\w.-]+$", max_length=32)]
    live_tracking: bool
    body: Literal["json", "form"] = "json"
    plug_in: PlugInName | None = None
    zone: ZoneName | None = None
    assumed_zone: ZoneName | None = None
    zones: dict[ZoneAbbreviation, ZoneName] = {}
    reference_kinds: Annotated[
        list[Annotated[ReferenceKind, under("kind")]],
        Field(min_length=1, max_length=KINDS_PER_VENDOR),
    ]
    window_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    methods: dict[CodeText, ShippingMethod] = {}
    weekend: Weekend = WEEKEND
    holidays: Holidays = []
    private: list[PayloadPath] = []
    when: Condition = Condition()
    rules: Annotated[list[Rule], Field(min_length=1, max_length=_MOST_RULES)]
    examples: list[Example] = []

    @property
    def kinds(self) -> list[str]:
        return [each.kind for each in self.reference_kinds]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.kinds)) < len(self.kinds):
            raise ValueError("reference_kinds names a kind twice")
        if self.zone and self.assumed_zone:
            raise ValueError("zone and assumed_zone: only one of them")
        if self.plug_in and "body" in self.model_fields_set:
            raise ValueError("body and plug_in: only one of them")
        return self
