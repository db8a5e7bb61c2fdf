"""How far the consumer is behind, by what it and the broker tell of each partition."""

from collections.abc import Sequence
from typing import Any, Final
from unittest.mock import create_autospec

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from card_fulfillment.kafka.lag import Given, measure
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.backlog import InputBacklog
from card_fulfillment.pipeline.batch import Partition

_P: Final = Partition("orders", 0)
_Q: Final = Partition("orders", 1)


def _record(partition: Partition, offset: int) -> Record:
    return Record(*partition, offset, 1000 + offset, None, None)


def _consumer(
    *, end: int = 10, position: int = 10, stable: int | None = 10, high: int | None = 10
) -> Any:  # noqa: ANN401 - a consumer whose answers can be set
    """It has one partition, wherever the other is."""
    consumer = create_autospec(AIOKafkaConsumer, instance=True)
    ends = {TopicPartition(*_P): end, TopicPartition(*_Q): end}
    for name, answer in (
        ("assignment", {TopicPartition(*_P)}),
        ("end_offsets", ends),
        ("position", position),
        ("highwater", high),
        ("last_stable_offset", stable),
    ):
        getattr(consumer, name).return_value = answer
    return consumer


async def _measured(
    consumer: AIOKafkaConsumer, done: int, out: Sequence[Sequence[Record]] = ()
) -> InputBacklog:
    (found,) = await measure(consumer, {_P: done, _Q: 0}, out)
    return found


async def test_the_oldest_record_that_is_not_applied_is_told_with_where_all_is() -> None:
    gone, other = _record(Partition("orders", 2), 1), _record(_Q, 3)
    ours = [_record(_P, offset) for offset in (6, 7, 8)]
    for out in ([[gone, other], ours], [ours[:2], [ours[2], other]]):
        assert await _measured(_consumer(), 7, out) == InputBacklog(_P, 7, 3, 1007, withheld=0)


async def test_ends_of_transactions_behind_all_that_is_applied_are_no_lag() -> None:
    out = [[_record(_P, 6)]]
    assert await _measured(_consumer(), 7, out) == InputBacklog(_P, 10, 0, None, withheld=0)


async def test_an_end_that_was_read_before_more_came_is_no_lag_below_nothing() -> None:
    assert (await _measured(_consumer(end=9), 10)).lag == 0


async def test_a_partition_that_was_given_away_meanwhile_is_not_told_of() -> None:
    consumer = _consumer()
    consumer.assignment.side_effect = [{TopicPartition(*_P)}, {TopicPartition(*_P)}, set()]
    assert await measure(consumer, {_P: 7, _Q: 7}, []) == []


async def test_a_partition_that_was_given_away_while_it_was_measured_withholds_nothing() -> None:
    consumer = _consumer(stable=6)
    consumer.assignment.side_effect = [{TopicPartition(*_P)}] * 3 + [set()]
    assert (await _measured(consumer, 10)).withheld == 0


@pytest.mark.parametrize(
    ("stable", "high", "withheld"), [(6, 10, 4), (-1, 10, 0), (None, 10, 0), (6, None, 0)]
)
async def test_what_is_behind_an_open_transaction_is_withheld_where_a_fetch_told_both_ends(
    stable: int | None, high: int | None, withheld: int
) -> None:
    found = await _measured(_consumer(stable=stable, high=high), 10)
    assert found.withheld == withheld


def test_records_that_were_given_are_done_where_each_of_their_partitions_is() -> None:
    given = Given([], {_P: 5, _Q: 7})
    assert given.is_done({_P: 5, _Q: 7})
    assert not given.is_done({_P: 5, _Q: 6})
    assert not given.is_done({_P: 5})
