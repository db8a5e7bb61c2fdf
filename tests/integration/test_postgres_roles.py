"""The roles of deploy/postgres-roles.sql: each does its work, and no more."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from acceptance.worker_process import WorkerProcess
from acceptance.workload import INPUTS, Event, card_id, events
from acceptance.world import World
from builders import announcement, box_no, fact, order, order_no, sent
from card_fulfillment.devstack import Stack
from card_fulfillment.domain.naming import bulk_issuance
from card_fulfillment.domain.status import Status
from card_fulfillment.postgres.schema import newest_revision
from stack import Services, as_role
from support_desk import opened_desk

DONE: Final = 0
USAGE: Final = 2
ROLES: Final = (Path(__file__).parents[2] / "deploy" / "postgres-roles.sql").read_text("utf-8")
_CARDS: Final = 5
_POISON: Final = Event(INPUTS[0], card_id(1), {"event_id": "without a card"})


@pytest.fixture
async def world(
    embedded: Stack, stack: Services, bare_dsn: str, prefix: str, tmp_path: Path
) -> AsyncIterator[World]:
    """Set up a database as the documentation says: roles, tables by their owner, rights."""
    del embedded  # the roles belong to the whole server: it must be ours
    world = World(stack.bootstrap, bare_dsn, prefix, tmp_path)
    await execute(bare_dsn, ROLES)
    migrated = await command(world, "fulfillment_owner", "migrate")
    assert migrated == (DONE, [f"the schema is at revision {newest_revision()}"])
    await execute(bare_dsn, ROLES)
    await world.create_topics()
    yield world
    for process in world.processes:
        if process.running:
            await process.kill()


async def execute(dsn: str, statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


async def command(world: World, role: str, *arguments: str) -> tuple[int, list[str]]:
    """Give a command's exit code and the lines that it wrote for a person."""
    log = world.directory / "command.log"
    log.unlink(missing_ok=True)
    settings = world.settings(POSTGRES__DSN=as_role(world.dsn, role))
    process = WorkerProcess(settings, log, *arguments)
    world.processes.append(process)
    return await process.ended(), process.plain_lines


async def apply_some(world: World) -> None:
    load = world.load()
    await load.produce([*events(_CARDS), _POISON])
    worker = world.worker(
        POSTGRES__DSN=as_role(world.dsn, "fulfillment_worker"), PARKING__SWEEP_EVERY="PT0.1S"
    )
    await world.until_drained(load, worker)
    await worker.kill()


async def test_the_worker_s_role_runs_the_worker_and_looks(world: World) -> None:
    await apply_some(world)
    assert (await world.fetch("SELECT count(*) FROM change WHERE card_id IS NOT NULL"))[0][0] == 35
    code, lines = await command(world, "fulfillment_worker", "timeline", card_id(1))
    assert (code, "delivered" in "".join(lines)) == (DONE, True), lines
    code, lines = await command(world, "fulfillment_worker", "dlq", "list")
    assert code == DONE, lines


async def parcels_of(world: World) -> list[str]:
    return [row[0] for row in await world.fetch("SELECT bulk_issuance_id FROM parcel")]


async def test_the_worker_s_role_takes_a_parcel_from_a_bulk_and_support_counts_anew(
    world: World,
) -> None:
    """A box that one bulk's line named turns out to be another's, ordered under the same number."""
    first, second, number = bulk_issuance("b1"), bulk_issuance("b2"), order_no("0001")
    async with opened_desk(as_role(world.dsn, "fulfillment_worker")) as desk:
        await desk.hear(
            *(sent(announcement(bulk, bulk=bulk, serial=1)) for bulk in ("b1", "b2")),
            sent(order(first, 1, number)),
            sent(fact(Status.SHIPPED, 299, number, names=[box_no("AX1")], serials=(1, 1))),
        )
        assert await parcels_of(world) == ["b1"]
        await desk.hear(sent(order(second, 300, number)))
        assert await parcels_of(world) == ["b2"]
    code, lines = await command(world, "fulfillment_support", "check", "bulks")
    assert (code, lines[0].split(": ")[1].split(";")[0]) == (DONE, "0 differences"), lines


async def test_the_support_s_role_audits(world: World) -> None:
    await apply_some(world)
    code, lines = await command(world, "fulfillment_support", "audit")
    assert (code, [line.split(": ")[-1] for line in lines]) == (DONE, ["exact", "exact"]), lines


async def test_a_right_that_is_taken_away_from_a_worker_at_work_and_given_back(
    world: World,
) -> None:
    load, worker = (
        world.load(),
        world.worker(POSTGRES__DSN=as_role(world.dsn, "fulfillment_worker")),
    )
    await load.produce(events(_CARDS))
    await world.until_drained(load, worker)
    await execute(world.dsn, "REVOKE INSERT ON change FROM fulfillment_worker")
    await load.produce(events(_CARDS, first=_CARDS))

    async def has_complained() -> bool:
        return "permission denied for table change" in worker.output

    await world.until(has_complained, worker)
    await execute(world.dsn, "GRANT INSERT ON change TO fulfillment_worker")
    await world.until_drained(load, worker)


async def test_the_support_s_role_redrives_nothing(world: World) -> None:
    await apply_some(world)
    code, lines = await command(world, "fulfillment_support", "dlq", "redrive", "--all")
    assert (code, len(lines), "permission denied" in lines[0]) == (USAGE, 1, True), lines


async def test_only_the_owner_migrates(world: World) -> None:
    await execute(world.dsn, "DELETE FROM alembic_version")
    for role in ("fulfillment_worker", "fulfillment_support"):
        code, lines = await command(world, role, "migrate")
        assert (code, len(lines)) == (USAGE, 1), lines
        assert "permission denied" in lines[0]


async def test_the_worker_s_role_changes_no_table_and_deletes_no_evidence(world: World) -> None:
    for statement in (
        "CREATE TABLE mine ()",
        "CREATE TEMP TABLE mine ()",
        "DROP TABLE card",
        "TRUNCATE change",
        "DELETE FROM change",
        "UPDATE change SET key = 'x'",
        "DELETE FROM dead_letter",
        "DELETE FROM input_position",
        "UPDATE schema_floor SET revision = '0000'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await execute(as_role(world.dsn, "fulfillment_worker"), statement)


async def test_the_support_s_role_sees_a_card_and_not_what_was_quarantined(world: World) -> None:
    await apply_some(world)
    code, lines = await command(world, "fulfillment_support", "timeline", card_id(1))
    shown = "".join(lines)
    assert (code, "delivered" in shown, "Open dead letters" in shown) == (DONE, True, True), lines
    support = as_role(world.dsn, "fulfillment_support")
    for statement in (
        "SELECT value FROM dead_letter",
        "SELECT headers FROM dead_letter",
        "SELECT * FROM dead_letter",
        "UPDATE card SET status = 'lost'",
        "INSERT INTO waiting VALUES ('x', 'x')",
        "CREATE TABLE mine ()",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await execute(support, statement)


async def test_a_worker_of_a_role_without_rights_says_so_in_one_line(world: World) -> None:
    code, lines = await command(world, "fulfillment_nobody", "run")
    assert (code, lines) == (
        USAGE,
        ['card-fulfillment: Postgres refuses: role "fulfillment_nobody" does not exist'],
    )
    await execute(world.dsn, "REVOKE SELECT ON alembic_version FROM fulfillment_worker")
    code, lines = await command(world, "fulfillment_worker", "run")
    assert (code, lines) == (
        USAGE,
        ["card-fulfillment: Postgres refuses: permission denied for table alembic_version"],
    )
