import asyncio

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from relay_memory import FAULTS_OF, Fault, Faults, Topic, World
from relay_running import running, until, virtually
from virtual_time import run_virtually

from card_fulfillment.pipeline.output_check import Alarm
from card_fulfillment.pipeline.relay import Relay, RelayState, RelayStatus
from card_fulfillment.pipeline.relay_ports import OutputRefused, PageLimits, Row


@settings(max_examples=200, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 9)), max_size=12),
    faults=st.fixed_dictionaries(
        {call: st.lists(st.sampled_from(faults), max_size=12) for call, faults in FAULTS_OF.items()}
    ),
    relays=st.integers(1, 3),
)
@example(  # what is read meanwhile fails while the page before it is published already
    changes=[(0, 4)],
    faults={call: [] for call in FAULTS_OF} | {"read": [Fault.NONE, Fault.HANGS]},
    relays=1,
)
def test_whatever_fails_the_output_is_every_change_once_and_in_order(
    changes: list[tuple[int, int]], faults: dict[str, list[Fault]], relays: int
) -> None:
    async def scenario() -> None:
        world = World(faults=Faults(faults))
        names = [f"relay {number}" for number in range(relays)]
        async with running(world, *names):
            for lane, count in changes:
                world.database.add(lane, count)
                await asyncio.sleep(0.3)
                assert_output_is_a_prefix(world)
            await until(world.all_published, poll=0.1)
        assert_output_is_a_prefix(world)
        assert world.all_published()

    run_virtually(scenario())


def assert_output_is_a_prefix(world: World) -> None:
    for lane in world.database.rows:
        published = world.published(lane)
        assert published == list(range(1, len(published) + 1))
        assert world.database.published[lane] <= len(published)


@virtually
async def test_a_stopped_relay_has_published_recorded_and_released_everything() -> None:
    world = World()
    async with running(world) as [relay]:
        world.database.add(0, 10)
        world.database.add(1, 4)
        await until(world.all_published)
    assert world.database.published == {0: 10, 1: 4}
    assert world.database.holder[0] == ""
    assert relay.status.state is RelayState.STOPPED
    assert relay.status.published == 14
    assert relay.status.positions == {0: 10, 1: 4}


@virtually
async def test_a_stop_lets_the_transaction_in_flight_end() -> None:
    world = World(topic=Topic(commit_seconds=1.0), limits=PageLimits(rows=3))
    world.database.add(0, 30)
    async with running(world):
        await until(lambda: {0: 3, 1: 0} in world.database.reads)
    assert world.published(0) == [1, 2, 3]
    assert world.database.published[0] == 3


@pytest.mark.parametrize("read", [Fault.NONE, Fault.SLOW])
def test_what_is_committed_just_before_a_stop_is_published(read: Fault) -> None:
    async def scenario() -> None:
        topic = Topic(commit_seconds=0.1)
        world = World(topic=topic, faults=Faults({"read": [Fault.NONE, read]}))
        async with running(world) as [relay]:
            await until(lambda: relay.status.state is RelayState.PUBLISHING)
            world.database.add(0, 2)
            await asyncio.sleep(0.05)  # this is being read, or published
            world.database.add(1, 1)
        assert world.all_published()
        assert world.database.published == {0: 2, 1: 1}

    run_virtually(scenario())


@virtually
async def test_a_stop_does_not_wait_for_a_transaction_that_hangs() -> None:
    world = World(topic=Topic(commit_seconds=60.0))
    world.database.add(0, 3)
    clock = asyncio.get_running_loop().time
    async with running(world) as [relay]:
        await until(lambda: relay.status.state is RelayState.PUBLISHING)
        await asyncio.sleep(1)
        before = clock()
    assert clock() - before < 2  # what it works with may take three more to close
    assert world.database.holder[0] == ""


@virtually
async def test_cancelling_propagates_and_releases_the_lease() -> None:
    world = World()
    work = asyncio.create_task(Relay(world.ports()).run(asyncio.Event()))
    await until(lambda: world.database.holder[0] == "one")
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert world.database.holder[0] == ""


@virtually
async def test_a_second_relay_waits_for_the_lease_and_takes_over_after_a_stop() -> None:
    world = World()
    async with running(world, "second") as [second]:
        async with running(world, "first") as [first]:
            world.database.holder = ("first", 1e9)
            await until(lambda: second.status.state is RelayState.WAITING_FOR_LEASE)
            await until(lambda: first.status.state is RelayState.PUBLISHING)
        await until(lambda: second.status.state is RelayState.PUBLISHING)
        world.database.add(0, 5)
        await until(world.all_published)


@virtually
async def test_a_relay_that_lost_its_lease_stops_publishing() -> None:
    world = World()
    async with running(world) as [relay]:
        await until(lambda: relay.status.state is RelayState.PUBLISHING)
        world.database.holder = ("another", 1e9)
        await until(lambda: relay.status.state is RelayState.WAITING_FOR_LEASE)
        world.database.add(0)
        await asyncio.sleep(10)
        assert not world.published(0)
        assert relay.status.failures == 0


