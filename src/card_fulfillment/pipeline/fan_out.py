"""Bringing what is said of a bulk issuance to its members, some at a time, and telling its counts.

Work is on members that lag behind their bulk's number, so that it goes on wherever it was cut off,
in whichever process.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Final, NamedTuple, Protocol

from card_fulfillment.domain.bulk import Bulk
from card_fulfillment.domain.members import Sayings
from card_fulfillment.domain.serials import Ranges
from card_fulfillment.pipeline.bulks import NOTHING_ANNOUNCED, numbered
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.failpoints import failpoint
from card_fulfillment.pipeline.folding import Folding
from card_fulfillment.pipeline.locked import TooNarrow, locked_view
from card_fulfillment.pipeline.needs import Wanted
from card_fulfillment.pipeline.placement import Placement
from card_fulfillment.pipeline.ports import Contended, Transaction
from card_fulfillment.pipeline.publishing import Publishing
from card_fulfillment.pipeline.view import Need, StoredFact, View

_WIDENINGS: Final = 10
_FROM_THE_START: Final = 0


class Lagging(NamedTuple):
    """Members of a bulk that have folded less than `number`.

    reach: only those whose serials are in it; null: all. from_serial: only from this serial on.
    """

    bulk_id: str
    number: int
    reach: Ranges | None
    from_serial: int


class LaggingMember(NamedTuple):
    card_id: str
    serial: int | None


class Spreading(Transaction, Protocol):
    """One transaction that brings what is said of a bulk to some of its members."""

    async def claim_lagging(self, after: str) -> str | None:
        """Lock a bulk that has something to spread, the next one after `after` if there is any.

        One that nobody else works at comes first; else it waits for another's turn to end.
        """
        ...

    async def claim_dirty(self, after: str) -> str | None:
        """Lock a bulk whose counts are not published; which one is chosen as in `claim_lagging`."""
        ...

    async def unspread(self, bulk_id: str, bulk: Bulk) -> Sequence[StoredFact]:
        """The facts about the bulk that some member may not have folded yet."""
        ...

    async def lagging(self, which: Lagging, most: int) -> Sequence[LaggingMember]:
        """Members by their serials; those without one last."""
        ...


class Chunk(NamedTuple):
    """Members of a bulk to be folded. last: there are no more that lag.

    reached: the serial from which the next chunk goes on, once this one is committed.
    """

    bulk_id: str
    members: Sequence[str]
    reached: int = _FROM_THE_START
    last: bool = False


class FanOut:
    """Spreads what is said of bulks, which take turns: a chunk of one in each transaction.

    most: members in a transaction.
    """

    def __init__(
        self,
        transaction: Callable[[], AbstractAsyncContextManager[Spreading]],
        publishing: Publishing,
        most: int,
    ) -> None:
        self._transaction, self._publishing, self._most = transaction, publishing, most
        self._reached: dict[str, int] = {}
        self._spread_last = self._ticked_last = ""  # the bulks that had their turn

    async def spread(self, now: int) -> Effects | None:
        """Fold a chunk of some bulk's members; nothing where no bulk has any that lag.

        Raises StoreUnavailable, Contended or Unwieldy.
        """
        wider, after = Need(), self._spread_last
        for _ in range(_WIDENINGS):
            try:
                async with self._transaction() as transaction:
                    chunk = await self._chunk(transaction, after)
                    if chunk is None:
                        return None
                    need = Need(bulks={chunk.bulk_id}, cards=set(chunk.members)) | wider
                    view = await locked_view(transaction, Wanted(), need, chunk.members)
                    effects = self._decide(view, chunk, now)
                    await transaction.write(effects)
                    failpoint("fan_out.written")
            except TooNarrow as narrow:
                wider = narrow.need
            else:
                if chunk.reached == _FROM_THE_START:
                    self._reached.pop(chunk.bulk_id, None)
                else:
                    self._reached[chunk.bulk_id] = chunk.reached
                return effects
        raise Contended(f"the needs of a fan-out grew {_WIDENINGS} times")

    async def tick(self, now: int) -> Effects | None:
        """Publish counts that changed since a bulk was told of; nothing where none did.

        Raises StoreUnavailable or Contended.
        """
        async with self._transaction() as transaction:
            bulk_id = await transaction.claim_dirty(self._ticked_last)
            if bulk_id is None:
                return None
            self._ticked_last = bulk_id
            view = await locked_view(transaction, Wanted(), Need(bulks={bulk_id}))
            effects = self._decide(view, Chunk(bulk_id, ()), now, tick=True)
            await transaction.write(effects)
        return effects

    async def _chunk(self, transaction: Spreading, after: str) -> Chunk | None:
        bulk_id = await transaction.claim_lagging(after)
        if bulk_id is None:
            return None
        self._spread_last = bulk_id
        bulk = (await transaction.peek(Need(bulks={bulk_id}))).bulks[bulk_id]
        stored = await transaction.unspread(bulk_id, bulk)
        sayings = Sayings(numbered(stored, bulk_id), bulk.said.parcels)
        reset = bulk.reset_number > bulk.spread_number
        reach = None if reset else sayings.reach(bulk.spread_number)
        begun_at = self._reached.get(bulk_id, _FROM_THE_START)
        lagging = Lagging(bulk_id, bulk.last_number, reach, begun_at)
        members = await transaction.lagging(lagging, self._most)
        full = len(members) == self._most
        last = not full and begun_at == _FROM_THE_START
        # Those without a serial come last.
        reached = (members[-1].serial or begun_at) if full else _FROM_THE_START
        return Chunk(bulk_id, [member.card_id for member in members], reached, last=last)

    def _decide(self, view: View, chunk: Chunk, now: int, *, tick: bool = False) -> Effects:
        bulk = view.bulks[chunk.bulk_id]
        if chunk.last:
            view.bulks[chunk.bulk_id] = _spread(bulk)
        identities = {i: state.identity for i, state in view.cards.items() if state.identity}
        effects = Effects()
        placement = Placement(view, identities, self._publishing.windows)
        folding = Folding(effects, view, placement, identities, self._publishing, now)
        folding.fold({chunk.bulk_id: NOTHING_ANNOUNCED}, chunk.members, tick=tick)
        return effects


def _spread(bulk: Bulk) -> Bulk:
    return replace(bulk, spread_number=bulk.last_number)
