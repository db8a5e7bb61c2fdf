"""What is told about a status beside the status, and how much it is worth."""

from enum import StrEnum
from typing import Final

from card_fulfillment.domain.status import Reason
from card_fulfillment.domain.value import Value


class Precision(StrEnum):
    """How exact `occurred_at` is.

    second: as its sender states it.
    day: a day alone is stated, and this is its first instant where the sender is: in UTC often the
    evening before. 13 hours later it is that day in UTC too, in zones from -10 to +13 hours.
    zone_assumed: a time is stated without its zone, which is assumed.
    unknown: no time is stated, and this is when the record came.
    """

    SECOND = "second"
    DAY = "day"
    ZONE_ASSUMED = "zone_assumed"
    UNKNOWN = "unknown"


class Evidence(StrEnum):
    CARRIER_SCAN = "carrier_scan"
    SIGNATURE = "signature"
    VENDOR_CLAIM = "vendor_claim"
    INFERRED = "inferred"


class Detail(Value):
    """What is told about a status beside the status.

    occurred_at: by the sender's clock; received_at: the Kafka record's timestamp.
    vendor: who states it; of an embossing request the vendor ordered; null for card-created.
    """

    __match_args__ = (
        "occurred_at",
        "precision",
        "received_at",
        "reason",
        "evidence",
        "vendor",
        "code",
        "text",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - one for each field
        self,
        occurred_at: int,
        precision: Precision,
        received_at: int,
        reason: Reason | None = None,
        evidence: Evidence | None = None,
        vendor: str | None = None,
        code: str | None = None,
        text: str | None = None,
    ) -> None:
        self.occurred_at: Final = occurred_at
        self.precision: Final = precision
        self.received_at: Final = received_at
        self.reason: Final = reason
        self.evidence: Final = evidence
        self.vendor: Final = vendor
        self.code: Final = code
        self.text: Final = text
