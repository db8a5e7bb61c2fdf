"""Applying batches: a transaction each that finds what is needed, locks it, decides and writes."""

from typing import Final

from card_fulfillment.pipeline.batch import Batch
from card_fulfillment.pipeline.decide import decide
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.hints import Hints
from card_fulfillment.pipeline.locked import TooNarrow, locked_view
from card_fulfillment.pipeline.needs import Wanted, needs, tells_more, wanted
from card_fulfillment.pipeline.ports import Contended, Store, Transaction
from card_fulfillment.pipeline.publishing import Publishing
from card_fulfillment.pipeline.view import Need, View

_WIDENINGS: Final = 10


class Applier:
    """Applies batches to a store, one at a time."""

    def __init__(self, store: Store, publishing: Publishing, hints: Hints | None = None) -> None:
        """hints: what was seen lately; appliers that work side by side have them in common."""
        self._store, self._publishing = store, publishing
        self._hints = hints or Hints()

    async def apply(self, batch: Batch, now: int) -> Effects:
        """Apply the batch exactly once, or not at all. `now`: the worker's clock, microseconds.

        Raises PositionLost where another instance took the partition, Contended where others kept
        interfering, StoreUnavailable, and any of UNAPPLICABLE where it is the batch's own fault.
        """
        want = wanted(batch)
        need: Need | None = None
        known = View()
        for _ in range(_WIDENINGS):
            try:
                async with self._store.transaction() as transaction:
                    if need is None:
                        need, known = await self._discover(transaction, want)
                    view = await locked_view(transaction, want, need, known.cards.keys())
                    effects = decide(batch, view, self._publishing, now)
                    await transaction.write(effects)
            except TooNarrow as narrow:
                need = narrow.need
            else:
                self._hints.learn(view, effects)
                return effects
        raise Contended(f"the needs of a batch grew {_WIDENINGS} times")

    async def _discover(self, transaction: Transaction, want: Wanted) -> tuple[Need, View]:
        """What the batch seems to need: looking without locks until that shows nothing new."""
        asked = Need()
        known = await self._look(transaction, want.need, asked)
        need = needs(want, known)
        while tells_more(found := await self._look(transaction, need, asked)):
            known |= found
            need |= needs(want, known)
        return need, known

    async def _look(self, transaction: Transaction, need: Need, asked: Need) -> View:
        """What is believed, or seen without locks, of that which was not `asked` for before."""
        found = self._hints.view(need.without(asked))
        asked |= Need(cards=set(found.cards), references=set(found.bindings))
        if missing := need.without(asked):
            asked |= missing
            missing.unlocks = missing.unlocked(found.bindings)
            found |= await transaction.peek(missing)
        return found
