"""What there is to say about Postgres and about what is stored in it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from card_fulfillment.doctor.findings import Finding, fail, ok, warn
from card_fulfillment.pipeline.backlog import Census
from card_fulfillment.postgres.examination import Inventory, Lease, OldTransaction, Server

_FLOOR: Final = 150_000
_MANY_CONNECTIONS: Final = 0.9
_WAITS_LONG: Final = 30.0


def of_server(server: Server, address: str) -> Iterator[Finding]:
    if server.version < _FLOOR:
        yield fail(
            f"Postgres {server.name} at {address} is older than 15",
            "upgrade the server to 15 or newer",
        )
    else:
        yield ok(f"Postgres {server.name} at {address}")
    if not (server.durable and server.commits_wait):
        yield warn(
            "fsync, full_page_writes or synchronous_commit is off: a crash can lose commits, and "
            "the output is then ahead of the database",
            "turn all three on, but for trying out",
        )
    if server.connections_used > _MANY_CONNECTIONS:
        yield warn(
            f"{server.connections_used:.0%} of max_connections are in use",
            "raise max_connections or close what is idle; each worker needs up to eight",
        )


def of_rights(lacking: Sequence[str]) -> Finding:
    if lacking:
        return fail(
            f"this user lacks {', '.join(lacking)}",
            "grant them to the role in the DSN (docs/operations.md has the list)",
        )
    return ok("this user may do in every table what the worker does there")


def of_leases(leases: Sequence[Lease], topics: Sequence[str]) -> Iterator[Finding]:
    held: Mapping[str, Lease] = {each.topic: each for each in leases if each.seconds > 0}
    for topic in topics:
        if topic in held:
            yield ok(f"{topic} is published by {held[topic].holder}")
        else:
            yield warn(
                f"nobody publishes {topic}",
                "start a worker; where one runs, its /readyz says why it does not publish",
            )


def of_census(census: Census) -> Iterator[Finding]:
    for output in census.outputs:
        said = f"{output.waiting} changes wait for {output.topic}"
        if output.oldest_seconds > _WAITS_LONG:
            yield fail(
                f"{said}, the oldest for {output.oldest_seconds:.0f} s",
                "look at /readyz and the log of the workers, first of the one that has its lease",
            )
        else:
            yield ok(said)
    if census.letters:
        reasons = ", ".join(f"{count} {reason}" for reason, count in census.letters.items())
        yield warn(
            f"{sum(census.letters.values())} dead letters are open: {reasons}",
            "card-fulfillment dlq list, then dlq show and dlq redrive",
        )
    else:
        yield ok("no dead letter is open")
    yield ok(f"{census.parked} facts wait for what they are about, within their deadline")
    if census.past_deadline:
        yield warn(
            f"{census.past_deadline} facts wait past their deadline",
            "card-fulfillment dlq list --reason parking_deadline; ask who should have told of them",
        )
    lagging = sum(each.lags for each in census.bulks)
    yield ok(
        f"{lagging} bulk issuances are being spread to their members, "
        f"{len(census.bulks) - lagging} have counts to publish"
    )


def of_inventory(inventory: Inventory, outputs: Sequence[str]) -> Iterator[Finding]:
    yield from of_leases(inventory.leases, outputs)
    yield from of_census(inventory.census)


def of_gaps(gaps: Sequence[tuple[str, int, int]]) -> Iterator[Finding]:
    for topic, lane, lacking in gaps:
        yield fail(
            f"lane_gap: the outbox lacks {lacking} changes of lane {lane} that {topic} waits for",
            "see docs/runbook.md, lane_gap",
        )


def of_sessions(
    old: Sequence[OldTransaction], blocking: Sequence[tuple[int, str]]
) -> Iterator[Finding]:
    for each in old:
        yield warn(
            f"{each.whose} (pid {each.pid}, {each.state}) has a transaction open for "
            f"{each.seconds:.0f} s",
            f"end it there, or with SELECT pg_terminate_backend({each.pid})",
        )
    for pid, whose in blocking:
        yield warn(
            f"others wait for a lock of {whose} (pid {pid})",
            f"if that does not pass, SELECT pg_terminate_backend({pid})",
        )
    if not (old or blocking):
        yield ok("no transaction is old and nobody waits for a lock")
