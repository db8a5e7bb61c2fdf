"""The worker with brokers that are secured: every way in, and what is said where there is none."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
from kafka_rights import Right, grant, revoke
from probes import is_ready, readiness
from secured_kafka import (
    KEY_PASSWORD,
    LIMITED_USER,
    PASSWORD,
    SESSION_MS,
    SecuredKafka,
    secured_kafka,
)

from acceptance.worker_process import WorkerProcess
from acceptance.workload import INPUTS, Event, events
from acceptance.world import World

USAGE: Final = 2
_CARDS: Final = 5
_CARDS_OF_SESSIONS: Final = 100
_SESSIONS_SECONDS: Final = 4 * SESSION_MS / 1000
_TOLD_WITHIN: Final = 20.0
_POISON: Final = Event(INPUTS[0], "nobody", {"event_id": "without a card"})


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    with secured_kafka(tmp_path_factory.mktemp("certificates")) as running:
        yield running


@pytest.fixture
async def world(kafka: SecuredKafka, dsn: str, prefix: str, tmp_path: Path) -> AsyncIterator[World]:
    """Set up an installation without topics; the tests look at it as the administrator."""
    world = World(kafka.administration, dsn, prefix, tmp_path)
    yield world
    for process in world.processes:
        if process.running:
            await process.kill()


async def command(world: World, *arguments: str, **settings: str) -> tuple[int, list[str]]:
    """Give a command's exit code and the lines that it wrote for a person."""
    log = world.directory / "command.log"
    log.unlink(missing_ok=True)
    process = WorkerProcess(world.settings(**settings), log, *arguments)
    world.processes.append(process)
    code = await process.ended(_TOLD_WITHIN)
    assert PASSWORD not in process.output
    assert KEY_PASSWORD not in process.output
    return code, process.plain_lines


