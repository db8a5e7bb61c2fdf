import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions, RecordsToDelete
from aiokafka.errors import ProducerFenced
from relay_services import (
    HEADERS,
    Setup,
    admin,
    configure,
    open_transaction,
    running,
    seqs,
    setup,
    until,
)

from acceptance.audit import delete
from card_fulfillment.kafka import producer
from card_fulfillment.kafka.producer import publisher_of
from card_fulfillment.kafka.tail import read_tails
from card_fulfillment.kafka.topics import partition_count
from card_fulfillment.pipeline.relay import Relay, RelayState
from card_fulfillment.pipeline.relay_ports import PageLimits, Tail, Unavailable
from card_fulfillment.postgres.outbox import PartitionsChanged, outbox_of, pin_lanes
from stack import Services


@pytest.fixture
async def world(stack: Services, dsn: str, prefix: str) -> AsyncIterator[Setup]:
    async with setup(stack.bootstrap, dsn, prefix) as prepared:
        yield prepared


async def publish_all(world: Setup, count: int) -> None:
    relay = world.relay()
    async with running(relay):
        await until(lambda: relay.status.published >= count)


async def alarm_of(relay: Relay) -> str:
    async with running(relay):
        await until(lambda: relay.status.state is RelayState.ALARMED)
    assert relay.status.alarm is not None
    return relay.status.alarm.name


async def test_changes_are_published_with_their_bytes_in_the_order_of_their_lanes(
    world: Setup,
) -> None:
    await world.add(0, 3, ce_id="first")
    await world.add(2, 2, b"\x00\xff", ce_id="second", traceparent="é")
    await publish_all(world, 5)

    output = await world.output()
    assert {p: seqs(records) for p, records in output.items()} == {0: [1, 2, 3], 1: [], 2: [1, 2]}
    last = output[2][-1]
    assert (last.key, last.value) == (b"card-2", b"\x00\xff")
    assert dict(last.headers) == {
        "ce_id": b"second",
        "traceparent": "é".encode(),
        "lane": str(world.lanes[2]).encode(),
        "seq": b"2",
    }
    assert last.timestamp_type == 1, "LogAppendTime"


async def test_a_stop_records_what_was_published_and_gives_the_lease_back(world: Setup) -> None:
    await world.add(1, 7)
    await publish_all(world, 7)
    assert await world.published_seqs() == {0: 0, 1: 7, 2: 0}
    assert await world.database.fetchval(
        "SELECT expires_at <= clock_timestamp() FROM relay_lease WHERE name = $1", world.topic
    )


async def test_a_notification_wakes_an_idle_relay(world: Setup) -> None:
    relay = world.relay()
    async with running(relay):
        await until(lambda: relay.status.state is RelayState.PUBLISHING)
        clock = asyncio.get_running_loop().time
        took = []
        for number in range(1, 8):
            await world.add(0)
            before = clock()
            await until(lambda number=number: relay.status.published == number)  # type: ignore[misc]  # a default binds the loop's value
            took.append(clock() - before)
        assert sorted(took)[3] < 0.3, "polling alone takes half a second on average"


async def test_a_backlog_goes_out_in_pages_shared_by_the_lanes_that_have_one(world: Setup) -> None:
    await world.add(0, 2500)
    await world.add(1, 40)
    relay = world.relay(limits=PageLimits(rows=500, value_bytes=5_000))
    async with running(relay):
        await until(lambda: relay.status.published == 2540)
    output = await world.output()
    assert seqs(output[0]) == list(range(1, 2501))
    assert seqs(output[1]) == list(range(1, 41))


