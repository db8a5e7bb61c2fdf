"""How a lane goes on from what Kafka has, where the two do not agree and a person accepts it.

Nothing is lost by it: what may not have been published is published again, under the same event
ids and versions, which subscribers drop.
"""

from typing import NamedTuple

from card_fulfillment.pipeline.output_check import is_another
from card_fulfillment.pipeline.relay_ports import LaneRow, Tail


class LaneStep(NamedTuple):
    """From the counters that were found to new ones.

    moved_by: added to the numbers of changes not known to be published.
    """

    lane: int
    partition: int
    last_seq: int
    published_seq: int
    new_last: int
    new_published: int
    moved_by: int

    @property
    def publishes(self) -> int:
        """How many changes the relay publishes once it runs."""
        return self.new_last - self.new_published


class NotAcceptable(Exception):
    """No numbering makes this lane whole; the message says why."""


def step_of(row: LaneRow, tail: Tail, value: bytes | None = None) -> LaneStep | None:
    """None where the lane and Kafka agree already. Raises NotAcceptable.

    value: of the change that the database has under the number of the tail.
    """
    if tail.lane not in (None, row.lane):
        raise NotAcceptable(
            f"partition {row.partition} was fed by lane {tail.lane} of another database: "
            "give this database an output topic of its own"
        )
    if tail.seq is None and tail.first_offset > 0:
        return None  # retention emptied it: that is no disagreement
    seq = tail.seq or 0
    if seq <= row.published_seq and is_another(tail, value):
        raise NotAcceptable(
            f"partition {row.partition} ends with another change than the one that was published "
            f"as {seq}: give this database an output topic of its own"
        )
    if seq > row.last_seq or is_another(tail, value):
        moved_by = seq - row.published_seq
        return _step(row, row.last_seq + moved_by, seq, moved_by)
    if seq < row.published_seq:
        return _step(row, row.last_seq, seq, 0)
    return None


def _step(row: LaneRow, new_last: int, new_published: int, moved_by: int) -> LaneStep:
    return LaneStep(
        row.lane,
        row.partition,
        row.last_seq,
        row.published_seq,
        new_last,
        new_published,
        moved_by,
    )
