"""What aiokafka fetched, as the rest of the worker knows records: times in microseconds."""

from aiokafka import ConsumerRecord

from card_fulfillment.messages.envelope import Record


def record_of(raw: ConsumerRecord[bytes, bytes]) -> Record:
    return Record(
        raw.topic,
        raw.partition,
        raw.offset,
        raw.timestamp * 1000,
        raw.key,
        raw.value,
        tuple(raw.headers),
    )
