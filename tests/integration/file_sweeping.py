"""Vendors' files as a sweep looks at them."""

from datetime import timedelta
from functools import partial
from typing import Final

import asyncpg

from builders import LANES, NOW, Log, publishing, sent
from card_fulfillment.domain.files import FileLine, FileName
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.file_sweep import Swept, sweep_files
from card_fulfillment.postgres.quarantine import PostgresQuarantine
from postgres_state import PostgresState

AT_ONCE: Final = timedelta(0)


class Sweeping:
    """A log of files' lines, and what the sweep says of them."""

    def __init__(self, state: PostgresState, dsn: str) -> None:
        self._state, self._dsn, self._log = state, dsn, Log()
        self._applier = Applier(state.store(), publishing())
        self._sweeper = state.sweeping_store()

    async def take(self, *lines: FileLine) -> None:
        batch = self._log.batch([sent(*lines)])
        await self._state.begin(batch.moves)
        await self._applier.apply(batch, NOW)

    async def sweep(self, grace: timedelta = AT_ONCE) -> Swept:
        return await sweep_files(self._sweeper.transaction, grace, publishing(), NOW)

    async def sweep_beside(self) -> Swept:
        """As another process does."""
        store = self._state.sweeping_store()
        return await sweep_files(store.transaction, AT_ONCE, publishing(), NOW)

    async def take_while_it_is_looked_at(self, line: FileLine) -> None:
        """A line comes between the look of a sweep and its end."""
        async with self._state.sweeping_store().transaction() as transaction:
            looked = await transaction.looked_at(AT_ONCE, (), 9)
            await self.take(line)
            await transaction.settle(looked)

    async def looks_at(self, *told_of: FileName) -> set[FileName]:
        """Which files a sweep counts after these were told of."""
        async with self._state.sweeping_store().transaction() as transaction:
            looked = await transaction.looked_at(AT_ONCE, told_of, 9)
        return {each.account.name for each in looked}

    async def age(self, file: str) -> None:
        """Nothing has come of the file for two hours."""
        connection = await asyncpg.connect(self._dsn)
        await connection.execute(
            "UPDATE vendor_file SET began_at = began_at - interval '2 h', "
            "changed_at = changed_at - interval '2 h' WHERE file = $1",
            file,
        )
        await connection.close()

    async def open(self) -> list[tuple[str, str, str]]:
        """The alerts that are open: reason, where, what."""
        connection = await asyncpg.connect(self._dsn)
        try:
            return [
                (row["reason"], row["field_path"], row["message"])
                for row in await connection.fetch(
                    "SELECT * FROM dead_letter WHERE state = 'open' ORDER BY reason, field_path"
                )
            ]
        finally:
            await connection.close()

    async def close(self) -> set[str]:
        """Close all of them, as a person does."""
        connection = await asyncpg.connect(self._dsn)
        rows = await connection.fetch("SELECT dead_letter_id::text FROM dead_letter")
        await connection.close()
        quarantine = PostgresQuarantine(partial(asyncpg.connect, self._dsn))
        return await quarantine.close([row[0] for row in rows], "night shift")

    async def told(self) -> int:
        """How many dead letters go out."""
        lanes = (await self._state.snapshot()).lanes
        return sum(len(changes) for (topic, _), changes in lanes.items() if topic == LANES[2][0])
