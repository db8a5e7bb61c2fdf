"""How the command line ends, for whoever starts it: one readable line, and a code that says why."""

import signal
from dataclasses import replace
from typing import Final

import asyncpg
import pytest

from stack import Services, create_database, database_of, drop_database

from .audit import make_again
from .worker_process import WorkerProcess
from .workload import INPUTS, events
from .world import World

FOUND_WRONG: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
ALARMED: Final = 4

_STARTS_WITHIN: Final = 20.0
_GIVES_UP_WITHIN: Final = 45.0


async def ends(world: World, *arguments: str, **settings: str) -> tuple[int, str]:
    """Give the exit code of a run that does not get far, and the line it left for a person."""
    log = world.directory / "command.log"
    log.unlink(missing_ok=True)
    process = WorkerProcess(world.settings(**settings), log, *arguments)
    world.processes.append(process)
    code = await process.ended(_STARTS_WITHIN)
    return code, line_for_a_person(process)


def line_for_a_person(process: WorkerProcess) -> str:
    (line,) = process.plain_lines
    return line.removeprefix("card-fulfillment: ")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("KAFKA__SESSION_TIMEOUT", "soon", "FULFILLMENT_KAFKA__SESSION_TIMEOUT"),
        ("KAFKA__GRUOP_ID", "misspelt", "FULFILLMENT_KAFKA__GRUOP_ID"),
        ("POSTGRES__DSN", "not a dsn, but s3cret", "FULFILLMENT_POSTGRES__DSN"),
        ("VENDORS__ENABLED", '["nobody"]', "nobody"),
        ("FILE", "/nowhere.yaml", "/nowhere.yaml"),
    ],
)
async def test_settings_that_cannot_be_are_told_by_name_and_without_their_value(
    world: World, name: str, value: str, told: str
) -> None:
    code, line = await ends(world, **{name: value})
    assert code == USAGE
    assert told in line
    assert "s3cret" not in line


async def test_a_database_without_the_schema_is_refused(world: World, bare_dsn: str) -> None:
    code, line = await ends(world, POSTGRES__DSN=bare_dsn)
    assert (code, "card-fulfillment migrate" in line) == (FOUND_WRONG, True), line


async def test_topics_that_are_missing_are_refused(world: World) -> None:
    code, line = await ends(world, TOPICS__PREFIX=f"{world.prefix}other-")
    assert (code, "card-fulfillment topics" in line) == (FOUND_WRONG, True), line
    assert f"{world.prefix}other-card-created" in line


async def test_a_topic_with_other_partitions_is_not_said_to_be_mended_by_a_command(
    world: World,
) -> None:
    code, line = await ends(world, TOPICS__PARTITIONS="9")
    assert (code, "9 are wanted" in line) == (FOUND_WRONG, True), line
    assert line.endswith("`card-fulfillment topics` creates what is missing"), line


async def test_an_input_topic_that_was_made_again_is_an_alarm(world: World) -> None:
    await run_once(world, cards=20)
    await make_again(world.bootstrap, world.prefix + INPUTS[0], world.partitions)
    code, line = await ends(world)
    assert (code, line.split(":")[0]) == (ALARMED, "input_recreated"), line
    await world.load().produce(events(20, first=20))
    code, line = await ends(world)
    assert (code, line.split(":")[0]) == (ALARMED, "input_recreated"), line


async def test_a_database_restored_to_the_past_is_an_alarm(world: World, stack: Services) -> None:
    await run_once(world, cards=20)
    backup = await create_database(stack.dsn, database_of(world.dsn))
    try:
        await run_once(world, cards=10, first=20)
        code, line = await ends(replace(world, dsn=backup, processes=[]))
    finally:
        await drop_database(stack.dsn, backup)
    assert (code, line.split(":")[0]) == (ALARMED, "output_ahead_of_database"), line


async def run_once(world: World, cards: int, first: int = 0) -> None:
    load = world.load()
    await load.produce(events(cards, first=first))
    worker = world.worker()
    await world.until_drained(load, worker)
    worker.send(signal.SIGTERM)
    await worker.ended()


@pytest.mark.parametrize(
    ("command", "table"), [("overdue", "bulk_issuance"), ("dlq list", "dead_letter")]
)
async def test_a_command_that_loses_its_database_has_found_nothing_wrong(
    world: World, command: str, table: str
) -> None:
    holder = await asyncpg.connect(world.dsn)
    try:
        async with holder.transaction():
            await holder.execute(f"LOCK TABLE {table}")
            code, line = await ends(world, *command.split(), POSTGRES__LOCK_TIMEOUT="0.2")
    finally:
        await holder.close()
    assert (code, "LockNotAvailableError" in line) == (UNREACHABLE, True), line


async def test_servers_that_nobody_can_reach_are_given_up_after_half_a_minute(
    without_servers: list[WorkerProcess],
) -> None:
    run, migrate = without_servers
    assert await run.ended(_GIVES_UP_WITHIN) == UNREACHABLE, run.output
    assert line_for_a_person(run).startswith("Kafka is not reachable")
    assert await migrate.ended(_GIVES_UP_WITHIN) == UNREACHABLE, migrate.output
    assert line_for_a_person(migrate).startswith("Postgres at postgresql://")
