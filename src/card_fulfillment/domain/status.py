"""The eighteen statuses, their phases and ranks, the reasons and what to do: data, not branches."""

from enum import IntEnum, StrEnum
from typing import Final, NamedTuple


class Phase(IntEnum):
    """Phases only go forward inside an attempt; inside a phase time decides."""

    CREATED = 0
    ORDERED = 1
    PRODUCTION = 2
    TRANSIT = 3
    OUTCOME = 4


class Status(StrEnum):
    CREATED = "created"
    ORDERED = "ordered"
    ACCEPTED = "accepted"
    IN_PRODUCTION = "in_production"
    PRODUCED = "produced"
    PRODUCTION_FAILED = "production_failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    SHIPPED = "shipped"
    IN_TRANSIT = "in_transit"
    DELIVERY_EXCEPTION = "delivery_exception"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    RETURNING = "returning"
    DELIVERY_FAILED = "delivery_failed"
    RETURNED = "returned"
    LOST = "lost"


class Standing(NamedTuple):
    """Where a status stands in the order of statuses; `rank` alone names the status."""

    phase: Phase
    rank: int


STANDING: Final[dict[Status, Standing]] = {
    Status.CREATED: Standing(Phase.CREATED, 10),
    Status.ORDERED: Standing(Phase.ORDERED, 20),
    Status.ACCEPTED: Standing(Phase.PRODUCTION, 30),
    Status.IN_PRODUCTION: Standing(Phase.PRODUCTION, 40),
    Status.PRODUCED: Standing(Phase.PRODUCTION, 50),
    Status.PRODUCTION_FAILED: Standing(Phase.PRODUCTION, 52),
    Status.REJECTED: Standing(Phase.PRODUCTION, 54),
    Status.CANCELLED: Standing(Phase.PRODUCTION, 56),
    Status.SHIPPED: Standing(Phase.TRANSIT, 60),
    Status.IN_TRANSIT: Standing(Phase.TRANSIT, 70),
    Status.DELIVERY_EXCEPTION: Standing(Phase.TRANSIT, 72),
    Status.AVAILABLE_FOR_PICKUP: Standing(Phase.TRANSIT, 80),
    Status.OUT_FOR_DELIVERY: Standing(Phase.TRANSIT, 85),
    Status.DELIVERED: Standing(Phase.OUTCOME, 90),
    Status.RETURNING: Standing(Phase.OUTCOME, 92),
    Status.DELIVERY_FAILED: Standing(Phase.OUTCOME, 94),
    Status.RETURNED: Standing(Phase.OUTCOME, 95),
    Status.LOST: Standing(Phase.OUTCOME, 96),
}
BY_RANK: Final[dict[int, Status]] = {s.rank: name for name, s in STANDING.items()}

# An order refused or stopped: for a card of a bulk it overrules what the bulk says of that attempt.
STOPPED = frozenset({Status.REJECTED, Status.CANCELLED})
# What moves a card also where it is said of a parcel that is on its way back.
COMES_BACK = frozenset({Status.RETURNING, Status.RETURNED, Status.LOST})
# Leaving one of these is a correction of something that was told as an outcome.
CORRECTABLE = frozenset({Status.DELIVERED, Status.RETURNED, Status.LOST})
# A day without a time counts as its last instant here: the outcome closes the day.
ENDS_THE_DAY = frozenset({Status.RETURNED, Status.LOST})
_FINAL = STOPPED | CORRECTABLE | {Status.DELIVERY_FAILED}


def is_final(status: Status, *, tracked: bool | None) -> bool:
    """Whether nothing more is expected in this attempt; a correction may still come.

    An untracked letter ends at `shipped`: nobody will ever scan it.
    """
    return status in _FINAL or (status is Status.SHIPPED and tracked is False)


class Reason(StrEnum):
    BAD_ADDRESS = "bad_address"
    RECIPIENT_ABSENT = "recipient_absent"
    REFUSED = "refused"
    UNCLAIMED = "unclaimed"
    ID_CHECK_FAILED = "id_check_failed"
    HELD_CUSTOMS = "held_customs"
    HELD_OTHER = "held_other"
    CARRIER_DELAY = "carrier_delay"
    DAMAGED = "damaged"
    DESTROYED = "destroyed"
    LOST = "lost"
    DATA_INVALID = "data_invalid"
    PRODUCT_UNKNOWN = "product_unknown"
    OUT_OF_STOCK = "out_of_stock"
    CANCELLED_BY_ISSUER = "cancelled_by_issuer"
    MOVED = "moved"
    LEFT_WITH_NEIGHBOUR = "left_with_neighbour"
    LEFT_SAFE_PLACE = "left_safe_place"
    PARTIAL = "partial"
    UNSPECIFIED = "unspecified"


