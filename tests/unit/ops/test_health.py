"""Alive is who turns; ready is who gets on."""

from card_fulfillment.ops.health import ALARMS, Health, Limits
from card_fulfillment.pipeline.backlog import BulkBacklog, InputBacklog, OutputBacklog
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.output_check import Alarm
from card_fulfillment.pipeline.relay import RelayState, RelayStatus

STALLED, STUCK = 30.0, 60.0
PARTITION = Partition("card-created", 3)


class Story:
    """A worker whose clock and loops are turned by hand; all is well unless told otherwise."""

    def __init__(self) -> None:
        self.relay = RelayStatus(state=RelayState.PUBLISHING)
        self.health = Health({"events": self.relay}, Limits(STALLED, STUCK))
        self.now = 1000.0
        self.is_member = True

    def lasts(
        self,
        seconds: int,
        *,
        intake: bool = True,
        relay: bool = True,
        kafka: InputBacklog | None = None,
        postgres: OutputBacklog | None = None,
        deaf: str = "",
    ) -> None:
        """For so many seconds the loops named turn, and this is measured."""
        for _ in range(seconds):
            self.now += 1
            self.health.intake.fetches += intake
            self.relay.turns += relay
            self.health.heard_of_group(self.now, joined=True, is_member=self.is_member)
            if deaf != "kafka":
                self.health.heard_of_inputs([kafka] if kafka else [], self.now)
            if deaf != "postgres":
                self.health.heard_of_outputs([postgres] if postgres else [], self.now)
            self.health.look(self.now)

    @property
    def stuck(self) -> list[str]:
        return [reason.detail for reason in self.health.stuck(self.now)]

    @property
    def unready(self) -> set[str]:
        return {reason.name for reason in self.health.unready(self.now)}


def backlog(position: int, lag: int = 0, withheld: int = 0) -> InputBacklog:
    return InputBacklog(PARTITION, position, lag, None, withheld)


def test_a_worker_whose_loops_turn_is_alive_and_ready_without_anything_to_do() -> None:
    story = Story()
    story.lasts(200)
    assert (story.stuck, story.unready) == ([], set())


def test_an_intake_that_does_not_turn_is_stuck_after_a_minute_and_names_itself() -> None:
    story = Story()
    story.lasts(1)
    story.lasts(60, intake=False)
    assert story.stuck == []
    story.lasts(1, intake=False)
    assert story.stuck == ["intake has not turned for 61 s"]
    assert story.unready == {"stuck"}


def test_a_batch_that_never_ends_is_not_hidden_by_fetching_ahead() -> None:
    story = Story()
    story.health.intake.applying = True
    story.lasts(70)
    assert story.stuck == ["intake has not turned for 69 s"]


def test_a_batch_that_is_tried_again_and_again_is_alive() -> None:
    story = Story()
    story.health.intake.applying = True
    for _ in range(10):
        story.health.intake.tries += 1
        story.lasts(40)
    assert story.stuck == []


def test_a_relay_that_does_not_turn_is_stuck() -> None:
    story = Story()
    story.lasts(70, relay=False)
    assert story.stuck == ["relay of events has not turned for 69 s"]


def test_an_alarm_stops_a_relay_and_is_no_reason_for_a_restart() -> None:
    story = Story()
    story.relay.state = RelayState.ALARMED
    story.relay.alarm = Alarm("lane_gap", "lane 1 lacks 8 to 9")
    story.relay.failures, story.relay.last_failure = 3, "what passed before the alarm"
    story.lasts(100, relay=False)
    assert story.stuck == []
    assert story.unready == {"lane_gap", "relay_alarmed"}
    details = [reason.detail for reason in story.health.unready(story.now)]
    assert details == ["events: lane 1 lacks 8 to 9", "events"]


def test_an_intake_that_waits_for_a_person_is_no_reason_for_a_restart() -> None:
    story = Story()
    story.health.raise_alarm("input_recreated", "another record")
    story.lasts(100, intake=False)
    assert (story.stuck, story.unready) == ([], {"input_recreated"})


