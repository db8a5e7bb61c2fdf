"""Holding an output topic against the database: where each lane goes on, or what forbids it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from card_fulfillment.pipeline.relay_ports import LaneRow, Outbox, Tail

OUTPUT_AHEAD: Final = "output_ahead_of_database"
OUTPUT_BEHIND: Final = "output_behind_database"
OUTPUT_PARTITIONS_CHANGED: Final = "output_partitions_changed"


@dataclass(frozen=True)
class Alarm:
    """Something that a person must look at. The names are those of the runbook."""

    name: str
    message: str


def partitions_changed(topic: str, found: int, pinned: int) -> str:
    """Say how many partitions a topic has, and how many it had when its lanes were made."""
    return f"{topic} has {found} partitions, the database was pinned to {pinned}"


def starting_points(
    tails: Mapping[int, Tail],
    *,
    before: Iterable[LaneRow],
    since: Iterable[LaneRow],
    values: Mapping[int, bytes],
) -> Mapping[int, int] | Alarm:
    """Say after which seq each lane goes on.

    What was published is as read `before` the tails, what there is to publish as read `since`: so
    a relay that has a successor by now, and does not know, raises no alarm about what that one did.
    values: by lane, of the changes that the database has under the numbers of the tails. A database
    that was set back gives them to other changes as soon as it has grown past the tails again.
    """
    published = {row.lane: row.published_seq for row in before}
    rows = {row.partition: replace(row, published_seq=published.get(row.lane, 0)) for row in since}
    if rows.keys() != tails.keys():
        changed = partitions_changed("the topic", len(tails), len(rows))
        return Alarm(OUTPUT_PARTITIONS_CHANGED, changed)
    points: dict[int, int] = {}
    for partition, row in rows.items():
        point = _starting_point(row, tails[partition], values.get(row.lane))
        if isinstance(point, Alarm):
            return point
        points[row.lane] = point
    return points


def _starting_point(row: LaneRow, tail: Tail, value: bytes | None) -> int | Alarm:
    if tail.seq is None and tail.first_offset > 0:
        return row.published_seq  # retention emptied the lane
    seq = tail.seq or 0
    ends = "is empty" if tail.seq is None else f"ends with seq {seq} of lane {tail.lane}"
    where = f"partition {row.partition} {ends}"
    if seq > row.last_seq or tail.lane not in (None, row.lane):
        return Alarm(
            OUTPUT_AHEAD,
            f"{where}, but the database has lane {row.lane} up to {row.last_seq} only: "
            "it was restored to the past, or is not the one that fed this topic",
        )
    if is_another(tail, value):
        return Alarm(
            OUTPUT_AHEAD,
            f"{where}, which is another change in the database: it was restored to the past and "
            "has given the number again, or is not the one that fed this topic",
        )
    if seq < row.published_seq:
        return Alarm(
            OUTPUT_BEHIND,
            f"{where}, but {row.published_seq} was published: Kafka lost records",
        )
    return seq


def is_another(tail: Tail, value: bytes | None) -> bool:
    """Whether the database has another change under the number of Kafka's last record.

    value: what it has; None where it has nothing under that number.
    """
    return None not in (tail.value, value) and tail.value != value


def last_seqs(tails: Mapping[int, Tail]) -> Mapping[int, int]:
    """By lane."""
    return {t.lane: t.seq for t in tails.values() if t.lane is not None and t.seq is not None}


async def check_output(outbox: Outbox, tails: Mapping[int, Tail]) -> Alarm | None:
    """Say what would forbid taking in anything: a database of the past would grow over its gap.

    For before the intake starts; `tails` may be those of a topic that another relay publishes to.
    """
    since = await outbox.pin(len(tails))
    values = await outbox.values(last_seqs(tails))
    points = starting_points(tails, before=(), since=since, values=values)
    return points if isinstance(points, Alarm) else None
