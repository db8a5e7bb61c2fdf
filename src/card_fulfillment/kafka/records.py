"""What aiokafka fetched, as the rest of the worker knows records: times in microseconds."""

from collections.abc import Iterable, Sequence
from operator import itemgetter

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


def in_time_order(runs: Iterable[Sequence[ConsumerRecord[bytes, bytes]]]) -> list[Record]:
    """Records of several partitions by their times; those of one stay in the order of their run."""
    timed: list[tuple[int, Record]] = []
    for run in runs:
        latest = 0
        for raw in run:
            record = record_of(raw)
            latest = max(latest, record.timestamp)
            timed.append((latest, record))
    timed.sort(key=itemgetter(0))
    return [record for _, record in timed]
