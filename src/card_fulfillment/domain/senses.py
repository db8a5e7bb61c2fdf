"""What of a subject a name means: an attempt of it, or only one of its parcels."""

from typing import NamedTuple

from card_fulfillment.domain.facts import Fact, ParcelRole
from card_fulfillment.domain.naming import Reference


class Sense(NamedTuple):
    """What of a subject is meant: an attempt, or of that only a parcel beside the outbound one."""

    attempt: int
    side: ParcelRole | None = None


def side_named(fact: Fact, name: Reference, sense: Sense) -> ParcelRole | None:
    """The parcel that a name means which a fact gives, where it is not the outbound one.

    It is the one that the fact was found by, unless it says another: the label with which a
    replacement would come back. What comes of a PIN letter is a PIN letter.
    """
    is_outbound = fact.parcel_role is ParcelRole.OUTBOUND or name not in fact.parcels
    if is_outbound or sense.side is ParcelRole.PIN:
        return sense.side
    return fact.parcel_role
