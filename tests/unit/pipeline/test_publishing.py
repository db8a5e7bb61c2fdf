"""Everything that is published is in the partition of its key, on the topic of its kind."""

from agreement import Telling
from builders import (
    DEAD_LETTERS,
    OUTPUT_PARTITIONS,
    STATUS_TOPIC,
    announcement,
    fact,
    order,
    order_no,
    partition_of,
    sent,
)
from card_fulfillment.domain.status import Status

_CARDS = [f"c{n}" for n in range(20)]


def test_a_change_is_in_the_partition_of_its_key() -> None:
    telling = Telling()
    telling.take(
        [
            *(sent(announcement(card_id)) for card_id in _CARDS),
            *(sent(order(card_id, 1, order_no(card_id))) for card_id in _CARDS),
            *(
                sent(fact(Status.ACCEPTED, 5, order_no(card_id), alert="look at it"))
                for card_id in _CARDS
            ),
        ]
    )
    lanes = telling.settle().snapshot().lanes

    assert lanes.keys() == {
        (topic, n) for topic in (STATUS_TOPIC, DEAD_LETTERS) for n in range(OUTPUT_PARTITIONS)
    }
    for (topic, partition), changes in lanes.items():
        for change in changes:
            assert (change.topic, change.partition) == (topic, partition)
            assert partition == partition_of(topic, change.outgoing.key)
            assert (change.subject is None) is (topic == DEAD_LETTERS)
            assert change.subject is None or change.outgoing.key == change.subject.id
