"""What the doctor makes of what it sees."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import NoReturn

import pytest
import typer

from card_fulfillment import cli
from card_fulfillment.doctor import brokers, clocks, database, examination
from card_fulfillment.doctor.findings import Finding, Level, ok
from card_fulfillment.kafka.examination import Ends, GroupSeen, Member, TopicSeen
from card_fulfillment.pipeline.backlog import BulkBacklog, Census, OutputBacklog
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.postgres.examination import Lease, OldTransaction, Server
from card_fulfillment.settings import Settings

HEALTHY = Server(180_001, "18.1", durable=True, commits_wait=True, connections_used=0.1)


@dataclass
class _Levels:
    found: list[Finding]

    @property
    def worst(self) -> Level:
        order = [Level.OK, Level.WARN, Level.FAIL]
        return max((f.level for f in self.found), key=order.index)


def worst(*findings: Finding) -> Level:
    found = _Levels(list(findings))
    assert all(f.cure for f in findings if f.level is not Level.OK), "no cure"
    return found.worst


def test_a_healthy_server_is_fine_and_an_old_one_is_not() -> None:
    assert worst(*database.of_server(HEALTHY, "here")) is Level.OK
    old = HEALTHY._replace(version=140_012, name="14.12")
    assert worst(*database.of_server(old, "here")) is Level.FAIL


@pytest.mark.parametrize(
    "server",
    [
        HEALTHY._replace(durable=False),
        HEALTHY._replace(commits_wait=False),
        HEALTHY._replace(connections_used=0.95),
    ],
)
def test_what_may_go_wrong_later_is_a_warning(server: Server) -> None:
    assert worst(*database.of_server(server, "here")) is Level.WARN


@pytest.mark.parametrize(
    ("seconds", "level"),
    [(0.1, Level.OK), (-1.9, Level.OK), (-3.0, Level.WARN), (400.0, Level.FAIL)],
)
def test_clocks_may_differ_a_little(seconds: float, level: Level) -> None:
    assert worst(clocks.of_clock(seconds, "Postgres")) is level


def test_a_lease_that_ran_out_is_nobody_s() -> None:
    leases = [Lease("events", "one/1", 2.0), Lease("dead", "one/1", -1.0)]
    one, other = database.of_leases(leases, ["events", "dead"])
    assert (one.level, other.level) == (Level.OK, Level.WARN)
    assert "nobody publishes dead" in other.what


def test_an_outbox_that_waits_for_long_is_wrong_and_open_letters_are_to_look_at() -> None:
    census = Census([OutputBacklog("events", 1, 5, 31.0)], {"malformed": 2}, 3, 1)
    levels = [finding.level for finding in database.of_census(census)]
    assert levels == [Level.FAIL, Level.WARN, Level.OK, Level.WARN, Level.OK]


def test_changes_that_are_not_there_are_a_gap_before_a_relay_comes_to_it() -> None:
    assert list(database.of_gaps([])) == []
    (found,) = database.of_gaps([("events", 3, 2)])
    assert (found.level, found.what.split(":")[0]) == (Level.FAIL, "lane_gap")


def test_bulks_with_something_left_to_be_done_are_counted() -> None:
    bulks = [BulkBacklog("b1", lags=True, written="1"), BulkBacklog("b2", lags=False, written="2")]
    *_, said = database.of_census(Census([], {}, 0, 0, bulks))
    assert (
        said.what == "1 bulk issuances are being spread to their members, 1 have counts to publish"
    )


def test_who_holds_others_up_is_named_with_what_ends_it() -> None:
    old = [OldTransaction(77, "psql", "idle in transaction", 90.0)]
    (said,) = database.of_sessions(old, [])
    assert "psql (pid 77" in said.what
    assert "pg_terminate_backend(77)" in said.cure


@pytest.mark.parametrize(
    ("release", "level"),
    [((3, 5), Level.FAIL), ((3, 6), Level.OK), ((4, 1), Level.OK), (None, Level.WARN)],
)
def test_brokers_are_3_6_or_newer(release: tuple[int, int] | None, level: Level) -> None:
    assert worst(brokers.of_release(release, "here", 3)) is level


def test_partitions_without_a_leader_are_wrong_and_a_single_replica_is_to_look_at() -> None:
    topics = {"in": TopicSeen(6, 3, 2, 2), "out": TopicSeen(6, 1, 0, 0)}
    levels = [finding.level for finding in brokers.of_topics(topics, ["out"])]
    assert levels == [Level.FAIL, Level.WARN]


def test_a_group_tells_who_takes_what() -> None:
    group = GroupSeen("Stable", [Member("card-fulfillment", "10.0.0.7", 9)])
    said = "\n".join(finding.what for finding in brokers.of_group(group, "workers"))
    assert "card-fulfillment on 10.0.0.7 takes 9 partitions" in said
    assert worst(*brokers.of_group(GroupSeen("Empty", []), "workers")) is Level.WARN


def test_who_is_in_a_group_does_nothing_to_a_terminal_by_its_name() -> None:
    group = GroupSeen("Stable", [Member("\x1b[2Jworker\u202e\x9b31m", "10.0.0.7", 9)])
    said = "".join(map(str, brokers.of_group(group, "workers")))
    assert "\\x1b[2Jworker\\u202e\\x9b31m on 10.0.0.7" in said
    assert said.isprintable()


def test_lag_counts_from_the_stored_positions_or_the_beginning() -> None:
    ends = {Partition("in", 0): Ends(5, 15), Partition("in", 1): Ends(2, 4)}
    (said,) = brokers.of_lag(ends, {Partition("in", 0): 12}, ["in"])
    assert said.what == "5 offsets of in are not applied yet"


async def test_nobody_reads_on_and_what_it_looked_with_is_closed_before_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_open = False

    async def look(_: object) -> AsyncGenerator[Finding, None]:
        nonlocal is_open
        is_open = True
        try:
            yield ok("found")
        finally:
            is_open = False

    def say(finding: object) -> None:
        if "found" in str(finding):
            nobody_reads()

    def nobody_reads() -> NoReturn:
        assert is_open
        raise BrokenPipeError

    monkeypatch.setattr(examination, "_database", look)
    monkeypatch.setattr(typer, "echo", say)
    with pytest.raises(BrokenPipeError):
        await cli._doctor(Settings())
    assert not is_open