@pytest.mark.parametrize("way", ["TLS", "mutual TLS", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_the_worker_does_its_work_by_every_way_in(
    kafka: SecuredKafka, world: World, way: str
) -> None:
    assert await command(world, "topics", **kafka.ways[way]) == (0, [])
    load = world.load()
    await load.produce(events(_CARDS))
    worker = world.worker(**kafka.ways[way])
    await world.until_drained(load, worker)
    assert await world.verdict(range(_CARDS)) == []


@pytest.mark.parametrize(
    ("way", "but", "told"),
    [
        ("PLAIN", {"SASL_PASSWORD": f"not-{PASSWORD}"}, "refused the login of worker by PLAIN"),
        ("SCRAM-SHA-512", {"SASL_PASSWORD": f"not-{PASSWORD}"}, "by SCRAM-SHA-512"),
        ("SCRAM-SHA-256", {"SASL_USERNAME": "nobody"}, "refused the login of nobody"),
        (
            "short sessions",
            {"SASL_MECHANISM": "SCRAM-SHA-512"},
            "does not take logins by SCRAM-SHA-512",
        ),
        ("TLS", {"SSL_CA_FILE": "{directory}/stranger.crt"}, "not trusted"),
        ("TLS", {"BOOTSTRAP_SERVERS": "localhost:{port}"}, "not trusted: Hostname mismatch"),
        ("mutual TLS", {"SSL_KEY_PASSWORD": f"not-{KEY_PASSWORD}"}, "cannot be used"),
        ("mutual TLS", {"SSL_KEY_FILE": "{directory}/broker.key"}, "cannot be used"),
        ("TLS", {"BOOTSTRAP_SERVERS": "{mutual}"}, "CERTIFICATE_REQUIRED"),
    ],
)
async def test_a_broker_that_cannot_be_used_is_told_in_one_line_that_gives_nothing_away(
    kafka: SecuredKafka, world: World, way: str, but: dict[str, str], told: str
) -> None:
    places = {
        "directory": kafka.directory,
        "port": kafka.addresses["TLS"].split(":")[1],
        "mutual": kafka.addresses["MUTUAL"],
    }
    wrong = {f"KAFKA__{name}": value.format(**places) for name, value in but.items()}
    code, lines = await command(world, "topics", "--check", **{**kafka.ways[way], **wrong})
    assert (code, len(lines), told in lines[0]) == (USAGE, 1, True), lines


async def test_a_host_name_that_does_not_fit_is_accepted_where_the_settings_say_so(
    kafka: SecuredKafka, world: World
) -> None:
    port = kafka.addresses["TLS"].split(":")[1]
    way = {**kafka.ways["TLS"], "KAFKA__BOOTSTRAP_SERVERS": f"localhost:{port}"}
    assert await command(world, "topics", KAFKA__SSL_CHECK_HOSTNAME="false", **way) == (0, [])


async def test_sessions_that_brokers_end_cost_nothing(kafka: SecuredKafka, world: World) -> None:
    way = kafka.ways["short sessions"]
    assert await command(world, "topics", **way) == (0, [])
    load = world.load()
    worker = world.worker(**way)
    await load.produce(events(_CARDS_OF_SESSIONS), rate=_CARDS_OF_SESSIONS * 7 / _SESSIONS_SECONDS)
    await world.until_drained(load, worker)
    assert await world.verdict(range(_CARDS_OF_SESSIONS)) == []


def rights_of_a_worker(world: World) -> list[Right]:
    """Give the list of docs/operations.md."""
    prefix = world.prefix
    outputs = (f"{prefix}fulfillment_status-changed", f"{prefix}fulfillment-dead-letter")
    return [
        *(Right("topic", prefix + name, "READ") for name in INPUTS),
        Right("group", world.group, "READ"),
        *(
            Right("topic", name, operation)
            for name in outputs
            for operation in ("READ", "WRITE", "DESCRIBE_CONFIGS")
        ),
        *(Right("transactional id", f"{prefix}relay-{name}", "WRITE") for name in outputs),
    ]


def by_login(kafka: SecuredKafka) -> dict[str, str]:
    return {**kafka.ways["PLAIN"], "KAFKA__SASL_USERNAME": LIMITED_USER}


async def test_the_rights_that_the_documentation_lists_are_enough(
    kafka: SecuredKafka, world: World
) -> None:
    await world.create_topics()
    await grant(kafka.administration, rights_of_a_worker(world))
    assert await command(world, "topics", "--check", **by_login(kafka)) == (0, [])
    load = world.load()
    await load.produce(events(_CARDS))
    worker = world.worker(**by_login(kafka))
    await world.until_drained(load, worker)
    assert await world.verdict(range(_CARDS)) == []


async def test_an_auditor_needs_to_read_the_two_outputs_and_nothing_else(
    kafka: SecuredKafka, world: World
) -> None:
    await world.create_topics()
    load = world.load()
    await load.produce(events(_CARDS))
    await world.until_drained(load, world.worker())
    outputs = [right for right in rights_of_a_worker(world) if "fulfillment" in right.name]
    reading = [right for right in outputs if right.operation == "READ"]
    await grant(kafka.administration, reading[:1])
    code, lines = await command(world, "audit", **by_login(kafka))
    assert (code, reading[1].name in lines[-1]) == (1, True), lines
    await grant(kafka.administration, reading[1:])
    code, lines = await command(world, "audit", **by_login(kafka))
    assert (code, [line.split(": ")[-1] for line in lines]) == (0, ["exact", "exact"]), lines


async def test_the_right_to_the_group_is_taken_away_from_a_worker_at_work_and_given_back(
    kafka: SecuredKafka, world: World
) -> None:
    rights = rights_of_a_worker(world)
    (of_the_group,) = (right for right in rights if right.kind == "group")
    await world.create_topics()
    await grant(kafka.administration, rights)
    load = world.load()
    await load.produce(events(_CARDS))
    worker = world.worker(OPS__STALLED_AFTER="PT2S", **by_login(kafka))
    await world.until_drained(load, worker)
    await revoke(kafka.administration, of_the_group)

    async def has_complained() -> bool:
        return worker.output.count("GroupAuthorizationFailedError") > 1

    async def says_that_it_is_out() -> bool:
        _, told = await readiness(worker)
        return "out_of_group" in {reason["name"] for reason in told["reasons"]}

    await world.until(has_complained, worker)
    await world.until(says_that_it_is_out, worker)
    await grant(kafka.administration, [of_the_group])
    await load.produce(events(_CARDS, first=_CARDS))
    await world.until_drained(load, worker, within=20)
    await world.until(is_ready(worker), worker)
    assert await world.verdict(range(2 * _CARDS)) == []


@pytest.mark.timeout(180)
async def test_each_of_those_rights_is_needed(kafka: SecuredKafka, world: World) -> None:
    rights = rights_of_a_worker(world)
    await world.create_topics()
    await grant(kafka.administration, rights)
    load = world.load()
    await load.produce([*events(_CARDS), _POISON])
    first = world.worker(**by_login(kafka))
    await world.until_drained(load, first)
    await first.kill()
    for number, lacking in enumerate(rights, start=1):
        await load.produce([*events(1, first=_CARDS + number), _POISON])
        await revoke(kafka.administration, lacking)
        assert lacking.name in await complaint(world, by_login(kafka)), lacking
        await grant(kafka.administration, [lacking])


async def complaint(world: World, way: dict[str, str]) -> str:
    """Give what somebody reads who runs the worker without a right that it needs."""
    code, lines = await command(world, "topics", "--check", **way)
    if code:
        return "".join(lines)
    log = world.directory / "worker.log"
    log.unlink()
    worker = world.worker(**way)

    async def has_complained() -> bool:
        return not worker.running or "Authorization" in worker.output

    await world.until(has_complained, within=30)
    await worker.kill()
    written: list[str] = worker.output.splitlines()
    return next(line for line in written if "Authorization" in line)
