import pytest
from relay_memory import Database, Topic, World
from virtual_time import run_virtually

from card_fulfillment.pipeline.output_check import Alarm, check_output, starting_points
from card_fulfillment.pipeline.relay_ports import LaneRow, Tail


def test_each_lane_goes_on_after_the_last_record_of_its_partition() -> None:
    lanes = [LaneRow(7, 0, 10, 3), LaneRow(8, 1, 5, 5), LaneRow(9, 2, 0, 0)]
    tails = {0: Tail(0, 7, 4), 1: Tail(2, 8, 5), 2: Tail(0)}
    assert starting_points(tails, before=lanes, since=lanes, values={}) == {7: 4, 8: 5, 9: 0}


def test_a_lane_that_retention_emptied_goes_on_after_what_the_database_says() -> None:
    lanes = [LaneRow(7, 0, 10, 8)]
    assert starting_points({0: Tail(8)}, before=lanes, since=lanes, values={}) == {7: 8}


def test_one_of_which_retention_left_something_goes_on_after_what_kafka_has() -> None:
    lanes = [LaneRow(7, 0, 10, 3), LaneRow(8, 1, 10, 8)]
    tails = {0: Tail(5, 7, 6), 1: Tail(1)}
    assert starting_points(tails, before=lanes, since=lanes, values={}) == {7: 6, 8: 8}

    behind = {0: Tail(5, 7, 2), 1: Tail(1)}
    assert starting_points(behind, before=lanes, since=lanes, values={}) == Alarm(
        "output_behind_database",
        "partition 0 ends with seq 2 of lane 7, but 3 was published: Kafka lost records",
    )


def test_what_a_successor_did_meanwhile_is_no_alarm() -> None:
    before, since = [LaneRow(7, 0, 10, 8)], [LaneRow(7, 0, 15, 15)]
    assert starting_points({0: Tail(0, 7, 12)}, before=before, since=since, values={}) == {7: 12}


@pytest.mark.parametrize(
    ("value", "alarm"),
    [(b"what Kafka has", None), (b"another one", "output_ahead_of_database"), (None, None)],
)
def test_a_number_that_was_given_again_is_an_alarm(value: bytes | None, alarm: str | None) -> None:
    """A database that was set back has grown past the end of the topic again."""
    lanes = [LaneRow(7, 0, 10, 3)]
    values = {} if value is None else {7: value}
    tails = {0: Tail(0, 7, 6, b"what Kafka has")}
    found = starting_points(tails, before=lanes, since=lanes, values=values)
    assert (found.name if isinstance(found, Alarm) else None) == alarm


def test_a_partition_without_records_is_told_to_be_empty() -> None:
    lanes = [LaneRow(7, 0, 10, 8)]
    assert starting_points({0: Tail(0)}, before=lanes, since=lanes, values={}) == Alarm(
        "output_behind_database", "partition 0 is empty, but 8 was published: Kafka lost records"
    )


@pytest.mark.parametrize("partitions", [1, 3])
def test_another_number_of_partitions_than_pinned_is_an_alarm(partitions: int) -> None:
    lanes = [LaneRow(1, 0, 0, 0), LaneRow(2, 1, 0, 0)]
    tails = {p: Tail(0) for p in range(partitions)}
    alarm = starting_points(tails, before=lanes, since=lanes, values={})
    assert isinstance(alarm, Alarm)
    assert alarm.name == "output_partitions_changed"


@pytest.mark.parametrize(
    ("tail", "alarm"),
    [(Tail(0, 0, 6), "output_ahead_of_database"), (Tail(0, 0, 1), None), (Tail(0, 0, 5), None)],
)
def test_before_intake_only_a_database_of_the_past_is_an_alarm(
    tail: Tail, alarm: str | None
) -> None:
    async def scenario() -> Alarm | None:
        world = World(topic=Topic(partitions=1), database=Database())
        world.database.add(0, 5)
        world.database.published[0] = 3
        async with world.ports().outbox(lambda: None) as outbox:
            return await check_output(outbox, {0: tail})

    found = run_virtually(scenario())
    assert (found.name if found else None) == alarm
