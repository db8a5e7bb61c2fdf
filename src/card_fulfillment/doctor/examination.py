"""The whole examination, part by part: one that fails leaves the others to be done."""

import asyncio
import platform
import sys
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from card_fulfillment.doctor import brokers, clocks, database, wires
from card_fulfillment.doctor.findings import Finding, fail, ok, warn
from card_fulfillment.kafka.broker_version import broker_release
from card_fulfillment.kafka.connection import ClientOptions, client_options, refusal
from card_fulfillment.kafka.examination import KafkaExaminer, examiner
from card_fulfillment.kafka.incarnation import verified_extents
from card_fulfillment.kafka.tail import HeldOpen, read_tails
from card_fulfillment.kafka.topics import ensure_topics, partition_count
from card_fulfillment.ops.effective import redacted
from card_fulfillment.ops.health import OUTPUT_STALLED
from card_fulfillment.pipeline.output_check import (
    OUTPUT_AHEAD,
    OUTPUT_BEHIND,
    Alarm,
    last_seqs,
    starting_points,
)
from card_fulfillment.pipeline.positions import InputRecreated
from card_fulfillment.pipeline.relay_ports import Tail
from card_fulfillment.postgres import examination as postgres
from card_fulfillment.postgres.connection import Connect, connected, connector
from card_fulfillment.postgres.outbox import lanes_of, values_of
from card_fulfillment.postgres.positions import PostgresPositions
from card_fulfillment.postgres.schema import SchemaMismatch, check_schema, newest_revision
from card_fulfillment.settings import Settings
from card_fulfillment.topology import Topology, topology

_PYTHON_FLOOR: Final = (3, 11)
_PART_WITHIN: Final = 15.0
_MICROS: Final = 1_000_000
_RUNBOOK: Final = "see docs/runbook.md, {}"

Findings = AsyncGenerator[Finding, None]


@dataclass
class _Case:
    """What is examined. clock: microseconds.

    inventory: once the database was looked at. kafka_answers: once it did.
    """

    settings: Settings
    known: Topology
    clock: Callable[[], int]
    inventory: postgres.Inventory | None = None
    kafka_answers: bool = False

    @property
    def connect(self) -> Connect:
        return connector(self.settings.postgres, "doctor")

    @property
    def address(self) -> str:
        return redacted(self.settings.postgres.dsn.get_secret_value())


async def examine(settings: Settings, clock: Callable[[], int]) -> Findings:
    """Read only. Raises ProfileError or UnknownVendor; what cannot be reached is a finding."""
    case = _Case(settings, topology(settings), clock)
    yield _python()
    for finding in wires.of_wires(settings.kafka, settings.postgres):
        yield finding
    parts = (
        (f"Postgres at {case.address}", _database),
        (f"Kafka at {settings.kafka.bootstrap_servers}", _kafka),
        ("the output", _outputs),
        ("the input", _inputs),
    )
    for name, part in parts:
        try:
            async with asyncio.timeout(_PART_WITHIN), aclosing(part(case)) as findings:
                async for finding in findings:
                    yield finding
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what the doctor found
            yield _broken(name, error)


def _python() -> Finding:
    said = f"Python {platform.python_version()}"
    if sys.version_info < _PYTHON_FLOOR:
        return fail(f"{said} is older than 3.11", "run the worker on Python 3.11 or newer")
    return ok(said)


def _broken(name: str, error: Exception) -> Finding:
    told = refusal(error) or f"{type(error).__name__}: {error}".rstrip(": ")
    return fail(
        f"{name} cannot be looked at: {told}",
        "see that it runs, that the address and the login in the settings are right, and that "
        "the network lets us through",
    )


async def _database(case: _Case) -> Findings:
    async with connected(case.connect) as connection:
        server = await postgres.examine_server(connection)
        for finding in database.of_server(server, case.address):
            yield finding
        ahead = await postgres.server_clock(connection) - case.clock() / _MICROS
        yield clocks.of_clock(ahead, "Postgres")
        try:
            await check_schema(connection)
        except SchemaMismatch as error:
            yield fail(str(error), "no worker starts before that")
            return
        yield ok(f"the schema is at revision {newest_revision()} or newer")
        lacking = await postgres.lacking_rights(connection)
        yield database.of_rights(lacking)
        if lacking:
            return
        case.inventory = await postgres.take_inventory(connection)
        for finding in database.of_inventory(case.inventory, case.known.outputs):
            yield finding
        for finding in database.of_gaps(await postgres.lacking_changes(connection)):
            yield finding
        old = await postgres.old_transactions(connection)
        for finding in database.of_sessions(old, await postgres.blocking(connection)):
            yield finding


