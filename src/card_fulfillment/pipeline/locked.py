"""Locking what is needed, and reading it again under the locks."""

from collections.abc import Collection

from card_fulfillment.pipeline.needs import Wanted, needs
from card_fulfillment.pipeline.ports import Transaction
from card_fulfillment.pipeline.view import Need, View


class TooNarrow(Exception):
    """What was locked is not all that is needed."""

    def __init__(self, need: Need) -> None:
        self.need = need


async def locked_view(
    transaction: Transaction, want: Wanted, need: Need, known: Collection[str] = ()
) -> View:
    """All that decides. Raises TooNarrow where the locks show that more is needed.

    known: cards that were seen before.
    """
    await transaction.lock(need, known)
    view = await transaction.read(need)
    found = needs(want, view)
    if not need.covers(found):
        raise TooNarrow(need | found)
    return view
