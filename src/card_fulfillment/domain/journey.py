"""Where a card is, and the changes that are published on its way there."""

from enum import StrEnum
from typing import Final

from card_fulfillment.domain.claims import Claim
from card_fulfillment.domain.detail import Detail
from card_fulfillment.domain.facts import NOTHING, Attributes, AttributeValue, Cause
from card_fulfillment.domain.registers import Registers
from card_fulfillment.domain.side_parcels import SideParcels
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.domain.value import Value


class Published(Value):
    """What subscribers were told last.

    status_version: the version that told the status; later ones were updates.
    """

    __match_args__ = ("attempt", "status", "reason", "final", "tracking_number", "status_version")

    def __init__(
        self,
        attempt: int,
        status: Status,
        reason: Reason | None,
        final: bool,  # noqa: FBT001 - a field
        tracking_number: AttributeValue | None,
        status_version: int,
    ) -> None:
        self.attempt: Final = attempt
        self.status: Final = status
        self.reason: Final = reason
        self.final: Final = final
        self.tracking_number: Final = tracking_number
        self.status_version: Final = status_version


class Journey(Value):
    """All that folding goes on from: three maxima, the registers, what was published."""

    __match_args__ = (
        "own",
        "bulk",
        "range_production",
        "registers",
        "version",
        "published",
        "parcels",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - one for each field
        self,
        own: Claim | None = None,
        bulk: Claim | None = None,
        range_production: Claim | None = None,
        registers: Registers = NOTHING,
        version: int = 0,
        published: Published | None = None,
        parcels: SideParcels = NOTHING,
    ) -> None:
        self.own: Final = own
        self.bulk: Final = bulk
        self.range_production: Final = range_production
        self.registers: Final = registers
        self.version: Final = version
        self.published: Final = published
        self.parcels: Final = parcels


UNTOUCHED: Final = Journey()


class ChangeKind(StrEnum):
    """What a version is to the one before it; statuses are in the order of their enumeration.

    progress: to a status further on. That may be bad news: `delivery_exception`, `lost`.
    regression: to one less far on. That may be good news: after `delivery_exception` it is
    `in_transit` again, after `production_failed` `in_production`.
    correction: an outcome (delivered, returned, lost) is taken back, or anything that turns out to
    have been said of another card or attempt.
    reissue: a new attempt.
    update: the status is the same, something else is told.
    """

    PROGRESS = "progress"
    REGRESSION = "regression"
    CORRECTION = "correction"
    REISSUE = "reissue"
    UPDATE = "update"


class Change(Value):
    """One published version. `supersedes` is the version that a correction corrects."""

    __match_args__ = (
        "version",
        "kind",
        "status",
        "previous",
        "supersedes",
        "attempt",
        "final",
        "tracked",
        "detail",
        "attributes",
        "cause",
        "parcels",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - one for each field
        self,
        version: int,
        kind: ChangeKind,
        status: Status,
        previous: Status | None,
        supersedes: int | None,
        attempt: int,
        final: bool,  # noqa: FBT001 - a field
        tracked: bool | None,  # noqa: FBT001 - a field
        detail: Detail,
        attributes: Attributes,
        cause: Cause,
        parcels: SideParcels,
    ) -> None:
        self.version: Final = version
        self.kind: Final = kind
        self.status: Final = status
        self.previous: Final = previous
        self.supersedes: Final = supersedes
        self.attempt: Final = attempt
        self.final: Final = final
        self.tracked: Final = tracked
        self.detail: Final = detail
        self.attributes: Final = attributes
        self.cause: Final = cause
        self.parcels: Final = parcels


class FactOutcome(StrEnum):
    """What became of a stored fact: exactly one of these."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    LATE = "late"
    ENRICHMENT = "enrichment"
    PARKED = "parked"


class Folded(Value):
    __match_args__ = ("journey", "changes", "outcomes")

    def __init__(
        self, journey: Journey, changes: list[Change], outcomes: dict[bytes, FactOutcome]
    ) -> None:
        self.journey: Final = journey
        self.changes: Final = changes
        self.outcomes: Final = outcomes