async def test_a_page_is_bounded_in_bytes_but_has_a_row_of_each_lane(world: Setup) -> None:
    for partition in world.lanes:
        await world.add(partition, 5, b"x" * 1_000)
    after = dict.fromkeys(world.lanes.values(), 0)
    async with outbox_of(world.postgres, topic=world.topic, holder="x")(lambda: None) as outbox:
        page = await outbox.read(after, PageLimits(rows=100, value_bytes=6_000))
        tiny = await outbox.read(after, PageLimits(rows=100, value_bytes=10))
        rest = await outbox.read(dict.fromkeys(after, 4), PageLimits())
    assert [len(lane.rows) for lane in page.lanes] == [2, 2, 2]
    assert [len(lane.rows) for lane in tiny.lanes] == [1, 1, 1]
    assert [[row.seq for row in lane.rows] for lane in rest.lanes] == [[5], [5], [5]]
    assert (page.full, tiny.full, rest.full) == (True, True, False)


async def test_kafka_and_not_the_database_says_where_to_go_on(world: Setup) -> None:
    await world.add(0, 5)
    await publish_all(world, 5)
    await world.database.execute("UPDATE lane SET published_seq = 2 WHERE published_seq = 5")
    await world.add(0, 5)
    await publish_all(world, 5)
    assert seqs((await world.output())[0]) == list(range(1, 11))


async def test_the_last_record_is_found_behind_hundreds_of_aborted_ones(world: Setup) -> None:
    await world.add(0, 5)
    await publish_all(world, 5)
    for _ in range(4):
        async with open_transaction(world, 0, 250):
            pass
    async with publisher_of(world.kafka, world.topic, HEADERS)() as publisher:
        await publisher.start()
        tails = await publisher.tails()
    assert tails == {0: Tail(0, world.lanes[0], 5, b"value 5"), 1: Tail(0), 2: Tail(0)}


async def test_a_starting_relay_undoes_what_its_predecessor_left_and_fences_it(
    world: Setup,
) -> None:
    await world.add(0, 5)
    async with open_transaction(world, 0, 10) as zombie:
        await publish_all(world, 5)
        with pytest.raises(ProducerFenced):
            await zombie.commit_transaction()
    assert seqs((await world.output())[0]) == [1, 2, 3, 4, 5]


async def test_an_output_can_be_looked_at_while_its_relay_is_in_a_transaction(
    world: Setup,
) -> None:
    await world.add(0, 5)
    await publish_all(world, 5)
    async with open_transaction(world, 0, 10):
        with pytest.raises(Unavailable):
            await read_tails(world.options, world.topic, [0])
        tails = await read_tails(world.options, world.topic, [0], settled=False)
    assert tails == {0: Tail(0, world.lanes[0], 5, b"value 5")}


async def test_a_transaction_that_somebody_else_left_open_is_waited_for(world: Setup) -> None:
    await world.add(0, 5)
    relay = world.relay()
    async with open_transaction(world, 0, 10, transactional_id="other") as other, running(relay):
        await until(lambda: "is open on" in relay.status.last_failure)
        await other.abort_transaction()
        await until(lambda: relay.status.published == 5)
    assert seqs((await world.output())[0]) == [1, 2, 3, 4, 5]


async def test_a_database_of_the_past_is_an_alarm_that_publishes_nothing(world: Setup) -> None:
    await world.add(0, 5)
    await publish_all(world, 5)
    await world.database.execute("DELETE FROM change WHERE seq > 3")
    await world.database.execute(
        "UPDATE lane SET last_seq = 3, published_seq = 3 WHERE last_seq > 3"
    )
    assert await alarm_of(world.relay()) == "output_ahead_of_database"
    assert seqs((await world.output())[0]) == [1, 2, 3, 4, 5]


async def test_a_topic_that_was_made_anew_is_an_alarm_that_publishes_nothing(
    world: Setup,
) -> None:
    await world.add(0, 5)
    await publish_all(world, 5)
    async with admin(world.options) as client:
        await client.delete_topics([world.topic])
    await world.create_topic()
    assert await alarm_of(world.relay()) == "output_behind_database"
    assert not any((await world.output()).values())


async def test_a_topic_that_is_made_anew_under_a_relay_is_an_alarm_that_publishes_nothing(
    world: Setup,
) -> None:
    await world.add(0, 5)
    relay = world.relay()
    async with running(relay):
        async with asyncio.timeout(30):
            while (await world.published_seqs())[0] != 5:
                pass
        await delete(world.kafka.bootstrap_servers, world.topic)
        await world.create_topic()
        await world.add(0, 5)
        await until(lambda: relay.status.state is RelayState.ALARMED)
    assert relay.status.alarm is not None
    assert relay.status.alarm.name == "output_behind_database"
    assert not any((await world.output()).values())


