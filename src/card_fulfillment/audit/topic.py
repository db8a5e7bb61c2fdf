"""One output topic, read to its end and held against the outbox, as often as one likes."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol

from card_fulfillment.kafka import connection as kafka_connection
from card_fulfillment.kafka.connection import client_options
from card_fulfillment.kafka.output import OutputReader, output_reader
from card_fulfillment.kafka.partitioner import partition_of
from card_fulfillment.kafka.topics import partition_count
from card_fulfillment.messages.envelope import Record
from card_fulfillment.messages.headers import Headers
from card_fulfillment.pipeline.audit import Audit, Finding, Pinned
from card_fulfillment.pipeline.output_check import OUTPUT_PARTITIONS_CHANGED, partitions_changed
from card_fulfillment.pipeline.relay_ports import LaneRow
from card_fulfillment.postgres import connection as postgres_connection
from card_fulfillment.postgres.connection import Connection, connected, connector
from card_fulfillment.postgres.ledger import PostgresLedger
from card_fulfillment.postgres.outbox import lanes_of
from card_fulfillment.postgres.schema import SchemaMismatch, check_schema
from card_fulfillment.settings import Settings
from card_fulfillment.starting import Alarmed, Misfit

_HELD_BACK_AFTER: Final = 30.0


class HeldBack(Exception):
    """A transaction stays open, and subscribers do not see what comes after its beginning."""


def is_passing(error: BaseException) -> bool:
    """Whether Kafka or Postgres may simply not be there."""
    return kafka_connection.is_passing(error) or postgres_connection.is_transient(error)


def is_waited_for(error: BaseException) -> bool:
    """Whether an auditor at work tries again, as a worker does: one that ends vouches for nothing.

    It may be a deleted topic, other partitions, another schema or a right that was taken away.
    """
    return (
        is_passing(error)
        or isinstance(error, HeldBack | Misfit | Alarmed | SchemaMismatch)
        or (kafka_connection.refusal(error) or postgres_connection.refusal(error)) is not None
    )


class AuditObserver(Protocol):
    """Told while a topic is read; found: what is wrong with `records` records or beside them."""

    def held(self, topic: str, records: int, found: Sequence[Finding]) -> None: ...


class TopicAudit:
    """Goes on where it stood, on new connections too.

    last: begin that many offsets before the end of each partition, not where its log begins.
    """

    def __init__(
        self, settings: Settings, topic: str, last: int | None, observer: AuditObserver
    ) -> None:
        self._settings, self.topic, self._last = settings, topic, last
        self._observer = observer
        self._next: dict[int, int] = {}
        self._audit: Audit | None = None

    @property
    def begun(self) -> bool:
        """Whether it was ever connected: all that it needs was there."""
        return self._audit is not None

    @asynccontextmanager
    async def connected(self) -> AsyncIterator["Connected"]:
        """Raises Misfit, Alarmed, and what Kafka and Postgres raise; so does `Connected`."""
        async with connected(connector(self._settings.postgres, "audit")) as connection:
            await check_schema(connection)
            lanes = await lanes_of(connection, self.topic)
            await self._check_partitions(lanes)
            partitions = [row.partition for row in lanes]
            options = client_options(self._settings.kafka)
            async with output_reader(options, self.topic, partitions) as reader:
                audit = await self._begin(reader, lanes)
                yield Connected(self.topic, reader, connection, audit, self._next, self._observer)

    async def _check_partitions(self, lanes: Sequence[LaneRow]) -> None:
        if not lanes:
            raise Misfit(f"the database knows nothing of {self.topic}: no worker began on it yet")
        count = await partition_count(client_options(self._settings.kafka), self.topic)
        if count is None:
            raise Misfit(f"topic {self.topic} is missing, or is not for this user to read")
        if count != len(lanes):
            changed = partitions_changed(self.topic, count, len(lanes))
            raise Alarmed(OUTPUT_PARTITIONS_CHANGED, changed)

    async def _begin(self, reader: OutputReader, lanes: Sequence[LaneRow]) -> Audit:
        beginnings, ends = await reader.beginnings(), await reader.written()
        audit = self._audit
        if audit is None:
            back = max(ends.values()) if self._last is None else self._last
            self._next = {p: max(begins, ends[p] - back) for p, begins in beginnings.items()}
            begun = [p for p, offset in self._next.items() if offset == 0]
            self._audit = audit = Audit(self._pinned(lanes), begun)
        deleted = [p for p, offset in self._next.items() if offset < beginnings[p]]
        emptied = [p for p, offset in self._next.items() if offset > ends[p]]
        audit.forget(deleted)
        audit.begin_anew(emptied)
        self._next |= {p: beginnings[p] for p in (*deleted, *emptied)}
        reader.go_on_from(self._next)
        return audit

    def _pinned(self, lanes: Sequence[LaneRow]) -> Pinned:
        events = self._settings.events
        return Pinned(
            {row.partition: row.lane for row in lanes},
            Headers(events.source, events.schema_base).of,
            lambda key: partition_of((key or "").encode(), len(lanes)),
        )


class Connected:
    """A topic's audit on open connections.

    go_on: by partition the offset to read next; kept up to date for the audit on later connections.
    """

    def __init__(
        self,
        topic: str,
        reader: OutputReader,
        connection: Connection,
        audit: Audit,
        go_on: dict[int, int],
        observer: AuditObserver,
    ) -> None:
        self._topic, self._reader, self._connection = topic, reader, connection
        self._audit, self._next, self._observer = audit, go_on, observer
        self._ledger = PostgresLedger(connection)

    async def read_to_the_end(self) -> None:
        """To where Kafka is written now: what was noted as published before must be there then.

        Raises HeldBack where subscribers cannot see it for 30 s.
        """
        lanes = await lanes_of(self._connection, self._topic)
        await self._read_to(await self._reader.written())
        published = {row.partition: row.published_seq for row in lanes}
        self._observer.held(self._topic, 0, self._audit.lost(published))

    async def _read_to(self, ends: Mapping[int, int]) -> None:
        moved = time.monotonic()
        while behind := [p for p, end in ends.items() if self._next[p] < end]:
            before = dict(self._next)
            await self._take(await self._reader.receive())
            if self._next != before:
                moved = time.monotonic()
            elif time.monotonic() - moved > _HELD_BACK_AFTER:
                await self._reader.written()  # raises where Kafka is away, which looks the same
                raise HeldBack(
                    f"{self._topic}[{behind[0]}] is behind somebody's open transaction "
                    f"at offset {self._next[behind[0]]}"
                )

    async def _take(self, records: Sequence[Record]) -> None:
        found = await self._audit.take(records, self._ledger)
        self._next |= {record.partition: record.offset + 1 for record in records}
        self._observer.held(self._topic, len(records), found)
        self._next |= await self._reader.positions()
