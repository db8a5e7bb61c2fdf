"""The record that a message came with, as far as mapping it needs to know."""

from typing import Final

from card_fulfillment.domain.facts import Cause
from card_fulfillment.domain.value import Value
from card_fulfillment.vendors.selectors import InexactNumber, Unfit


class MappedRecord(Value):
    """What the statements of one record have in common.

    received_at: microseconds since the epoch.
    exact: whether integers beyond 64 bits were read as integers.
    spoilt: what of the statement at work cannot be read, and costs no more than itself.
    """

    __match_args__ = ("vendor", "mapping_version", "received_at", "cause", "exact")

    def __init__(
        self,
        vendor: str,
        mapping_version: str,
        received_at: int,
        cause: Cause,
        *,
        exact: bool = False,
    ) -> None:
        self.vendor: Final = vendor
        self.mapping_version: Final = mapping_version
        self.received_at: Final = received_at
        self.cause: Final = cause
        self.exact: Final = exact
        self.spoilt: Final[list[Unfit]] = []

    def read_exactly(self) -> "MappedRecord":
        """The same, of a message that is read again."""
        return MappedRecord(
            self.vendor, self.mapping_version, self.received_at, self.cause, exact=True
        )

    def settle(self, unfit: Unfit) -> None:
        """Raise it again where reading the message exactly may make it fit."""
        if isinstance(unfit, InexactNumber) and not self.exact:
            raise unfit

    def spare(self, unfit: Unfit) -> None:
        """Go on without it: no status is lost to it. Raises as `settle` does."""
        self.settle(unfit)
        self.spoilt.append(unfit)
