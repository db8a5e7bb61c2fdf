"""The events that are published, as pydantic and their subscribers know them."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict  # pydantic wants this one below Python 3.12

from card_fulfillment.domain.detail import Evidence, Precision
from card_fulfillment.domain.facts import ParcelRole
from card_fulfillment.domain.journey import ChangeKind
from card_fulfillment.domain.status import Action, Reason, Status
from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.messages.times import Timestamp

EventId = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class VendorSaid(TypedDict):
    """Who stated the status, with the vendor's own code and text; for `ordered` who is ordered."""

    id: str
    code: str | None
    text: str | None


class Shipment(TypedDict):
    """A new tracking number has a version; what else changes alone comes with the next one.

    All of it is of the attempt that the event tells.
    """

    method: str | None
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    estimated_delivery: Annotated[str | None, Field(description="A date, YYYY-MM-DD.")]


class Parcel(TypedDict):
    """One of several parcels of a card; status: null where only its number is known.

    What is said of another than the outbound one comes with the next version of the card.
    """

    role: ParcelRole
    carrier: str | None
    tracking_number: str | None
    status: Status | None


class CausedBy(TypedDict):
    """The record that the change came with. Another one may have stated the status before."""

    event_id: str | None
    topic: str
    partition: int
    offset: int


class CardStatusChanged(TypedDict):
    """One published version of where a card is."""

    event_id: EventId
    subject: Literal["card"]
    card_id: str
    bulk_issuance_id: str | None
    card_product_id: str
    reference_card_id: str | None
    labels: dict[str, str]
    version: Annotated[int, Field(ge=1, description="1, 2, 3 … per card, without a gap.")]
    fulfillment_status: Status
    previous_fulfillment_status: Annotated[
        Status | None, Field(description="That of the version before. Null at first.")
    ]
    change: ChangeKind
    supersedes: Annotated[EventId | None, Field(description="The event that this one corrects.")]
    attempt: Annotated[int, Field(ge=1)]
    occurred_at: Annotated[Timestamp, Field(description="By who stated the status; see precision.")]
    occurred_at_precision: Precision
    received_at: Annotated[
        Timestamp, Field(description="The timestamp of the record that stated the status.")
    ]
    recorded_at: Annotated[Timestamp, Field(description="By the worker's clock, informational.")]
    reason_code: Reason | None
    recommended_action: Action
    evidence: Evidence | None
    final: Annotated[bool, Field(description="Nothing more is expected; any change may come.")]
    tracked: Annotated[bool | None, Field(description="Null: unknown.")]
    vendor: VendorSaid | None
    shipment: Shipment
    parcels: Annotated[
        list[Parcel],
        Field(description="Where there are more than the outbound one; it is the first."),
    ]
    cause: CausedBy


class Raw(TypedDict):
    """Bytes of the record: as they are where they are UTF-8, else in base64."""

    encoding: Literal["utf-8", "base64"]
    data: str


class DeadLetterEvent(TypedDict):
    """A record or an element of one that could not be applied, or an alert about what is stored."""

    dead_letter_id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    reason: RefusalReason
    field_path: Annotated[
        str,
        Field(description="Dotted; empty: the record as a whole. Of an alert: what it is about."),
    ]
    message: str
    vendor: str | None
    mapping_version: str | None
    topic: str
    partition: int
    offset: int
    record_timestamp: Timestamp
    recorded_at: Timestamp
    sha256: Annotated[
        str,
        Field(
            pattern="^[0-9a-f]{64}$",
            description="Of the record's value; of no bytes where it has none, or for an alert.",
        ),
    ]
    key: Annotated[
        Raw | None,
        Field(
            description="The record's, or of an alert whom or what it is about. Null: none, larger "
            "than 256 bytes, or withheld as possible card data."
        ),
    ]
    value: Annotated[
        Raw | None,
        Field(
            description="Null: none, an alert, larger than 64 KiB, or withheld as possible card "
            "data, as private or as what nobody has looked at."
        ),
    ]
