"""What of a subject a name means: an attempt of it, or only one of its parcels."""

from typing import NamedTuple

from card_fulfillment.domain.facts import Fact, ParcelRole
from card_fulfillment.domain.naming import Reference


class Sense(NamedTuple):
    """What of a subject is meant: an attempt, or of that only a parcel beside the outbound one."""

    attempt: int
    side: ParcelRole | None = None


def side_named(fact: Fact, name: Reference, sense: Sense) -> ParcelRole | None:
    """The parcel that a name means which a fact gives, where it is not the outbound one."""
    if sense.side is not None:
        return sense.side
    is_outbound = fact.parcel_role is ParcelRole.OUTBOUND or name not in fact.parcels
    return None if is_outbound else fact.parcel_role