async def _kafka(case: _Case) -> Findings:
    kafka = case.settings.kafka
    options = client_options(kafka)
    release = await broker_release(options)
    case.kafka_answers = True
    async with examiner(options) as examined:
        yield brokers.of_release(release, kafka.bootstrap_servers, await examined.brokers())
        plans = case.known.plans
        findings = await ensure_topics(options, plans, check_only=True)
        for said in findings:
            yield fail(said, "card-fulfillment topics creates what is missing and changes no topic")
        if not findings:
            yield ok(f"{len(plans)} topics are there and are what they should be")
        seen = await examined.topics({plan.name for plan in plans})
        for finding in brokers.of_topics(seen, case.known.outputs):
            yield finding
        for output in case.known.outputs:
            await examined.transactions(f"{kafka.transactional_id}-{output}")
        yield ok("this user may ask for the coordinators of both transactional ids")
        for finding in brokers.of_group(await examined.group(kafka.group_id), kafka.group_id):
            yield finding
        async for finding in _records(case, examined):
            yield finding


async def _records(case: _Case, examined: KafkaExaminer) -> Findings:
    topics = await examined.topics({*case.known.readers, *case.known.outputs})
    read = await examined.read({name: topic.partitions for name, topic in topics.items()})
    yield brokers.of_reading(read.unreadable)
    now = case.clock() / _MICROS
    ahead = max(
        (read.newest[name] - now for name in case.known.outputs if name in read.newest), default=0
    )
    if ahead > 0:  # records of the past tell nothing
        yield clocks.of_clock(ahead, "Kafka")
    if case.inventory is not None:
        for finding in brokers.of_lag(read.ends, case.inventory.positions, case.known.readers):
            yield finding


async def _outputs(case: _Case) -> Findings:
    """Hold what Kafka has against the lanes, as a relay does when it starts."""
    if case.inventory is None or not case.kafka_answers:
        return
    options = client_options(case.settings.kafka)
    for topic in case.known.outputs:
        count = await partition_count(options, topic)
        before = [row for of, row in case.inventory.lanes if of == topic]
        if count is None:
            continue  # which was told of already
        tails, held = await _ends(options, topic, range(count))
        if not before:
            yield _of_unknown_output(topic, tails)
            continue
        async with connected(case.connect) as connection:
            since = await lanes_of(connection, topic)
            values = await values_of(connection, last_seqs(tails))
        found = starting_points(tails, before=before, since=since, values=values)
        if held is not None and isinstance(found, Alarm) and found.name == OUTPUT_BEHIND:
            yield warn(f"{held}: nobody sees yet what comes after", _RUNBOOK.format(OUTPUT_STALLED))
        elif isinstance(found, Alarm):
            yield fail(f"{found.name}: {topic}: {found.message}", _RUNBOOK.format(found.name))
        else:
            yield ok(f"{topic} and the database agree about what was published")


def _of_unknown_output(topic: str, tails: Mapping[int, Tail]) -> Finding:
    """Of a topic that the database has no lanes of: it may be another one's."""
    for partition, tail in tails.items():
        if tail.seq is not None:
            return fail(
                f"{OUTPUT_AHEAD}: {topic}: partition {partition} ends with seq {tail.seq} of lane "
                f"{tail.lane}, but no worker has ever published to it from this database",
                _RUNBOOK.format(OUTPUT_AHEAD),
            )
    return ok(f"no worker has ever published to {topic} from this database")


async def _ends(
    options: ClientOptions, topic: str, partitions: Collection[int]
) -> tuple[Mapping[int, Tail], HeldOpen | None]:
    """As far as subscribers see it, and which transaction hides the rest, if any does."""
    try:
        return await read_tails(options, topic, partitions), None
    except HeldOpen as held:
        return await read_tails(options, topic, partitions, settled=False), held


async def _inputs(case: _Case) -> Findings:
    """Say whether every input topic is the one that was taken from."""
    if case.inventory is None or not case.kafka_answers:
        return
    partitions = [p for p in case.inventory.positions if p.topic in case.known.readers]
    positions = await PostgresPositions(case.connect).load(partitions)
    try:
        await verified_extents(client_options(case.settings.kafka), partitions, positions)
    except InputRecreated as error:
        yield fail(f"input_recreated: {error}", _RUNBOOK.format("input_recreated"))
    else:
        yield ok(f"{len(partitions)} input partitions are those that were taken from")
