"""A batch cut into parts that are applied side by side."""

from hypothesis import given
from hypothesis import strategies as st

from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Batch, Decoded, Move, Partition

_PARTITIONS = st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 4))


def batch_of(places: list[tuple[str, int]]) -> Batch:
    """A record for each place, in order."""
    records = [Record(*place, offset, 0, None, None) for offset, place in enumerate(places)]
    moves = {Partition(r.topic, r.partition): Move(0, r.offset + 1, r) for r in records}
    return Batch([Decoded(record, ()) for record in records], moves)


@given(st.lists(_PARTITIONS), st.integers(1, 4))
def test_parts_share_no_partition_and_keep_the_order(
    places: list[tuple[str, int]], most: int
) -> None:
    batch = batch_of(places)
    parts = batch.parts(most, 2)
    assert len(parts) <= most
    for partition, move in batch.moves.items():
        (part,) = (p for p in parts if partition in p.moves)
        theirs = [d for d in batch.decoded if d.record[:2] == partition]
        assert [d for d in part.decoded if d.record[:2] == partition] == theirs
        assert part.moves[partition] == move
    assert sum(len(part.decoded) for part in parts) == len(places)


@given(st.lists(_PARTITIONS, min_size=8))
def test_topics_partitioned_alike_are_cut_alike(places: list[tuple[str, int]]) -> None:
    parts = batch_of(places).parts(2, 2)
    numbers = [{partition.partition for partition in part.moves} for part in parts]
    assert sum(map(len, numbers)) == len(set().union(*numbers))


def test_few_records_are_worth_one_transaction() -> None:
    batch = batch_of([("a", 0), ("a", 1), ("b", 2)])
    assert batch.parts(2, 2) == [batch]
    assert len(batch.parts(2, 1)) == 2
