"""The transactional producer behind the relay, and its end: thrown away at the least doubt."""

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from itertools import zip_longest
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.protocol.transaction import EndTxnRequest

from card_fulfillment.kafka.connection import ClientOptions, client_options
from card_fulfillment.kafka.ending import let_end
from card_fulfillment.kafka.tail import HeldOpen, read_tails
from card_fulfillment.messages.headers import Header, Headers
from card_fulfillment.pipeline.failpoints import failpoint
from card_fulfillment.pipeline.relay_ports import (
    LaneRows,
    OutputRefused,
    Publisher,
    Row,
    Tail,
    Unavailable,
)
from card_fulfillment.settings import KafkaSettings

_BATCH_BYTES: Final = 1_000_000  # below the brokers' default limit of 1,048,588
_LEAST_BATCH_BYTES: Final = 16_384
_START: Final = timedelta(seconds=15)
_STOP_SECONDS: Final = 0.75
_REFUSALS: Final = (
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)


class TransactionalPublisher:
    """Publishes to one topic under one transactional id; every wait has a deadline."""

    def __init__(
        self,
        options: ClientOptions,
        *,
        topic: str,
        transactional_id: str,
        headers: Headers,
        timeout: timedelta,
        batch_bytes: int,
    ) -> None:
        self.refused = False
        # A request that is never given up before its transaction is: EndTxn must not be sent twice.
        patience = max(options["request_timeout_ms"], 2 * (timeout // timedelta(milliseconds=1)))
        self._options = options
        self._topic = topic
        self._headers = headers
        self._timeout = timeout
        self._producer = AIOKafkaProducer(
            **{**options, "request_timeout_ms": patience},
            transactional_id=transactional_id,
            transaction_timeout_ms=timeout // timedelta(milliseconds=1),
            enable_idempotence=True,
            acks="all",
            max_batch_size=batch_bytes,
            linger_ms=0,
        )
        self._end_txns_sent = _count_end_txns(self._producer)
        self._is_in_doubt = False
        self._last_offsets: dict[int, int] = {}

    async def start(self) -> None:
        async with _deadline("InitProducerId", _START):
            await self._producer.start()

    async def tails(self) -> Mapping[int, Tail]:
        async with _deadline("reading the ends of the topic", _START, self._but_for):
            partitions = await self._producer.partitions_for(self._topic)
            try:
                return await read_tails(self._options, self._topic, partitions)
            except HeldOpen as held:
                await self._end_what_hangs(held.partitions)
                raise

    def _but_for(self) -> str:
        """Why Kafka's clients wait without a word: for a topic that they do not see."""
        seen = self._producer.client.cluster.topics()
        return "" if self._topic in seen else f": there is no topic {self._topic} to be seen"

    async def _end_what_hangs(self, partitions: Iterable[TopicPartition]) -> None:
        """End what an earlier producer of ours left there, although Kafka says that it is ended.

        Brokers that die can forget a partition of a transaction, and hold back what follows for
        ever. A transaction more with these partitions, and nothing else, marks the end of both.
        What is somebody else's stays open.
        """
        await self._producer.begin_transaction()
        manager: TransactionManager = vars(self._producer)["_txn_manager"]
        for partition in partitions:
            manager.maybe_add_partition_to_txn(partition)
        await self._producer.abort_transaction()

    async def publish(self, lanes: Sequence[LaneRows]) -> None:
        if self._is_in_doubt:
            raise Unavailable("Kafka: EndTxn was sent twice; one may still be under way")
        batches = [self._batches(lane) for lane in lanes]
        before = self._end_txns_sent()
        try:
            async with _deadline("a transaction", self._timeout, self._but_for):
                await self._producer.begin_transaction()
                await self._send(batches)
                failpoint("relay.after_produce")
                await self._producer.commit_transaction()
        except OutputRefused:
            self.refused = True
            raise
        self._is_in_doubt = self._end_txns_sent() > before + 1

    def _batches(self, lane: LaneRows) -> list[tuple[int, BatchBuilder]]:
        mark = ("lane", str(lane.lane).encode())
        batches = [self._producer.create_batch()]
        for row in lane.rows:
            headers = [*self._headers.of(row.key, row.headers), mark, ("seq", b"%d" % row.seq)]
            if not _append(batches[-1], row, headers):
                batches.append(self._producer.create_batch())
                _append(batches[-1], row, headers)
        return [(lane.partition, batch) for batch in batches]

    async def _send(self, batches: Iterable[list[tuple[int, BatchBuilder]]]) -> None:
        """Every partition's first batch before any second one, for they share a request."""
        futures = []
        for column in zip_longest(*batches):
            for partition, batch in filter(None, column):
                sent = await self._producer.send_batch(batch, self._topic, partition=partition)
                sent.add_done_callback(_look_at)
                futures.append(sent)
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            self._refuse_a_log_that_went_back(outcome.partition, outcome.offset)

    def _refuse_a_log_that_went_back(self, partition: int, offset: int) -> None:
        """Behind what we wrote: what is not there any more must be told of, and not be followed."""
        last = self._last_offsets.get(partition, -1)
        if offset <= last:
            raise Unavailable(
                f"Kafka: {self._topic} [{partition}] goes on at offset {offset}, although this "
                f"producer wrote to {last}: it lost records, or was made again"
            )
        self._last_offsets[partition] = offset

    async def close(self) -> None:
        """Stop within about two seconds, whatever state it is in. Never raises."""
        await let_end(self._producer.stop(), _STOP_SECONDS)
        await _abandon(self._producer)


def _append(batch: BatchBuilder, row: Row, headers: Sequence[Header]) -> bool:
    key = None if row.key is None else row.key.encode()
    appended = batch.append(timestamp=None, key=key, value=row.value, headers=headers)
    return appended is not None


def publisher_of(
    settings: KafkaSettings, topic: str, headers: Headers
) -> Callable[[], AbstractAsyncContextManager[Publisher]]:
    """How a relay opens a producer for its topic; one transactional id for each topic.

    After a refusal the next producers send smaller batches: the topic may have a lower limit.
    """
    batch_bytes = _BATCH_BYTES

    @asynccontextmanager
    async def opened() -> AsyncIterator[Publisher]:
        nonlocal batch_bytes
        publisher = TransactionalPublisher(
            client_options(settings),
            topic=topic,
            transactional_id=f"{settings.transactional_id}-{topic}",
            headers=headers,
            timeout=settings.transaction_timeout,
            batch_bytes=batch_bytes,
        )
        try:
            yield publisher
        finally:
            if publisher.refused:
                batch_bytes = max(batch_bytes // 4, _LEAST_BATCH_BYTES)
            await publisher.close()

    return opened


@asynccontextmanager
async def _deadline(
    what: str, limit: timedelta, why: Callable[[], str] = lambda: ""
) -> AsyncIterator[None]:
    """Make every error of aiokafka, and there are many kinds, one of the relay's two.

    why: asked where it takes too long; what is known of the reason.
    """
    try:
        async with asyncio.timeout(limit.total_seconds()):
            yield
    except _REFUSALS as error:
        raise OutputRefused(f"Kafka: {error}") from error
    except TimeoutError as error:
        told = f"Kafka: {what} took more than {limit.total_seconds():g} s{why()}"
        raise Unavailable(told) from error
    except Unavailable:
        raise
    except Exception as error:
        raise Unavailable(f"Kafka: {what}: {type(error).__name__}: {error}") from error


def _count_end_txns(producer: AIOKafkaProducer) -> Callable[[], int]:
    """Count the EndTxn requests that were sent: aiokafka repeats them silently."""
    sent = 0
    send: Callable[..., Awaitable[object]] = producer.client.send

    async def counted(node_id: int, request: object, **more: object) -> object:
        nonlocal sent
        sent += isinstance(request, EndTxnRequest)
        return await send(node_id, request, **more)

    vars(producer.client)["send"] = counted
    return lambda: sent


async def _abandon(producer: AIOKafkaProducer) -> None:
    """End what `stop` leaves behind where the broker does not answer: tasks that retry for ever."""
    await let_end(producer.client.close(), _STOP_SECONDS)
    private = vars(producer)
    for future in _forgotten(private["_txn_manager"], private["_message_accumulator"]):
        if future.done():
            _look_at(future)
    owners = (private["_sender"], private["_message_accumulator"])
    left = [task for task in asyncio.all_tasks() if _self_of(task) in owners]
    for _ in range(2):  # the sender takes the first one as a wish to finish its requests
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_STOP_SECONDS / 4)


def _look_at(future: asyncio.Future[Any]) -> None:
    """Keep asyncio from complaining of a failure that was raised already, or had a better cause."""
    if not future.cancelled():
        future.exception()


def _forgotten(
    transactions: TransactionManager, accumulator: MessageAccumulator
) -> Iterator[asyncio.Future[None]]:
    """Give the futures that aiokafka fails and that nobody waits for."""
    if outcome := transactions.wait_for_transaction_end():
        yield outcome
    for batches in vars(accumulator)["_batches"].values():
        for batch in batches:
            yield vars(batch)["_drain_waiter"]


def _self_of(task: asyncio.Task[Any]) -> object:
    frame = getattr(task.get_coro(), "cr_frame", None)
    return None if frame is None else frame.f_locals.get("self")