async def test_a_missing_topic_is_named(world: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer, "_START", timedelta(seconds=3))
    await delete(world.kafka.bootstrap_servers, world.topic)
    async with publisher_of(world.kafka, world.topic, HEADERS)() as publisher:
        await publisher.start()
        with pytest.raises(Unavailable, match=f"there is no topic {world.topic} to be seen"):
            await publisher.tails()


async def test_a_lane_whose_records_were_all_deleted_goes_on(world: Setup) -> None:
    await world.add(0, 5)
    await publish_all(world, 5)
    async with admin(world.options) as client:
        await client.delete_records({TopicPartition(world.topic, 0): RecordsToDelete(-1)})
    await world.add(0, 2)
    await publish_all(world, 2)
    assert seqs((await world.output())[0]) == [6, 7]


async def test_more_partitions_than_pinned_are_an_alarm(world: Setup) -> None:
    async with admin(world.options) as client:
        await client.create_partitions({world.topic: NewPartitions(5)})
    async with asyncio.timeout(30):
        while await partition_count(world.options, world.topic) != 5:
            pass
    assert await alarm_of(world.relay()) == "output_partitions_changed"
    with pytest.raises(PartitionsChanged):
        await pin_lanes(world.database, world.topic, 5)


async def test_a_record_that_the_broker_refuses_holds_back_what_comes_after_it(
    world: Setup,
) -> None:
    await configure(world.options, world.topic, max_message_bytes="2000")
    await world.add(0, 2)
    await world.add(0, 1, b"x" * 5_000)
    await world.add(0, 2)
    relay = world.relay()
    async with running(relay):
        await until(lambda: relay.status.alarm is not None)
        assert relay.status.alarm is not None
        assert relay.status.alarm.name == "output_refused"
        assert not any((await world.output()).values())
        await configure(world.options, world.topic, max_message_bytes="100000")
        await until(lambda: relay.status.published == 5)
        assert relay.status.alarm is None
    assert seqs((await world.output())[0]) == [1, 2, 3, 4, 5]


async def test_records_that_fit_go_out_even_where_the_topic_takes_small_batches_only(
    world: Setup,
) -> None:
    await configure(world.options, world.topic, max_message_bytes="20000")
    await world.add(0, 500, b"x" * 1_000)
    await publish_all(world, 500)
    assert seqs((await world.output())[0]) == list(range(1, 501))


async def test_one_relay_publishes_and_the_other_waits_its_turn(world: Setup) -> None:
    first, second = world.relay("first"), world.relay("second")
    async with running(second):
        async with running(first):
            await until(lambda: RelayState.WAITING_FOR_LEASE in states(first, second))
            await until(lambda: RelayState.PUBLISHING in states(first, second))
            await world.add(0, 5)
            await until(lambda: first.status.published + second.status.published == 5)
        await until(lambda: second.status.state is RelayState.PUBLISHING)
        await world.add(0, 5)
        await until(lambda: first.status.published + second.status.published == 10)
    assert seqs((await world.output())[0]) == list(range(1, 11))


async def test_two_relays_that_both_believe_to_have_the_lease_repeat_nothing(
    world: Setup,
) -> None:
    """Each fences the other again and again; what gets through is right all the same."""
    for partition in world.lanes:
        await world.add(partition, 2_000)
    both = [world.relay(f"relay {n}", PageLimits(rows=100), leased=True) for n in range(2)]
    async with running(*both):
        await until(lambda: max(sum(relay.status.positions.values()) for relay in both) == 6_000)
    assert all(seqs(found) == list(range(1, 2_001)) for found in (await world.output()).values())
    assert all(relay.status.alarm is None for relay in both)


def states(*relays: Relay) -> set[RelayState]:
    return {relay.status.state for relay in relays}
