"""An auditor is ready while it vouches for the output, and says why where it does not."""

from card_fulfillment.ops.audit_health import AuditHealth
from card_fulfillment.ops.health import Limits
from card_fulfillment.pipeline.audit import Finding, Violation

TOPIC = "events"


def begun() -> AuditHealth:
    return AuditHealth([TOPIC, "letters"], Limits(stalled=30, stuck=60), now=0.0)


def at_the_end(now: float) -> AuditHealth:
    health = begun()
    for topic in (TOPIC, "letters"):
        health.turned(topic, now)
        health.came_to_the_end(topic, now)
    return health


def names(health: AuditHealth, now: float) -> list[str]:
    return [reason.name for reason in health.unready(now)]


def test_it_is_ready_once_it_has_been_at_the_end_of_every_topic() -> None:
    health = begun()
    assert names(health, 1.0) == ["starting", "starting"]
    health.came_to_the_end(TOPIC, 2.0)
    assert names(health, 3.0) == ["starting"]
    health.came_to_the_end("letters", 3.0)
    assert names(health, 4.0) == []


def test_it_is_not_ready_where_it_does_not_come_to_the_end_any_more() -> None:
    health = at_the_end(0.0)
    health.turned(TOPIC, 40.0)
    health.turned("letters", 40.0)
    health.came_to_the_end("letters", 40.0)
    assert names(health, 41.0) == ["behind"]
    assert health.behind(41.0) == {TOPIC: 41.0, "letters": 1.0}
    assert health.stuck(41.0) == []


def test_a_loop_that_does_not_turn_is_stuck() -> None:
    health = at_the_end(0.0)
    health.turned(TOPIC, 50.0)
    assert [reason.detail for reason in health.stuck(61.0)] == [
        "the audit of letters has not turned for 61 s"
    ]


def test_a_violation_stands_whatever_comes_after_it() -> None:
    health = at_the_end(0.0)
    finding = Finding(Violation.REPEATED, 3, 117, "seq 9 comes after 9")
    health.held(TOPIC, 5, [finding])
    health.held(TOPIC, 5, [])
    (reason,) = health.unready(1.0)
    assert reason == (
        "audit_violation",
        "events: 1 found, the last: repeated, [3] at 117: seq 9 comes after 9",
    )
    assert health.state()["topics"][TOPIC] == {"records": 10, "violations": 1}
    assert health.alarms() == [reason]
