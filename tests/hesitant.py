"""Workers that meet on the same rows: each waits before it writes until another one has read."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from builders import NOW
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.batch import Batch
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.ports import Contended, Store, Transaction

_TRIES = 20


class Hesitant:
    """A store whose transactions, before they write, wait a little for another one to have read."""

    def __init__(self, store: Store, mine: asyncio.Event, others: asyncio.Event) -> None:
        self._store, self._mine, self._others = store, mine, others

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self._store.transaction() as transaction:
            yield _HesitantTransaction(transaction, self._mine, self._others)


class _HesitantTransaction:
    def __init__(
        self, transaction: Transaction, mine: asyncio.Event, others: asyncio.Event
    ) -> None:
        self._transaction, self._mine, self._others = transaction, mine, others
        self.peek, self.lock, self.read = transaction.peek, transaction.lock, transaction.read

    async def write(self, effects: Effects) -> None:
        self._mine.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._others.wait(), 0.1)
        await self._transaction.write(effects)


async def take(applier: Applier, batches: Iterable[Batch]) -> int:
    """Apply all of it; returns how often it had to try again."""
    contended = 0
    for batch in batches:
        for _ in range(_TRIES):
            try:
                await applier.apply(batch, NOW)
            except Contended:
                contended += 1
            else:
                break
        else:
            raise AssertionError("contended for ever")
    return contended
