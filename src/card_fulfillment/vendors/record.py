"""The record that a message came with, as far as mapping it needs to know."""

from typing import NamedTuple

from card_fulfillment.domain.facts import Cause
from card_fulfillment.vendors.selectors import InexactNumber, Unfit


class Record(NamedTuple):
    """What the statements of one record have in common.

    received_at: microseconds since the epoch.
    exact: whether integers beyond 64 bits were read as integers.
    """

    vendor: str
    mapping_version: str
    received_at: int
    cause: Cause
    exact: bool = False

    def settle(self, unfit: Unfit) -> None:
        """Raise it again where reading the message exactly may make it fit."""
        if isinstance(unfit, InexactNumber) and not self.exact:
            raise unfit
