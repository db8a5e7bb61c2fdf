"""Records taken in and redriven on a real database, without Kafka."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg

from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.batch import Batch, Move, Partition, RecordClass
from card_fulfillment.pipeline.redrive import BytesGone, Redriven, Redriver, Selection, StoredLetter
from card_fulfillment.postgres.connection import connect
from card_fulfillment.postgres.outbox import pin_lanes
from card_fulfillment.postgres.positions import PostgresPositions
from card_fulfillment.postgres.quarantine import RedrivingQuarantine
from card_fulfillment.postgres.store import PostgresStore, PostgresTransaction
from card_fulfillment.settings import Settings
from card_fulfillment.topology import topology
from card_fulfillment.wiring import decoder, publishing

NOW: Final = 1_780_000_000_000_000
PARTITIONS: Final = 2


class Desk:
    """Records are taken in and redriven, without Kafka."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.offset = 0
        self.directory: Path | None = None

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(
            {"postgres": {"dsn": self.dsn}, "vendors": {"directory": self.directory}}
        )

    async def lanes(self) -> dict[tuple[str, int], int]:
        known = topology(self.settings)
        connection = await asyncpg.connect(self.dsn)
        try:
            return {
                (topic, partition): lane
                for topic in (known.status_changed, known.dead_letter)
                for partition, lane in (await pin_lanes(connection, topic, PARTITIONS)).items()
            }
        finally:
            await connection.close()

    async def take(self, topic: str, body: object) -> RecordClass:
        value = body if isinstance(body, bytes) else json.dumps(body).encode()
        record = Record(topic, 0, self.offset, NOW, b"k", value)
        known, lanes = topology(self.settings), await self.lanes()
        open_ = partial(connect, self.settings.postgres, application_name="tests")
        await PostgresPositions(open_).begin({Partition(topic, 0): self.offset})
        moves = {Partition(topic, 0): Move(self.offset, self.offset + 1, record)}
        store = PostgresStore(open_, lanes, PostgresTransaction)
        try:
            applier = Applier(store, publishing(self.settings, known, lanes))
            batch = Batch([decoder(self.settings, known)(record)], moves)
            effects = await applier.apply(batch, NOW)
        finally:
            store.discard()
        ((became,),) = effects.counts.values()
        return became

    async def take_next(self, topic: str, body: object) -> RecordClass:
        """Behind the one before in the same topic."""
        self.offset += 1
        await self.fetch("UPDATE input_position SET next_offset = $1", self.offset)
        return await self.take(topic, body)

    @asynccontextmanager
    async def redriver(self, *, dry_run: bool = False) -> AsyncIterator[Redriver]:
        known, lanes = topology(self.settings), await self.lanes()
        open_ = partial(connect, self.settings.postgres, application_name="tests")
        quarantine = RedrivingQuarantine(
            open_, lanes, publishing(self.settings, known, lanes), lambda: NOW
        )

        async def gone(_: StoredLetter) -> Record:
            raise BytesGone("gone")

        try:
            yield Redriver(
                quarantine, known.readers, decoder(self.settings, known), gone, "tester", dry_run
            )
        finally:
            quarantine.discard()

    async def redrive(self, *, dry_run: bool = False, state: str | None = "open") -> list[Redriven]:
        async with self.redriver(dry_run=dry_run) as redriver:
            letters = [each async for each in redriver.quarantine.select(Selection(state=state))]
            return [await redriver(letter) for letter in letters]

    async def fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetch(statement, *values)
        finally:
            await connection.close()

    async def everything(self) -> list[list[asyncpg.Record]]:
        """All that a redrive may touch."""
        tables = ("card", "fact", "change", "dead_letter", "lane", "input_position", "waiting")
        return [await self.fetch(f"SELECT * FROM {t} ORDER BY 1, 2") for t in tables]  # noqa: S608

    async def statuses(self) -> list[str]:
        rows = await self.fetch("SELECT value FROM change WHERE card_id = 'c1' ORDER BY version")
        return [json.loads(row[0])["fulfillment_status"] for row in rows]

    async def copies(self) -> list[int]:
        return [row[0] for row in await self.fetch("SELECT copies FROM fact ORDER BY 1")]
