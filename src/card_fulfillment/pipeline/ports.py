"""What applying a batch asks of the store, and how every store fails.

What only one use case asks stands beside that use case.
"""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.view import Need, View


class PositionLost(Exception):
    """The fence: a partition's stored position is not where this batch begins.

    Nothing was written.
    """


class Contended(Exception):
    """Another transaction got there first and this one was rolled back.

    The batch can be tried again as it is.
    """


class StoreUnavailable(Exception):
    """The store cannot be reached or did not answer in time.

    What became of a commit under way is unknown.
    """


class Unstorable(Exception):
    """The store refuses a value, and will refuse it again. Nothing was written."""


class Unwieldy(Exception):
    """More is concerned than one transaction can take; a part of the batch may concern less.

    Nothing was written. The message is for people.
    """


MOST_FACTS: Final = 30_000
"""Stored facts that a transaction takes into account: 4 KiB and some 50 microseconds each."""

MOST_PLACES: Final = 30_000
"""Subjects of facts that a transaction writes, all facts together."""

UNAPPLICABLE: Final = (
    Unstorable,
    Unwieldy,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What one record can do to its whole batch: what no store or transaction takes, or a defect."""


def why_unapplicable(error: Exception) -> str:
    """For people; without the words of errors that may quote the record."""
    if isinstance(error, Unwieldy):
        return f"it could not be applied: {error}"
    return f"it could not be applied: {type(error.__cause__ or error).__name__}"


class Transaction(Protocol):
    """One transaction on the stored state.

    Every method may block, and raise StoreUnavailable or Contended; `peek` and `read` may raise
    Unwieldy.
    """

    async def peek(self, need: Need) -> View:
        """What is committed now, unlocked: a guess of what will be needed.

        `fact_ids` are not looked up.
        """
        ...

    async def lock(self, need: Need, known: Collection[str] = ()) -> None:
        """Lock bulks, cards and references, each sorted, in this order; create what is missing.

        known: cards that were seen before, which are not looked for to be created.
        When it returns, what other transactions did to these keys is committed and seen by `read`.
        """
        ...

    async def read(self, need: Need) -> View:
        """All that decides, read after the locks were taken."""
        ...

    async def write(self, effects: Effects) -> None:
        """Write everything and move the positions.

        Raises PositionLost where a position is elsewhere.
        """
        ...


class Store(Protocol):
    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Commits where its body ends, rolls back where it raises.

        Raises StoreUnavailable, Contended or Unstorable.
        """
        ...
