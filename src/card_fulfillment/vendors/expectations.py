"""Examples of a profile: messages, and what must become of them."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from card_fulfillment.domain.detail import Evidence, Precision
from card_fulfillment.domain.facts import Attribute, ParcelRole
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.vendors.notation import LISTED, Part, under
from card_fulfillment.vendors.outcomes import Refusal


class ExpectedFact(Part):
    """What is stated must hold; what is left out may be anything."""

    status: Status | Literal["keep"] | None = None
    code: str | None = None
    at: AwareDatetime | None = None
    precision: Precision | None = None
    time_fallback: str | None = None
    reason: Reason | None = None
    evidence: Evidence | None = None
    text: str | None = None
    references: dict[str, str] | None = None
    names: dict[str, str] | None = None
    parcels: dict[str, str] | None = None
    parcel_role: ParcelRole | None = None
    serials: str | None = None
    carton: str | None = None
    quantity: int | None = None
    alert: str | None = None
    attributes: dict[Attribute, str | bool] | None = None


class ExpectedUnusable(Part):
    path: str
    reason: Refusal
    code: str | None = None


class ExpectedLine(Part):
    """A line of a file. What is left out may be anything."""

    file: str
    line: int
    sequence: int | None = None
    quantity: int | None = None
    total: int | None = None


class Expected(Part):
    """Exactly one of them. ignored: the path."""

    fact: Annotated[ExpectedFact, under("status")] | None = None
    line: ExpectedLine | None = None
    ignored: str | None = None
    unusable: ExpectedUnusable | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        told = (self.fact, self.line, self.ignored, self.unusable)
        if sum(x is not None for x in told) != 1:
            raise ValueError("one of fact, line, ignored, unusable is expected")
        return self


class Example(Part):
    """Messages and all their outcomes, in order. distinct_facts: how many are different."""

    name: str
    messages: Annotated[list[str], Field(min_length=1), LISTED]
    headers: dict[str, str] = {}
    received_at: AwareDatetime | None = None
    expect: list[Expected]
    distinct_facts: int | None = None