def test_lag_that_does_not_move_for_half_a_minute_is_a_stall() -> None:
    story = Story()
    story.lasts(31, kafka=backlog(100, lag=5))
    assert story.unready == set()
    story.lasts(1, kafka=backlog(100, lag=7))
    assert story.unready == {"stalled"}
    story.lasts(1, kafka=backlog(101, lag=6))
    assert story.unready == set()


def test_lag_that_moves_is_none_however_long_it_takes() -> None:
    story = Story()
    for position in range(100):
        story.lasts(20, kafka=backlog(position, lag=1_000_000))
    assert story.unready == set()


def test_quiet_time_before_the_lag_does_not_count() -> None:
    story = Story()
    story.lasts(500, kafka=backlog(100))
    story.lasts(5, kafka=backlog(100, lag=3))
    assert story.unready == set()


def test_a_transaction_that_its_producer_leaves_open_is_told_apart_from_a_stall() -> None:
    story = Story()
    story.lasts(32, kafka=backlog(100, lag=0, withheld=8))
    assert story.unready == {"input_withheld"}


def test_changes_that_nobody_publishes_are_a_stall_whoever_has_the_lease() -> None:
    story = Story()
    story.relay.state = RelayState.WAITING_FOR_LEASE
    story.lasts(32, postgres=OutputBacklog("events", 10, 4, 33.0))
    assert story.unready == {"output_stalled"}
    story.lasts(1, postgres=OutputBacklog("events", 11, 3, 33.0))
    assert story.unready == set()


def test_a_bulk_that_nobody_spreads_is_a_stall_and_one_that_gets_on_is_none() -> None:
    story = Story()
    for second in range(100):
        bulks = [
            BulkBacklog("b1", lags=True, written="7"),
            BulkBacklog("b2", lags=True, written=str(second)),
        ]
        story.health.heard_of_bulks(bulks, story.now)
        story.lasts(1)
    assert story.unready == {"bulk_stalled"}
    [reason] = story.health.alarms(story.now)
    assert "b1 has not got on for 100 s" in reason.detail
    assert story.health.bulk_seconds(story.now) == 100.0
    story.health.heard_of_bulks([], story.now)
    assert (story.unready, story.health.bulk_seconds(story.now)) == (set(), 0.0)


def test_a_dependency_that_does_not_answer_for_half_a_minute_is_named() -> None:
    for name in ("kafka", "postgres"):
        story = Story()
        story.lasts(1)
        story.lasts(31, deaf=name)
        assert story.unready == {f"{name}_unreachable"}
        story.lasts(1)
        assert story.unready == set()


def test_a_database_with_a_schema_of_another_time_is_there() -> None:
    story = Story()
    story.health.raise_alarm("schema_mismatch", "deploy a newer worker")
    story.lasts(100, deaf="postgres")
    assert story.unready == {"schema_mismatch"}


def test_a_worker_is_not_ready_before_the_group_took_it_in() -> None:
    story = Story()
    story.lasts(1)
    story.health.heard_of_group(story.now, joined=False, is_member=False)
    assert story.unready == {"starting"}


def test_a_worker_that_its_group_lost_is_not_ready_after_a_while_until_it_is_in_it_again() -> None:
    story = Story()
    story.is_member = False
    story.lasts(int(STALLED))
    assert story.unready == set()
    story.lasts(2)
    assert story.unready == {"out_of_group"}
    story.is_member = True
    story.lasts(1)
    assert story.unready == set()


def test_waiting_for_the_lease_is_ready_and_starting_or_retrying_is_not() -> None:
    for state in RelayState:
        story = Story()
        story.relay.state = state
        story.lasts(1)
        at_work = state in (RelayState.PUBLISHING, RelayState.WAITING_FOR_LEASE)
        assert story.unready == (set() if at_work else {f"relay_{state.value}"})


def test_alarms_have_one_name_each() -> None:
    assert len(set(ALARMS)) == len(ALARMS)
