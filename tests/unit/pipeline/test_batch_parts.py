"""A batch cut into parts that are applied side by side."""

from hypothesis import given
from hypothesis import strategies as st

from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Batch, Decoded, Move, Partition

_PARTITIONS = st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 4))


def batch_of(places: list[tuple[str, int]], first: int = 0) -> Batch:
    """A record for each place, in order."""
    records = [Record(*place, first + number, 0, None, None) for number, place in enumerate(places)]
    moves = {Partition(r.topic, r.partition): Move(first, r.offset + 1, r) for r in records}
    return Batch([Decoded(record, ()) for record in records], moves)


def _partition(decoded: Decoded) -> Partition:
    return Partition(decoded.record.topic, decoded.record.partition)


@given(st.lists(_PARTITIONS), st.integers(1, 4))
def test_parts_share_no_partition_and_keep_the_order(
    places: list[tuple[str, int]], ways: int
) -> None:
    batch = batch_of(places)
    parts = batch.parts(ways).values()
    assert len(parts) <= ways
    for partition, move in batch.moves.items():
        (part,) = (p for p in parts if partition in p.moves)
        theirs = [d for d in batch.decoded if _partition(d) == partition]
        assert [d for d in part.decoded if _partition(d) == partition] == theirs
        assert part.moves[partition] == move
    assert sum(len(part.decoded) for part in parts) == len(places)


@given(st.lists(_PARTITIONS), st.lists(_PARTITIONS), st.integers(1, 4))
def test_a_number_of_partition_is_always_in_the_same_part(
    some: list[tuple[str, int]], others: list[tuple[str, int]], ways: int
) -> None:
    ways_of: dict[int, set[int]] = {}
    for places in (some, others):
        for way, part in batch_of(places).parts(ways).items():
            for _, number in part.moves:
                ways_of.setdefault(number, set()).add(way)
    assert all(len(found) == 1 for found in ways_of.values())


@given(st.lists(_PARTITIONS), st.lists(_PARTITIONS))
def test_records_that_follow_go_on_from_where_the_first_ones_begin(
    some: list[tuple[str, int]], others: list[tuple[str, int]]
) -> None:
    batch, more = batch_of(some), batch_of(others, first=1000)
    before, decoded = dict(batch.moves), [*batch.decoded, *more.decoded]
    batch.extend(more.decoded, more.moves)
    assert batch.decoded == decoded
    for partition, move in batch.moves.items():
        first, last = before.get(partition), more.moves.get(partition)
        assert move.expected == (first or last or move).expected
        assert move[1:] == (last or first or move)[1:]


@given(st.lists(_PARTITIONS, min_size=2))
def test_the_second_half_goes_on_where_the_first_one_ends(places: list[tuple[str, int]]) -> None:
    batch = batch_of(places)
    first, second = batch.halves()
    assert first.decoded + second.decoded == batch.decoded
    assert abs(len(first.decoded) - len(second.decoded)) <= 1
    for half in (first, second):
        assert set(half.moves) == {_partition(d) for d in half.decoded}
    for partition, move in batch.moves.items():
        steps = [half.moves[partition] for half in (first, second) if partition in half.moves]
        assert [steps[0].expected, *(s.next_offset for s in steps[:-1])] == [
            s.expected for s in steps
        ]
        assert steps[0].expected == move.expected
        assert steps[-1][1:] == move[1:]
        assert all(step.next_offset == step.last.offset + 1 for step in steps)
