"""The database that simulated processes share: sessions that it ends, answers that are lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, cast

from relay_memory import Database as Ledger
from simulated_fate import POSTGRES, Fate

from builders import OUTPUT_PARTITIONS
from card_fulfillment.pipeline.batch import Batch, Partition
from card_fulfillment.pipeline.fan_out import Spreading
from card_fulfillment.pipeline.ports import StoreUnavailable
from card_fulfillment.pipeline.relay_ports import Row
from memory import MemoryStore, MemoryTransaction

# A session from which nothing is heard for so long is ended, and what it did is rolled back.
_PATIENCE: Final = 5.0
_SOON: Final = 0.01


class _Session:
    def __init__(self) -> None:
        self.heard_at = 0.0
        self.hear()

    def hear(self) -> None:
        self.heard_at = asyncio.get_running_loop().time()

    @property
    def is_silent(self) -> bool:
        return asyncio.get_running_loop().time() - self.heard_at > _PATIENCE


class Database(MemoryStore):
    """committed: the batches whose transactions were, in this order. ledgers: by output topic."""

    def __init__(self, outputs: Iterable[str]) -> None:
        super().__init__()
        self.committed: list[Batch] = []
        self.ledgers = {topic: Ledger() for topic in outputs}
        for ledger in self.ledgers.values():
            ledger.pin(OUTPUT_PARTITIONS)
        self._holder: _Session | None = None

    def positions(self) -> Mapping[Partition, int]:
        return {p: position.next_offset for p, position in self._tables.positions.items()}

    @asynccontextmanager
    async def session(self, fate: Fate, batch: Batch | None) -> AsyncIterator[Spreading]:
        """A transaction of a process. What became of it when the answer is lost, nobody knows."""
        await fate.reach(POSTGRES, StoreUnavailable)
        session = await self._turn_of()
        tables = self._tables.copied()
        try:
            yield cast("Spreading", _Remote(MemoryTransaction(tables), fate, session))
            await fate.reach(POSTGRES, StoreUnavailable)
            if self._holder is not session:
                raise StoreUnavailable("the server has ended the session")
            self._tables = tables
        finally:
            if self._holder is session:
                self._holder = None
        self._note(batch)
        await fate.reach(POSTGRES, StoreUnavailable)

    async def _turn_of(self) -> _Session:
        while self._holder is not None and not self._holder.is_silent:  # noqa: ASYNC110 - its time runs out
            await asyncio.sleep(_SOON)
        self._holder = _Session()
        return self._holder

    def _note(self, batch: Batch | None) -> None:
        if batch is not None:
            self.committed.append(batch)
        for (topic, partition), changes in self._tables.lanes.items():
            ledger = self.ledgers[topic]
            rows = ledger.rows[partition]
            for seq, change in enumerate(changes[len(rows) :], len(rows) + 1):
                out = change.outgoing
                rows.append(Row(seq, out.key, out.headers, out.value))
            for wake in ledger.listeners:
                wake()


class _Remote:
    """Each call of the transaction is a way to the server."""

    def __init__(self, transaction: MemoryTransaction, fate: Fate, session: _Session) -> None:
        self._transaction, self._fate, self._session = transaction, fate, session

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method: Callable[..., Awaitable[Any]] = getattr(self._transaction, name)

        async def called(*arguments: object) -> Any:  # noqa: ANN401 - whatever it answers
            await self._fate.reach(POSTGRES, StoreUnavailable)
            self._session.hear()
            return await method(*arguments)

        return called


class Connection:
    """What one appliers or fan-out of a process has. batch: what it is applying just now."""

    def __init__(self, database: Database, fate: Fate) -> None:
        self._database, self._fate = database, fate
        self.batch: Batch | None = None

    def transaction(self) -> Any:  # noqa: ANN401 - a context manager
        return self._database.session(self._fate, self.batch)
