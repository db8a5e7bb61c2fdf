"""What aiokafka fetched, as the rest of the worker knows records: times in microseconds."""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Final

from aiokafka import ConsumerRecord

from card_fulfillment.messages.envelope import Record

# A sender can write any 64 bits as the time of a record; as microseconds they must stay 64.
_LATEST: Final = (2**63 - 1) // 1000


def micros_of(timestamp: int) -> int:
    """Microseconds of a record's milliseconds, the same whenever it is read."""
    return max(-_LATEST, min(timestamp, _LATEST)) * 1000


def record_of(raw: ConsumerRecord[bytes, bytes]) -> Record:
    """A header without a value, which Kafka allows, has an empty one."""
    headers: Iterable[tuple[str, bytes | None]] = raw.headers
    return Record(
        raw.topic,
        raw.partition,
        raw.offset,
        micros_of(raw.timestamp),
        raw.key,
        raw.value,
        tuple([(name, value or b"") for name, value in headers]),
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
