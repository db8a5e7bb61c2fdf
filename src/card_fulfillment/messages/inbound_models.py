"""The issuer's messages as they must be: strict types, bounds for every string, number, list.

They are read into dictionaries, in which no field is missing: what may be left out has a default.
"""

from datetime import datetime
from typing import Annotated, Final, Literal, NotRequired

from pydantic import ConfigDict, Field, WithJsonSchema, with_config
from typing_extensions import TypedDict  # pydantic wants this one below Python 3.12

from card_fulfillment.domain.naming import ISSUER
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
ReferenceValue = Annotated[str, Field(min_length=1, max_length=256, pattern=_VISIBLE)]
Size = Annotated[int, Field(ge=1, le=1_000_000)]
_NumberOfCards = Annotated[
    Size | None,
    Field(
        default=None,
        description="The bulk issuance's size. Where no bulk_issuance_id is named it is ignored.",
    ),
]
SerialNumber = Annotated[int, Field(ge=1, le=10_000_000)]
Time = Annotated[datetime, PlausibleTime]


_STRICT: Final = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)
_UNSAID: Final = Field(default=None)


@with_config(_STRICT)
class CardCreated(TypedDict):
    """A card exists. With a bulk_issuance_id it is a member of that bulk issuance.

    Integers are written without a fraction: 5, not 5.0.
    """

    event_id: Annotated[Id, Field(description="Unique among card-created messages.")]
    occurred_at: Time
    card_id: Annotated[
        Id,
        Field(description="No card and bulk issuance may share an id: messages name both alike."),
    ]
    card_product_id: Id
    card_type: NotRequired[
        Annotated[
            Literal["PHYSICAL", "VIRTUAL"],
            Field(default="PHYSICAL", description="Virtual cards are ignored."),
        ]
    ]
    reference_card_id: NotRequired[
        Annotated[Id | None, Field(default=None, description="The card that this one replaces.")]
    ]
    bulk_issuance_id: NotRequired[Annotated[Id | None, _UNSAID]]
    number_of_cards: NotRequired[_NumberOfCards]
    serial_number: NotRequired[
        Annotated[
            SerialNumber | None,
            Field(default=None, description="The card's place in its bulk issuance, from 1."),
        ]
    ]
    labels: NotRequired[
        Annotated[
            Labels | None, Field(default=None, description="Copied onto every event of the card.")
        ]
    ]


@with_config(_STRICT)
class ListedReference(TypedDict):
    """A name that a vendor will use for the subject."""

    vendor_id: NotRequired[
        Annotated[
            Slug | None,
            Field(
                default=None,
                description="Default: the request's vendor. Never the vendor `issuer`.",
                json_schema_extra={"not": {"const": ISSUER}},
            ),
        ]
    ]
    kind: Annotated[
        Slug,
        Field(
            description="`id` is the subject's own id, which need not be listed, and no other one."
        ),
    ]
    value: ReferenceValue


@with_config(_STRICT)
class Shipping(TypedDict):
    """How the plastic travels."""

    method: Method
    tracked: NotRequired[
        Annotated[
            bool | None,
            Field(
                default=None, description="Default: what the vendor's profile says of the method."
            ),
        ]
    ]


@with_config(_STRICT)
class EmbossingRequested(TypedDict):
    """A vendor was asked to make a card or a bulk issuance; a reorder has a higher attempt.

    Integers are written without a fraction: 5, not 5.0.
    """

    event_id: Annotated[Id, Field(description="Unique among embossing-requested messages.")]
    occurred_at: Time
    embossing_request_id: Id
    card_id: NotRequired[Annotated[Id | None, _UNSAID]]
    bulk_issuance_id: NotRequired[Annotated[Id | None, _UNSAID]]
    attempt: NotRequired[Annotated[int, Field(default=1, ge=1, le=1000)]]
    vendor_id: Slug
    references: NotRequired[Annotated[list[ListedReference], Field(default=[], max_length=32)]]
    shipping: Shipping
    number_of_cards: NotRequired[_NumberOfCards]
