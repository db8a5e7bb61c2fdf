"""A fact is one immutable statement about a card or a bulk issuance.

Times are whole microseconds since the Unix epoch, UTC.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from card_fulfillment.domain.detail import Detail, Evidence, Precision
from card_fulfillment.domain.naming import Reference, Subject
from card_fulfillment.domain.status import ENDS_THE_DAY, Reason, Status
from card_fulfillment.domain.value import Value

SECOND: Final = 1_000_000
HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR


class ParcelRole(StrEnum):
    """What a parcel is to a card."""

    OUTBOUND = "outbound"
    RETURN = "return"
    REPLACEMENT = "replacement"
    PIN = "pin"


class Cause(Value):
    """The record that a statement came with. `event_id` is null where the sender gave none."""

    __match_args__ = ("event_id", "topic", "partition", "offset", "traceparent")

    def __init__(
        self,
        event_id: str | None,
        topic: str,
        partition: int,
        offset: int,
        traceparent: str | None = None,
    ) -> None:
        self.event_id: Final = event_id
        self.topic: Final = topic
        self.partition: Final = partition
        self.offset: Final = offset
        self.traceparent: Final = traceparent

    def values(self) -> tuple[object, ...]:
        return self.event_id, self.topic, self.partition, self.offset, self.traceparent

    @property
    def order(self) -> tuple[str, int, int, str]:
        """By it the last of several causes is chosen: the same in whatever order they are met."""
        return self.topic, self.partition, self.offset, self.event_id or ""


class Attribute(StrEnum):
    """Registers beside the status: each is written by its own last writer."""

    METHOD = "method"
    CARRIER = "carrier"
    TRACKING_NUMBER = "tracking_number"
    TRACKING_URL = "tracking_url"
    ESTIMATED_DELIVERY = "estimated_delivery"
    TRACKED = "tracked"


AttributeValue = str | bool
Attributes = dict[Attribute, AttributeValue]
# Where there is none of many; nobody writes to it.
NOTHING: Final[dict[Any, Any]] = {}


class Fact(Value):
    """One statement.

    fact_id: 16 bytes, the same for every copy of the statement.
    content: digest of everything that the statement says; another content under the same id is a
    conflict.
    detail: by whom, when, and what else is told about the status.
    level: the highest layer of its `references`, see `naming.reference_level`.
    names: references that the fact registers for others, each with its layer; it binds those above
        `level`. They are never part of what it is found by.
    parcels: of `references` and `names` those that are a parcel's, by their kinds: what is said of
        a bulk by such a reference is said of that parcel's cards alone.
    parcel_role: of that parcel, or of the one that its attributes describe.
    serials: first and last serial number, inclusive, of the cards of a bulk that it is about.
    carton: of a parcel of a bulk, which one of how many (null: unknown) it is, where it is said.
    quantity: how many cards the vendor says that this is about; never a bulk's size.
    alert: a name under which people must be told of it; it moves nothing.
    mapping_version: of the profile that read it; null: it is no vendor's.
    time_fallback: the field that told when, where those that count before it were absent. Nothing
        hangs on it.
    day_length: microseconds, of a day that it states; not 24 hours where its clocks are changed.
    """

    __match_args__ = (
        "fact_id",
        "content",
        "status",
        "detail",
        "cause",
        "references",
        "level",
        "names",
        "parcels",
        "parcel_role",
        "serials",
        "carton",
        "quantity",
        "attributes",
        "alert",
        "mapping_version",
        "time_fallback",
        "day_length",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - one for each field
        self,
        fact_id: bytes,
        content: bytes,
        status: Status | None,
        detail: Detail,
        cause: Cause,
        references: tuple[Reference, ...] = (),
        level: int = 0,
        names: tuple[tuple[int, Reference], ...] = (),
        parcels: tuple[Reference, ...] = (),
        parcel_role: ParcelRole = ParcelRole.OUTBOUND,
        serials: tuple[int, int] | None = None,
        carton: tuple[int, int | None] | None = None,
        quantity: int | None = None,
        attributes: Attributes = NOTHING,
        alert: str | None = None,
        mapping_version: str | None = None,
        time_fallback: str | None = None,
        day_length: int = DAY,
    ) -> None:
        self.fact_id: Final = fact_id
        self.content: Final = content
        self.status: Final = status
        self.detail: Final = detail
        self.cause: Final = cause
        self.references: Final = references
        self.level: Final = level
        self.names: Final = names
        self.parcels: Final = parcels
        self.parcel_role: Final = parcel_role
        self.serials: Final = serials
        self.carton: Final = carton
        self.quantity: Final = quantity
        self.attributes: Final = attributes
        self.alert: Final = alert
        self.mapping_version: Final = mapping_version
        self.time_fallback: Final = time_fallback
        self.day_length: Final = day_length

    @property
    def vendor(self) -> str | None:
        return self.detail.vendor

    @property
    def stated(self) -> int:
        """A day's first instant; the record's timestamp where the vendor states no time."""
        return self.detail.occurred_at

    @property
    def precision(self) -> Precision:
        return self.detail.precision

    @property
    def received_at(self) -> int:
        return self.detail.received_at

    @property
    def reason(self) -> Reason | None:
        return self.detail.reason

    @property
    def evidence(self) -> Evidence | None:
        return self.detail.evidence

    @property
    def code(self) -> str | None:
        return self.detail.code

    @property
    def text(self) -> str | None:
        return self.detail.text

    @property
    def is_one_of_several(self) -> bool:
        """A parcel that there are more of: it does not have all the serials."""
        return self.carton is not None and self.carton[1] != 1

    @property
    def effective(self) -> int:
        """The time by which facts are ordered."""
        is_its_end = self.precision is Precision.DAY and self.status in ENDS_THE_DAY
        return self.until if is_its_end else self.stated

    @property
    def until(self) -> int:
        """The time by which the newest binding is chosen: a day counts as its last instant."""
        return self.stated + (self.day_length - 1 if self.precision is Precision.DAY else 0)


class CardIdentity(Value):
    """What card-created says of a card and never changes."""

    __match_args__ = (
        "card_id",
        "card_product_id",
        "reference_card_id",
        "bulk_issuance_id",
        "serial_number",
        "labels",
    )

    def __init__(
        self,
        card_id: str,
        card_product_id: str,
        reference_card_id: str | None = None,
        bulk_issuance_id: str | None = None,
        serial_number: int | None = None,
        labels: Mapping[str, str] = NOTHING,
    ) -> None:
        self.card_id: Final = card_id
        self.card_product_id: Final = card_product_id
        self.reference_card_id: Final = reference_card_id
        self.bulk_issuance_id: Final = bulk_issuance_id
        self.serial_number: Final = serial_number
        self.labels: Final = labels


class Announcement(Value):
    """A card exists (card-created).

    `fact` has status `created`; with a bulk the card is its member.
    """

    __match_args__ = ("fact", "card", "number_of_cards")

    def __init__(self, fact: Fact, card: CardIdentity, number_of_cards: int | None = None) -> None:
        self.fact: Final = fact
        self.card: Final = card
        self.number_of_cards: Final = number_of_cards


class Order(Value):
    """An embossing request. `fact` has status `ordered`, and the method among its attributes.

    references: those that it registers for the vendor, the subject's own id included.
    """

    __match_args__ = ("fact", "subject", "attempt", "vendor", "references", "number_of_cards")

    def __init__(
        self,
        fact: Fact,
        subject: Subject,
        attempt: int,
        vendor: str,
        references: tuple[Reference, ...],
        number_of_cards: int | None = None,
    ) -> None:
        self.fact: Final = fact
        self.subject: Final = subject
        self.attempt: Final = attempt
        self.vendor: Final = vendor
        self.references: Final = references
        self.number_of_cards: Final = number_of_cards


Statement = Announcement | Order | Fact
