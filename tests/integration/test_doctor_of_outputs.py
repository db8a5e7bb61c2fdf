"""What the doctor says of output topics where a worker would end at its start with an alarm."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acceptance.audit import give_partitions
from acceptance.workload import events
from acceptance.world import World, installed
from stack import Services


@pytest.fixture
async def world(stack: Services, dsn: str, prefix: str, tmp_path: Path) -> AsyncIterator[World]:
    async with installed(World(stack.bootstrap, dsn, prefix, tmp_path)) as ready:
        worker, load = ready.worker(), ready.load()
        await load.produce(events(5))
        await ready.until_drained(load, worker)
        worker.send(signal.SIGTERM)
        await worker.ended()
        yield ready


async def alarms(world: World) -> tuple[int, list[str]]:
    """The doctor's exit code, and which alarms and topics it names."""
    (world.directory / "doctor.log").unlink(missing_ok=True)
    doctor = world.command("doctor")
    code = await doctor.ended()
    wrong = [line for line in doctor.plain_lines if line.startswith("FAIL")]
    return code, [line.removeprefix("FAIL").strip() for line in wrong]


async def test_a_database_that_no_worker_ever_ran_on_is_not_that_of_a_topic_with_events(
    world: World,
) -> None:
    await world.fetch("TRUNCATE change, lane, input_position, relay_lease CASCADE")
    code, (said, *more) = await alarms(world)
    assert (code, more) == (1, [])
    assert said.startswith(f"output_ahead_of_database: {world.output}: partition ")
    assert said.endswith("but no worker has ever published to it from this database")


async def test_partitions_that_were_added_are_told_of_where_the_settings_know_them(
    world: World,
) -> None:
    pinned, world.partitions = world.partitions, world.partitions + 1
    for topic in (world.output, f"{world.prefix}fulfillment-dead-letter"):
        await give_partitions(world.bootstrap, topic, world.partitions)
    changed = f"the topic has {world.partitions} partitions, the database was pinned to {pinned}"
    code, said = await alarms(world)
    assert (code, len(said)) == (1, 2), said
    assert said[0] == f"output_partitions_changed: {world.output}: {changed}"
