"""The issuer's messages as they must be: strict types, bounds for every string, number, list."""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from card_fulfillment.messages.times import PlausibleTime

# Printable ASCII without the space: two ids that look alike are alike.
Id = Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
# Any script, but nothing invisible: no control or format characters, no line separators.
_VISIBLE: Final = r"^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$"
LabelName = Annotated[str, Field(min_length=1, max_length=64, pattern=_VISIBLE)]
LabelValue = Annotated[str, Field(max_length=256, pattern=_VISIBLE)]
Labels = Annotated[
    dict[LabelName, LabelValue],
    Field(max_length=16),
    # pydantic's own would let through a name that breaks the pattern.
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": 16,
            "propertyNames": {"minLength": 1, "maxLength": 64, "pattern": _VISIBLE},
            "additionalProperties": {"type": "string", "maxLength": 256, "pattern": _VISIBLE},
        }
    ),
]
Method = Annotated[str, Field(min_length=1, max_length=64, pattern=_VISIBLE)]
# Without the blanks around it, as vendors' own are read.
ReferenceValue = Annotated[
    str,
    Field(min_length=1, max_length=256, pattern=_VISIBLE),
    AfterValidator(lambda value: value.strip() or value),
]
Size = Annotated[int, Field(ge=1, le=1_000_000)]
SerialNumber = Annotated[int, Field(ge=1, le=10_000_000)]
Time = Annotated[datetime, PlausibleTime]


class _Message(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)


class CardCreated(_Message):
    """A card exists. With a bulk_issuance_id it is a member of that bulk issuance."""

    event_id: Annotated[Id, Field(description="Unique among card-created messages.")]
    occurred_at: Time
    card_id: Annotated[
        Id,
        Field(description="No card and bulk issuance may share an id: messages name both alike."),
    ]
    card_product_id: Id
    card_type: Annotated[
        Literal["PHYSICAL", "VIRTUAL"], Field(description="Virtual cards are ignored.")
    ] = "PHYSICAL"
    reference_card_id: Annotated[
        Id | None, Field(description="The card that this one replaces.")
    ] = None
    bulk_issuance_id: Id | None = None
    number_of_cards: Annotated[Size | None, Field(description="The bulk issuance's size.")] = None
    serial_number: Annotated[
        SerialNumber | None, Field(description="The card's place in its bulk issuance, from 1.")
    ] = None
    labels: Annotated[Labels | None, Field(description="Copied onto every event of the card.")] = (
        None
    )


class ListedReference(_Message):
    """A name that a vendor will use for the subject."""

    vendor_id: Annotated[Slug | None, Field(description="Default: the request's vendor.")] = None
    kind: Annotated[
        Slug, Field(description="`id` is the subject's own id, which need not be listed.")
    ]
    value: ReferenceValue


class Shipping(_Message):
    """How the plastic travels."""

    method: Method
    tracked: Annotated[
        bool | None, Field(description="Default: what the vendor's profile says of the method.")
    ] = None


class EmbossingRequested(_Message):
    """A vendor was asked to make a card or a bulk issuance; a reorder has a higher attempt."""

    event_id: Annotated[Id, Field(description="Unique among embossing-requested messages.")]
    occurred_at: Time
    embossing_request_id: Id
    card_id: Id | None = None
    bulk_issuance_id: Id | None = None
    attempt: Annotated[int, Field(ge=1, le=1000)] = 1
    vendor_id: Slug
    references: Annotated[list[ListedReference], Field(max_length=32)] = []
    shipping: Shipping
    number_of_cards: Annotated[Size | None, Field(description="The bulk issuance's size.")] = None
