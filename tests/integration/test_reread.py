"""A record is read again by its place, and taken for the same one only where its bytes are."""

from datetime import UTC, datetime
from hashlib import sha256

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from known_topic import MARKER, known_topic
from pydantic import SecretStr
from relay_services import admin

from card_fulfillment.commands import dlq
from card_fulfillment.kafka.connection import ClientOptions, client_options
from card_fulfillment.kafka.reread import read_record
from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.redrive import BytesGone, StoredLetter
from card_fulfillment.settings import KafkaSettings, PostgresSettings, Settings
from stack import Services


@pytest.fixture
def kafka(stack: Services) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=stack.bootstrap)


@pytest.fixture
def options(kafka: KafkaSettings) -> ClientOptions:
    return client_options(kafka)


@pytest.fixture
async def topic(options: ClientOptions) -> Partition:
    return await known_topic(options)


async def value_at(options: ClientOptions, topic: str, offset: int) -> bytes | None:
    found = await read_record(options, topic, 0, offset)
    return None if found is None else found.value


async def test_a_record_is_read_by_its_place_and_no_other_in_its_stead(
    options: ClientOptions, topic: Partition
) -> None:
    places = (0, 1, MARKER, 3, 5)
    found = [await value_at(options, topic.topic, offset) for offset in places]
    assert found == [b"one", b"two", None, b"four", None]
    assert await value_at(options, f"{topic.topic}-gone", 0) is None


async def test_a_record_that_was_deleted_is_not_there(
    options: ClientOptions, topic: Partition
) -> None:
    async with admin(options) as client:
        await client.delete_records({TopicPartition(*topic): RecordsToDelete(before_offset=1)})
    assert [await value_at(options, topic.topic, offset) for offset in (0, 1)] == [None, b"two"]


def letter(topic: Partition, offset: int, value: bytes) -> StoredLetter:
    return StoredLetter(
        id="1",
        reason=RefusalReason.CARD_DATA,
        field_path="",
        message="",
        vendor=None,
        mapping_version=None,
        topic=topic.topic,
        partition=0,
        offset=offset,
        record_timestamp=0,
        recorded_at=datetime(2026, 3, 1, tzinfo=UTC),
        sha256=sha256(value).hexdigest(),
        state="open",
        closed_at=None,
        closed_by=None,
        record=None,
    )


async def test_bytes_that_were_not_kept_are_taken_from_the_topic_where_they_are_the_same(
    kafka: KafkaSettings, topic: Partition
) -> None:
    unused = PostgresSettings(dsn=SecretStr("postgresql://nobody@localhost/nothing"))
    fetch = dlq._fetch_by(Settings(kafka=kafka, postgres=unused))
    assert (await fetch(letter(topic, 0, b"one"))).value == b"one"
    for gone, why in (
        (letter(topic, 0, b"two"), "another record there now"),
        (letter(topic, 5, b"two"), "no such record any more"),
        (letter(topic, 0, b""), "has no value"),
    ):
        with pytest.raises(BytesGone, match=why):
            await fetch(gone)
