"""The stored state in Postgres: one connection, one transaction at a time, statements on arrays."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Final, Generic, TypeVar

import asyncpg

from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.failpoints import failpoint
from card_fulfillment.pipeline.ports import Contended, StoreUnavailable, Unstorable
from card_fulfillment.pipeline.view import Need, View
from card_fulfillment.postgres import letters_writing, locking, reading, writing
from card_fulfillment.postgres.changes_writing import Lanes
from card_fulfillment.postgres.connection import Connect, passing

# Rolled back by the server, or by us on a conflict that another look resolves: the connection is
# fine.
_LOST_A_RACE: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.UniqueViolationError,
    asyncpg.InvalidCachedStatementError,
)
# By what a record brought: another one has other values.
_REFUSED_VALUES: Final = (
    asyncpg.DataError,
    asyncpg.CheckViolationError,
    asyncpg.ProgramLimitExceededError,
)
_DATABASE_ERRORS: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)


_CUT_OFF: Final = (asyncio.CancelledError, asyncpg.InterfaceError, OSError)  # every timeout is one


class PostgresTransaction:
    """READ COMMITTED: what others commit while it waits for a lock is seen after the lock."""

    def __init__(self, connection: asyncpg.Connection, lanes: Lanes) -> None:
        self._connection = connection
        self._lanes = lanes
        self._held = View()

    async def peek(self, need: Need) -> View:
        return await reading.peek(self._connection, need)

    async def lock(self, need: Need, known: Collection[str] = ()) -> None:
        self._held |= await locking.lock(self._connection, need, known)

    async def read(self, need: Need) -> View:
        return await reading.read(self._connection, need, self._held)

    async def write(self, effects: Effects) -> None:
        await writing.write(self._connection, effects, self._lanes, self._held.cards)
        failpoint("intake.written")


Begun = TypeVar("Begun", bound=PostgresTransaction)


class PostgresStore(Generic[Begun]):
    """Holds a connection; one that failed is thrown away and the next use connects anew.

    lanes: lane numbers by (topic, partition). begin: what a transaction works with.
    """

    def __init__(
        self,
        connect: Connect,
        lanes: Lanes,
        begin: Callable[[asyncpg.Connection, Lanes], Begun],
    ) -> None:
        self._connect = connect
        self._lanes = lanes
        self._begin = begin
        self._connection: asyncpg.Connection | None = None

    def transaction(self) -> AbstractAsyncContextManager[Begun]:
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Begun]:
        """A commit whose answer is lost raises like any failure.

        Whether it was done shows when the batch is tried again: its positions are elsewhere then.
        """
        try:
            with _untold_rows():
                connection = await self._connected()
                transaction = connection.transaction(isolation="read_committed")
                await transaction.start()
                try:
                    yield self._begin(connection, self._lanes)
                except _CUT_OFF:
                    raise  # hung up on, it needs no ROLLBACK, which would wait for an answer, too
                except BaseException:
                    await transaction.rollback()
                    raise
                await transaction.commit()
        except _LOST_A_RACE as error:
            raise Contended(type(error).__name__) from error
        except _REFUSED_VALUES as error:
            raise Unstorable(type(error).__name__) from error
        except _DATABASE_ERRORS as error:
            self.discard()
            if why := passing(error):
                raise StoreUnavailable(why) from error
            raise
        except asyncio.CancelledError:
            self.discard()  # cut in the middle of a statement it is of no more use
            raise

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
            await _rehearse(self._connection)
        return self._connection

    def discard(self) -> None:
        """Hang up; what was not committed is rolled back by the server."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


@contextmanager
def _untold_rows() -> Iterator[None]:
    """Postgres tells all of a row that it refuses, and errors come into logs."""
    try:
        yield
    except asyncpg.PostgresError as error:
        error.detail = None
        raise


async def _rehearse(connection: asyncpg.Connection) -> None:
    """Run what ordinary batches run while nothing is locked, so that it is prepared.

    asyncpg prepares what is run for the first time, and to the server a process that freezes
    between preparing and running is not idle: what it holds would be held until it wakes.
    """
    for each in (reading, locking, writing, letters_writing):
        await each.rehearse(connection)