class Action(StrEnum):
    FIX_ADDRESS_AND_REISSUE = "fix_address_and_reissue"
    CONTACT_CARRIER = "contact_carrier"
    REISSUE = "reissue"
    BLOCK_CARD = "block_card"
    COLLECT = "collect"
    FIX_DATA = "fix_data"
    WAIT = "wait"
    NONE = "none"


# What a support desk does about a status, whatever its reason ...
_ACTION_BY_STATUS: Final[dict[Status, Action]] = {
    Status.PRODUCTION_FAILED: Action.WAIT,
    Status.REJECTED: Action.FIX_DATA,
    Status.DELIVERY_EXCEPTION: Action.WAIT,
    Status.AVAILABLE_FOR_PICKUP: Action.COLLECT,
    Status.RETURNING: Action.WAIT,
    Status.DELIVERY_FAILED: Action.CONTACT_CARRIER,
    Status.RETURNED: Action.REISSUE,
    Status.LOST: Action.BLOCK_CARD,
}
# ... and where the reason changes it.
_ACTION: Final[dict[tuple[Status, Reason], Action]] = {
    (Status.PRODUCTION_FAILED, Reason.DATA_INVALID): Action.FIX_DATA,
    (Status.PRODUCTION_FAILED, Reason.PRODUCT_UNKNOWN): Action.FIX_DATA,
    (Status.REJECTED, Reason.OUT_OF_STOCK): Action.REISSUE,
    (Status.REJECTED, Reason.CANCELLED_BY_ISSUER): Action.NONE,
    (Status.DELIVERY_EXCEPTION, Reason.BAD_ADDRESS): Action.CONTACT_CARRIER,
    (Status.DELIVERY_EXCEPTION, Reason.MOVED): Action.CONTACT_CARRIER,
    (Status.DELIVERY_EXCEPTION, Reason.ID_CHECK_FAILED): Action.CONTACT_CARRIER,
    (Status.DELIVERY_EXCEPTION, Reason.HELD_CUSTOMS): Action.CONTACT_CARRIER,
    (Status.DELIVERY_EXCEPTION, Reason.DAMAGED): Action.CONTACT_CARRIER,
    (Status.DELIVERY_EXCEPTION, Reason.DESTROYED): Action.CONTACT_CARRIER,
    (Status.DELIVERY_EXCEPTION, Reason.LOST): Action.CONTACT_CARRIER,
    (Status.DELIVERED, Reason.DAMAGED): Action.REISSUE,
    (Status.DELIVERED, Reason.PARTIAL): Action.CONTACT_CARRIER,
    (Status.RETURNING, Reason.BAD_ADDRESS): Action.FIX_ADDRESS_AND_REISSUE,
    (Status.RETURNING, Reason.MOVED): Action.FIX_ADDRESS_AND_REISSUE,
    (Status.DELIVERY_FAILED, Reason.BAD_ADDRESS): Action.FIX_ADDRESS_AND_REISSUE,
    (Status.DELIVERY_FAILED, Reason.MOVED): Action.FIX_ADDRESS_AND_REISSUE,
    (Status.DELIVERY_FAILED, Reason.LOST): Action.BLOCK_CARD,
    (Status.DELIVERY_FAILED, Reason.DESTROYED): Action.REISSUE,
    (Status.RETURNED, Reason.BAD_ADDRESS): Action.FIX_ADDRESS_AND_REISSUE,
    (Status.RETURNED, Reason.MOVED): Action.FIX_ADDRESS_AND_REISSUE,
    (Status.RETURNED, Reason.CANCELLED_BY_ISSUER): Action.NONE,
    (Status.LOST, Reason.DESTROYED): Action.REISSUE,
}


def recommended_action(status: Status, reason: Reason | None) -> Action:
    """What the issuer should do now; `none` where the journey goes well or is over."""
    by_status = _ACTION_BY_STATUS.get(status, Action.NONE)
    return by_status if reason is None else _ACTION.get((status, reason), by_status)