@virtually
async def test_failures_are_retried_ever_more_slowly_and_forgotten_after_a_success() -> None:
    world = World(faults=Faults({"tails": [Fault.BEFORE] * 20}))
    async with running(world) as [relay]:
        await until(lambda: relay.status.failures == 20)
        assert 50 < asyncio.get_running_loop().time() < 80
        assert relay.status.last_failure == "not done"
        await until(lambda: relay.status.state is RelayState.PUBLISHING)
        await until(lambda: relay.status.failures == 0)


@virtually
async def test_a_refusal_is_an_alarm_that_ends_when_the_broker_takes_the_records() -> None:
    world = World(topic=Topic(refusal=OutputRefused("too large")))
    world.database.add(0, 2)
    async with running(world) as [relay]:
        await asyncio.sleep(60)
        assert relay.status.alarm == Alarm("output_refused", "too large")
        assert relay.status.state in (RelayState.RETRYING, RelayState.STARTING)
        assert world.topic.starts < 30
        world.topic.refusal = None
        await until(world.all_published)
        assert relay.status.alarm is None


@virtually
async def test_an_alarm_is_over_for_a_relay_whose_lease_another_has_taken() -> None:
    world = World(topic=Topic(refusal=OutputRefused("too large")))
    world.database.add(0, 2)
    async with running(world) as [relay]:
        await until(lambda: relay.status.alarm is not None)
        await until(lambda: world.database.holder[0] == "")
        world.database.holder = ("another", 1e9)
        await until(lambda: relay.status.state is RelayState.WAITING_FOR_LEASE)
        assert relay.status.alarm is None
        assert relay.status.failures == 0


@virtually
async def test_a_defect_is_an_alarm_and_is_tried_again() -> None:
    world = World(faults=Faults({"start": [Fault.DEFECT]}))
    world.database.add(0)
    async with running(world) as [relay]:
        await until(lambda: relay.status.alarm is not None)
        assert relay.status.alarm is not None
        assert relay.status.alarm.name == "relay_failing"
        await until(world.all_published)
        await until(lambda: relay.status.alarm is None)


@pytest.mark.parametrize(
    ("log", "published", "alarm"),
    [
        ([(0, 6)], 0, "output_ahead_of_database"),
        ([(7, 1)], 0, "output_ahead_of_database"),
        ([(0, 2)], 3, "output_behind_database"),
        ([], 3, "output_behind_database"),
    ],
)
def test_a_topic_that_contradicts_the_database_stops_the_relay_for_good(
    log: list[tuple[int, int]], published: int, alarm: str
) -> None:
    async def scenario() -> None:
        world = World(topic=Topic(log={0: list(log)}))
        world.database.add(0, 5)
        world.database.published[0] = published
        async with running(world) as [relay]:
            await until(lambda: relay.status.state is RelayState.ALARMED)
            await asyncio.sleep(60)
            assert relay.status.alarm is not None
            assert relay.status.alarm.name == alarm
            assert world.topic.starts == 1
            assert world.topic.log[0] == log
            assert world.database.holder[0] == ""

    run_virtually(scenario())


@virtually
async def test_a_topic_that_ends_with_another_change_stops_the_relay() -> None:
    world = World(topic=Topic(log={0: [(0, 2)]}, values={0: b"another"}))
    world.database.add(0, 5)
    async with running(world) as [relay]:
        await until(lambda: relay.status.state is RelayState.ALARMED)
        assert relay.status.alarm is not None
        assert relay.status.alarm.name == "output_ahead_of_database"
        assert world.published(0) == [2]


@pytest.mark.parametrize("seqs", [(4, 5, 6), (2, 3, 4)])
def test_a_gap_in_a_lane_or_a_number_given_twice_stops_the_relay_before_it(
    seqs: tuple[int, ...],
) -> None:
    async def scenario() -> None:
        world = World(limits=PageLimits(rows=10))
        world.database.add(0, 5)
        world.database.rows[0][2:] = [Row(seq, None, "{}", b"") for seq in seqs]
        async with running(world) as [relay]:
            await until(lambda: relay.status.state is RelayState.ALARMED)
            assert relay.status.alarm is not None
            assert relay.status.alarm.name == "lane_gap"
            assert not world.published(0)

    run_virtually(scenario())


@virtually
async def test_every_change_of_state_is_observed() -> None:
    world = World()
    seen: list[RelayState] = []
    relay = Relay(world.ports(), observe=lambda status: seen.append(status.state))
    stop = asyncio.Event()
    task = asyncio.create_task(relay.run(stop))
    await until(lambda: RelayState.PUBLISHING in seen)
    stop.set()
    await task
    assert seen == [RelayState.STARTING, RelayState.PUBLISHING, RelayState.STOPPED]


@virtually
async def test_a_failure_of_the_observer_is_not_kept_secret() -> None:
    """Also where it fails once and the relay ends as it should after that."""

    def observe(status: RelayStatus) -> None:
        if status.state is RelayState.RETRYING:
            raise ZeroDivisionError

    world = World(faults=Faults({"tails": [Fault.BEFORE]}))
    with pytest.raises(ZeroDivisionError):
        await Relay(world.ports(), observe=observe).run(asyncio.Event())
