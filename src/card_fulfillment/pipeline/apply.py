"""Applying a batch: one transaction that finds what is needed, locks it, decides and writes."""

from typing import Final

from card_fulfillment.pipeline.batch import Batch
from card_fulfillment.pipeline.decide import Publishing, decide
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.needs import Wanted, needs, wanted
from card_fulfillment.pipeline.ports import Contended, Store, Transaction
from card_fulfillment.pipeline.view import Need

_WIDENINGS: Final = 10


class _TooNarrow(Exception):
    """What was locked is not all that the batch needs."""

    def __init__(self, need: Need) -> None:
        self.need = need


async def apply(store: Store, batch: Batch, publishing: Publishing, now: int) -> Effects:
    """Apply the batch exactly once, or not at all.

    Raises PositionLost where another instance took the partition, Contended where others kept
    interfering, and
    whatever the store raises when it cannot be reached.
    """
    want = wanted(batch)
    need: Need | None = None
    for _ in range(_WIDENINGS):
        try:
            async with store.transaction() as transaction:
                need = need or await _discover(transaction, want)
                return await _apply_locked(transaction, batch, want, need, publishing, now)
        except _TooNarrow as narrow:
            need = narrow.need
    raise Contended(f"the needs of a batch grew {_WIDENINGS} times")


async def _discover(transaction: Transaction, want: Wanted) -> Need:
    """What the batch seems to need, by looking without locks until looking shows nothing new."""
    need = want.need
    while True:
        grown = needs(want, await transaction.peek(need)) | need
        if need.covers(grown):
            return need
        need = grown


async def _apply_locked(
    transaction: Transaction,
    batch: Batch,
    want: Wanted,
    need: Need,
    publishing: Publishing,
    now: int,
) -> Effects:
    await transaction.lock(need)
    view = await transaction.read(need)
    found = needs(want, view)
    if not need.covers(found):
        raise _TooNarrow(need | found)
    effects = decide(batch, view, publishing, now)
    await transaction.write(effects)
    return effects
