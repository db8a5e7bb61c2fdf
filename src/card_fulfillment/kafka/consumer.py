"""The input topics: the consumer group says who takes what, the database from where.

Offsets committed to Kafka are advisory, for lag monitors; they are never read.
"""

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import (
    AIOKafkaConsumer,
    ConsumerRebalanceListener,
    ConsumerRecord,
    TopicPartition,
)
from aiokafka.errors import (
    IllegalStateError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from card_fulfillment.kafka.caution import Caution
from card_fulfillment.kafka.commits import Commits
from card_fulfillment.kafka.connection import ClientOptions
from card_fulfillment.kafka.ending import end_consumer
from card_fulfillment.kafka.group import (
    POLL_MS,
    GroupOptions,
    group_consumer,
    is_member,
    rejoin_after,
)
from card_fulfillment.kafka.incarnation import refuse_a_set_back, verified_extents
from card_fulfillment.kafka.lag import Given, measure, partition_counts, soon
from card_fulfillment.kafka.records import in_time_order
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.backlog import InputBacklog
from card_fulfillment.pipeline.batch import Partition, last_records
from card_fulfillment.pipeline.intake_ports import Fetched, SourceUnavailable
from card_fulfillment.pipeline.ports import StoreUnavailable
from card_fulfillment.pipeline.positions import InputRecreated, Positions

_GIVE_AWAY_WITHIN: Final = 3.0
_LET_GO_WITHIN: Final = 1.0
_STOP_WITHIN: Final = 5.0
_FETCH_WITHIN: Final = 2.0

# In doubt, how often is looked whether the records in hand are applied.
_LOOK_AGAIN: Final = 0.001
_LIVES_ON: Final = 1.0  # whoever has waited for so long for them has not died of them
_POLL: Final = 0.2

# Fewer records are not worth a fetch and a transaction of their own as often as they could be had.
_FEW: Final = 50
_APART: Final = 0.015


class InputSource(ConsumerRebalanceListener):
    """topics: exact names. In doubt it gives few records, and the next when those are applied."""

    def __init__(
        self,
        options: ClientOptions,
        group: GroupOptions,
        topics: Collection[str],
        positions: Positions,
        most_in_hand: int,
    ) -> None:
        """most_in_hand: records that are fetched and not applied yet, at most."""
        self._options, self._group, self._topics = options, group, list(topics)
        self._positions = positions
        self._caution = Caution(positions, most_in_hand)
        self._consumer = self._made()
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._assignment, self._resume_at, self._let_go_at = 0, 0.0, math.inf
        self._joined = self._begun = False
        self._sought = False  # whether the consumer stands at the stored positions
        self._buffer: deque[Record] = deque()
        self._given: deque[Given] = deque()
        # Offsets: from which to go on, before which all is applied.
        self._next: dict[Partition, int] = {}
        self._done: dict[Partition, int] = {}
        self._commits = Commits(self._commit)
        self._holders = 0
        self._free = asyncio.Event()  # set while nobody is holding
        self._free.set()

    async def start(self) -> None:
        """Join the group; to be called again where it raises a passing failure."""
        await end_consumer(self._consumer)  # one that began in vain cannot begin again
        self._consumer = self._made()
        self._consumer.subscribe(topics=self._topics, listener=self)
        await self._consumer.start()
        self._commits.begin()

    def _made(self) -> AIOKafkaConsumer:
        return group_consumer(self._options, self._group, self.rewind)

    async def stop(self) -> None:
        """Leave the group, within a deadline."""
        await self._commits.end()
        await end_consumer(self._consumer, _STOP_WITHIN)

    # What aiokafka tells: it only notes it, `fetch` acts on it. An error here would be swallowed.

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - aiokafka's
        """Let the batch in hand end, for whoever is next, or let it go: nobody died of it."""
        self.rewind()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GIVE_AWAY_WITHIN):
                await self._free.wait()
        with contextlib.suppress(TimeoutError, StoreUnavailable):
            async with asyncio.timeout(_LET_GO_WITHIN):
                await self.let_go()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._assigned = frozenset(assigned)
        self._joined = True
        self.rewind()

    # The port of the intake.

    async def fetch(self, most: int) -> Fetched:
        if not self._sought:
            await self._seek()
        if self._caution.until and self._sought:
            return await self._next_with_care(most)
        if not self._buffer:
            await self._fill()
        return self._cut(most)

    def is_current(self, assignment: int) -> bool:
        return assignment == self._assignment

    def rewind(self) -> None:
        self._sought = False
        self._assignment += 1

    @asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        self._holders += 1
        self._free.clear()
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                self._free.set()

    def applied(self, positions: Mapping[Partition, int]) -> None:
        self._commits.add(positions)
        self._done |= positions
        while self._given and self._given[0].is_done(self._done):
            self._given.popleft()

    async def let_go(self) -> None:
        """Nothing is in hand any more: what ends now ends in order. Raises StoreUnavailable."""
        if self._caution.until:
            await self._positions.let_go()

    # What is measured beside it.

    @property
    def in_doubt(self) -> int:
        return len(self._caution.until)

    @property
    def joined(self) -> bool:
        return self._joined

    @property
    def is_member(self) -> bool:
        return is_member(self._consumer)

    @property
    def begun(self) -> bool:
        """Whether it found its positions to be right once, if it was only because it had none."""
        return self._begun

    async def backlog(self) -> list[InputBacklog]:
        out = [*(given.records for given in self._given), self._buffer]
        return await soon(measure(self._consumer, dict(self._done), out))

    async def partition_counts(self) -> Mapping[str, int]:
        return await soon(partition_counts(self._consumer))

    async def _seek(self) -> None:
        """To the stored positions, or the beginning; what was fetched from elsewhere is dropped."""
        assignment, assigned = self._assignment, self._assigned
        partitions = [Partition(tp.topic, tp.partition) for tp in assigned]
        self._buffer.clear()
        self._given.clear()
        stored = await self._positions.load(partitions)
        extents = await verified_extents(self._options, partitions, stored)
        await self._positions.begin({p: e.first for p, e in extents.items() if p not in stored})
        taken = await self._positions.take(partitions)
        stored = {p: each.position for p, each in taken.items()}
        if assignment != self._assignment:
            return
        refuse_a_set_back(stored, self._done)
        with contextlib.suppress(IllegalStateError):  # taken away just now: the listener will tell
            for partition, position in stored.items():
                self._consumer.seek(TopicPartition(*partition), position.next_offset)
            self._next = {p: position.next_offset for p, position in stored.items()}
            self._done = dict(self._next)
            self._caution.begin(taken, extents)
            self._sought = self._begun = True

    async def _next_with_care(self, most: int) -> Fetched:
        """Few records, noted before anything looks at them, when those before are applied."""
        first = () if self._given else self._caution.first_of(self._buffer, most)
        if self._given:
            await self._wait_for_the_given()
        elif not self._buffer:
            await self._caution.over([p for p in self._caution.until if await self._is_passed(p)])
            await self._fill()
        elif (deadly := await self._caution.note(first)) is None:
            self.rewind()
            await asyncio.sleep(_POLL)  # somebody has them: the group will tell
        elif self._sought:
            self._let_go_at = math.inf if deadly else time.monotonic() + _LIVES_ON
            return self._cut(len(first))._replace(deadly=deadly)
        return Fetched([], {}, self._assignment)

    async def _wait_for_the_given(self) -> None:
        """Whoever is killed while they wait for the database, or freezes, has not died of them."""
        await asyncio.sleep(_LOOK_AGAIN)
        if time.monotonic() > self._let_go_at:
            await self.let_go()
            self._let_go_at = math.inf

    async def _is_passed(self, partition: Partition) -> bool:
        """Whether all that is in doubt is applied, or was never there."""
        tp = TopicPartition(*partition)
        # Taken away just now, or given anew and not sought yet, without which it has no position.
        with contextlib.suppress(IllegalStateError, TimeoutError):
            async with asyncio.timeout(_FETCH_WITHIN):
                passed: int = await self._consumer.position(tp)
            return passed >= self._caution.until[partition]
        return False

    async def _gather(self) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        """Fetch what there is; after few records not again at once, so that more come together.

        Nothing is asked of Kafka meanwhile: a fetch answers at once with the next single record.
        """
        if paused := self._consumer.paused():
            await asyncio.sleep(self._resume_at - time.monotonic())
            self._consumer.resume(*(paused & self._consumer.assignment()))
        async with asyncio.timeout(_FETCH_WITHIN):  # aiokafka lets it wait for the group for ever
            chunks = await self._consumer.getmany(timeout_ms=POLL_MS)
        if 0 < sum(map(len, chunks.values())) < _FEW:
            self._consumer.pause(*self._consumer.assignment())
            self._resume_at = time.monotonic() + _APART
        return chunks

    async def _fill(self) -> None:
        try:
            chunks = await self._gather()
        except (NoOffsetForPartitionError, TimeoutError):
            return  # assigned just now and not sought yet, or the group shares out anew
        except OffsetOutOfRangeError as error:
            if not self._sought:
                return  # it is that of an advisory commit
            raise InputRecreated(f"the stored position is out of range: {error.args[0]}") from error
        except Exception as error:  # its parsers and codecs raise whatever they like
            self._go_back()
            rejoin_after(error, self._consumer)
            raise SourceUnavailable(type(error).__name__) from error
        if self._sought:
            self._buffer.extend(in_time_order(chunks.values()))

    def _go_back(self) -> None:
        """To what follows the records that we have: aiokafka drops those before one it cannot read.

        It does not give them again by itself, but goes on behind them.
        """
        with contextlib.suppress(IllegalStateError):  # taken away just now: the listener will tell
            for partition, offset in self._next.items() if self._sought else ():
                self._consumer.seek(TopicPartition(*partition), offset)

    def _cut(self, most: int) -> Fetched:
        count = min(len(self._buffer), most)
        records = [self._buffer.popleft() for _ in range(count)]
        ends = {p: record.offset + 1 for p, record in last_records(records).items()}
        starts = {p: self._next[p] for p in ends}
        self._next |= ends
        if records:
            self._given.append(Given(records, ends))
        return Fetched(records, starts, self._assignment)

    async def _commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        if ours := {tp: offset for tp, offset in offsets.items() if tp in self._assigned}:
            await self._consumer.commit(ours)
