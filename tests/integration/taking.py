"""The positions of a database, as several processes take them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import asyncpg

from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.positions import Taken
from card_fulfillment.postgres.acceptance import accept_input
from card_fulfillment.postgres.connection import Connect, connect, connected
from card_fulfillment.postgres.positions import PostgresPositions
from card_fulfillment.settings import PostgresSettings


class Database:
    """partition: the one that all methods are about that name none."""

    def __init__(
        self, open_: Connect, connection: asyncpg.Connection, partition: Partition
    ) -> None:
        self._open, self._connection, self.partition = open_, connection, partition

    def process(self, name: str) -> PostgresPositions:
        return PostgresPositions(self._open, name)

    async def taken_by(self, process: PostgresPositions) -> Taken:
        (taken,) = (await process.take([self.partition])).values()
        return taken

    async def dies_with(self, name: str, offset: int, *, alone: bool = True) -> None:
        """A process of this name takes it, has records up to this one in hand, and dies."""
        dying = self.process(name)
        await self.taken_by(dying)
        await dying.hold({self.partition: offset}, alone=alone)
        await dying.hang_up()

    async def in_hand(self) -> int | None:
        offset: int | None = await self._connection.fetchval(
            "SELECT in_hand FROM input_position WHERE topic = $1 AND partition = $2",
            *self.partition,
        )
        return offset

    async def accept(self, offset: int) -> None:
        """As a person does whose topic was made again."""
        await accept_input(self._connection, {self.partition: (offset, offset)})

    async def move(self, to: int, partition: Partition | None = None) -> None:
        await self._connection.execute(
            "UPDATE input_position SET next_offset = $1 WHERE topic = $2 AND partition = $3",
            to,
            *(partition or self.partition),
        )

    @asynccontextmanager
    async def moving(self, to: int) -> AsyncIterator[None]:
        """While a transaction is open that moves it."""
        async with self._connection.transaction():
            await self.move(to)
            yield


def opening(dsn: str) -> Connect:
    return partial(connect, PostgresSettings(dsn=dsn), application_name="card-fulfillment test")


@asynccontextmanager
async def database_of(dsn: str, *partitions: Partition) -> AsyncIterator[Database]:
    """With these partitions, none of which anybody has taken."""
    async with connected(opening(dsn)) as connection:
        database = Database(opening(dsn), connection, partitions[0])
        await database.process("nobody").begin(dict.fromkeys(partitions, 0))
        yield database
