"""The event of a bulk issuance, as pydantic and its subscribers know it."""

from typing import Annotated, Final, Literal

from pydantic import Field, GetPydanticSchema
from typing_extensions import TypedDict  # pydantic wants this one below Python 3.12

from card_fulfillment.domain.detail import Evidence, Precision
from card_fulfillment.domain.discrepancies import DiscrepancyName
from card_fulfillment.domain.facts import ParcelRole
from card_fulfillment.domain.journey import ChangeKind
from card_fulfillment.domain.status import Action, Reason, Status
from card_fulfillment.messages.event_models import CausedBy, EventId, Shipment, VendorSaid
from card_fulfillment.messages.times import Timestamp

# An event with all of them stays below what a topic takes by default, one megabyte.
MOST_PARCELS: Final = 200
MOST_DISCREPANCIES: Final = 128
MOST_NUMBERS: Final = 32

# Keys are encoded as plain text; the schema knows them for what they are.
_StatusName = Annotated[str, GetPydanticSchema(lambda _, handler: handler.generate_schema(Status))]
_Count = Annotated[int, Field(ge=0)]
_Members = Annotated[int, Field(ge=1)]
_SerialRange = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2, max_length=2)]


class Carton(TypedDict):
    """Which of how many."""

    number: Annotated[int, Field(ge=1)]
    of: Annotated[int | None, Field(description="Null: the vendor did not say.")]


class BulkParcel(TypedDict):
    """A box of the bulk issuance, found by the reference that its vendor gave it.

    A box with several references is there under each of them.
    """

    reference: str
    vendor: Annotated[str, Field(description="Whose reference it is.")]
    role: Annotated[
        ParcelRole,
        Field(description="Another than outbound where nobody ever called it the outbound one."),
    ]
    carton: Annotated[Carton | None, Field(description="Null: not numbered.")]
    carrier: str | None
    tracking_number: str
    status: Annotated[Status | None, Field(description="Its own; null: nothing was said of it.")]
    serials: Annotated[
        list[_SerialRange] | None,
        Field(
            description="Of the cards in it: ranges, first and last, in order, the first "
            f"{MOST_NUMBERS}. Empty: none are known. Null: all cards of the bulk issuance."
        ),
    ]


class DiscrepancyFound(TypedDict):
    """What does not agree. Nothing is corrected for it.

    It is gone once what is lacking is told. What was counted or named stays known: another number
    that is right does not take back the wrong one.

    size_conflict: issuer and orders name `expected` cards, and also `reported`.
    serial_past_size: `expected` cards, and a card announced with the serial `reported`.
    serial_taken_twice: several cards are announced with the same of `serials`.
    range_past_size: `expected` cards, and a vendor speaks of serials up to `reported`.
    quantity_mismatch: the range `serials` has `expected` cards, the vendor counts `reported`.
    total_mismatch: `expected` cards, the vendor counts `reported` in all.
    carton_missing: `expected` cartons, of which those in `cartons` are not reported.
    short_shipment: `expected` cards and every carton handed over, with `reported` cards; those in
    `serials` are in none of them.
    """

    name: DiscrepancyName
    expected: Annotated[int | None, Field(description="Null: there is no number to expect.")]
    reported: Annotated[
        list[_Count], Field(description=f"What is said instead, the first {MOST_NUMBERS}.")
    ]
    serials: Annotated[
        list[_SerialRange],
        Field(description=f"Ranges, first and last, in order, the first {MOST_NUMBERS}."),
    ]
    cartons: Annotated[
        list[_SerialRange],
        Field(description=f"Ranges, first and last, in order, the first {MOST_NUMBERS}."),
    ]


class BulkIssuanceStatusChanged(TypedDict):
    """One published version of where a bulk issuance is."""

    event_id: EventId
    subject: Literal["bulk_issuance"]
    card_id: Annotated[None, Field(description="Always null; so that one reader reads both.")]
    bulk_issuance_id: str
    card_product_id: Annotated[str | None, Field(description="Null where the cards differ.")]
    reference_card_id: Annotated[None, Field(description="Always null.")]
    labels: Annotated[dict[str, str], Field(description="Those that all its cards have.")]
    version: Annotated[int, Field(ge=1, description="1, 2, 3 … per bulk, without a gap.")]
    fulfillment_status: Annotated[
        Status,
        Field(
            description="Of the least advanced live member: one not cancelled, rejected, lost, "
            "returned or delivery_failed, and not at a higher attempt. Without any: the status of "
            "most members."
        ),
    ]
    previous_fulfillment_status: Annotated[
        Status | None, Field(description="That of the version before. Null at first.")
    ]
    change: Annotated[ChangeKind, Field(description="Never correction.")]
    supersedes: Annotated[None, Field(description="Always null: a bulk is never corrected.")]
    attempt: Annotated[int, Field(ge=1, description="1, and more for a reorder.")]
    occurred_at: Annotated[Timestamp, Field(description="Of what caused it, by its sender.")]
    occurred_at_precision: Precision
    received_at: Annotated[
        Timestamp, Field(description="The timestamp of the record that stated it.")
    ]
    recorded_at: Annotated[Timestamp, Field(description="By the worker's clock, informational.")]
    reason_code: Annotated[
        Reason | None,
        Field(
            description="Where the cause states this status, be it of some of the cards alone. "
            "Where the reason alone changes, the cards' events tell it and no other version does."
        ),
    ]
    recommended_action: Annotated[Action, Field(description="By status and reason, as of a card.")]
    evidence: Annotated[Evidence | None, Field(description="Where the cause states this status.")]
    final: Annotated[bool, Field(description="Nothing more is expected of any live member.")]
    tracked: Annotated[bool | None, Field(description="Null: unknown.")]
    vendor: Annotated[VendorSaid | None, Field(description="Who said what caused it.")]
    shipment: Annotated[Shipment, Field(description="What is said of all of it as one.")]
    total: Annotated[
        int | None,
        Field(ge=1, description="The greatest number of cards that announcements and orders name."),
    ]
    announced: Annotated[int, Field(ge=1, description="Members: cards announced so far.")]
    counts: Annotated[
        dict[_StatusName, _Members],
        Field(
            description="Members by status. Their sum is `announced`; a status without members is "
            "left out."
        ),
    ]
    is_partial: Annotated[
        bool, Field(description="Live members differ in status, or some are not announced yet.")
    ]
    exceptions: Annotated[
        int,
        Field(
            ge=0,
            description="Members in production_failed, rejected, cancelled, delivery_exception, "
            "returning, delivery_failed, returned or lost, or at a higher attempt.",
        ),
    ]
    parcels: Annotated[
        list[BulkParcel],
        Field(
            description="Boxes, in the order of vendors, kinds of references and references, the "
            f"first {MOST_PARCELS}."
        ),
    ]
    discrepancies: Annotated[
        list[DiscrepancyFound],
        Field(
            description="In the order in which DiscrepancyName has their names, the first "
            f"{MOST_DISCREPANCIES}. A name may be there several times."
        ),
    ]
    cause: CausedBy
