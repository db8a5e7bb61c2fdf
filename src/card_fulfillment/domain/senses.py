"""What of a subject a name means: an attempt of it, or only one of its parcels."""

from typing import Final

from card_fulfillment.domain.facts import Fact, ParcelRole
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.value import Value


class Sense(Value):
    """What of a subject is meant: an attempt, or of that only a parcel beside the outbound one."""

    __match_args__ = ("attempt", "side")

    def __init__(self, attempt: int, side: ParcelRole | None = None) -> None:
        self.attempt: Final = attempt
        self.side: Final = side

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sense) and self.attempt == other.attempt and self.side is other.side
        )

    def __hash__(self) -> int:
        return hash((self.attempt, self.side))


def side_named(fact: Fact, name: Reference, sense: Sense) -> ParcelRole | None:
    """The parcel that a name means which a fact gives, where it is not the outbound one.

    It is the one that the fact was found by, unless it says another: the label with which a
    replacement would come back. What comes of a PIN letter is a PIN letter.
    """
    is_outbound = fact.parcel_role is ParcelRole.OUTBOUND or name not in fact.parcels
    if is_outbound or sense.side is ParcelRole.PIN:
        return sense.side
    return fact.parcel_role
