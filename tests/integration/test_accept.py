"""The ways out of alarms: nothing is lost by them, and what comes twice is known by its ids."""

import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from acceptance.audit import Published, make_again, read_output
from acceptance.worker_process import WorkerProcess
from acceptance.workload import INPUTS, JOURNEY, card_id, events
from acceptance.world import World, installed
from stack import Services, create_database, database_of, drop_database

BEFORE: Final = 20
AFTER: Final = 15
RUNBOOK: Final = Path(__file__).parents[2] / "docs" / "runbook.md"
_LONG_LANE: Final = "SELECT lane, last_seq FROM lane WHERE last_seq > 9 LIMIT 1"


@pytest.fixture
async def world(stack: Services, dsn: str, prefix: str, tmp_path: Path) -> AsyncIterator[World]:
    async with installed(World(stack.bootstrap, dsn, prefix, tmp_path)) as ready:
        yield ready


async def command(world: World, *arguments: str) -> tuple[int, str]:
    """The exit code of a command, and all that it wrote."""
    log = world.directory / "command.log"
    log.unlink(missing_ok=True)
    process = WorkerProcess(world.settings(), log, *arguments)
    world.processes.append(process)
    code = await process.ended(within=60)
    return code, log.read_text()


async def run_once(world: World, cards: int, first: int = 0) -> None:
    load = world.load()
    await load.produce(events(cards, first=first))
    worker = world.worker()
    await world.until_drained(load, worker)
    worker.send(signal.SIGTERM)
    await worker.ended()


async def run_until_drained(world: World) -> None:
    worker = world.worker()
    await world.until(lambda: world.is_up(worker), worker)

    async def drained() -> bool:
        behind = "SELECT count(*) FROM lane WHERE published_seq < last_seq"
        taken = await world.fetch("SELECT count(*) FROM card WHERE status = 'delivered'")
        return taken[0][0] == BEFORE + AFTER and not (await world.fetch(behind))[0][0]

    await world.until(drained, worker)
    worker.send(signal.SIGTERM)
    await worker.ended()


async def published_up_to(world: World, lane: int, last: int) -> list[Published]:
    """What the lane has in Kafka once a worker published it so far: all numbers, each once."""
    worker = world.worker()

    async def published() -> bool:
        rows = await world.fetch("SELECT last_seq, published_seq FROM lane WHERE lane = $1", lane)
        return [tuple(row) for row in rows] == [(last, last)]

    await world.until(published, worker)
    output = [r for r in await read_output(world.bootstrap, world.output) if r.lane == lane]
    assert [r.seq for r in output] == list(range(1, last + 1))
    return output


def journeys(output: Sequence[Published]) -> dict[str, list[str]]:
    """As a subscriber has them that drops versions which it has seen."""
    seen: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for record in output:
        known = seen[record.key]
        known.setdefault(record.event["version"], record.event["fulfillment_status"])
    return {key: [known[v] for v in sorted(known)] for key, known in seen.items()}


def numbers_are_whole(output: Sequence[Published]) -> bool:
    lanes: defaultdict[int, list[int]] = defaultdict(list)
    for record in output:
        lanes[record.lane].append(record.seq)
    return all(seqs == list(range(1, len(seqs) + 1)) for seqs in lanes.values())


async def test_after_a_restored_backup_the_output_goes_on_and_nothing_is_lost(
    world: World, stack: Services
) -> None:
    await run_once(world, BEFORE)
    backup = await create_database(stack.dsn, database_of(world.dsn))
    try:
        await run_once(world, AFTER, first=BEFORE)
        restored = replace(world, dsn=backup, processes=[])
        assert (await command(restored, "run"))[0] == 4
        before = await restored.fetch("SELECT * FROM lane ORDER BY lane")
        code, would = await command(restored, "accept", "output", world.output)
        assert (code, "--yes does it" in would) == (0, True), would
        assert await restored.fetch("SELECT * FROM lane ORDER BY lane") == before
        code, did = await command(restored, "accept", "output", world.output, "--yes")
        assert (code, did.splitlines()[-1]) == (0, "done; workers may start again"), did
        await run_until_drained(restored)
        output = await read_output(world.bootstrap, world.output)
        assert numbers_are_whole(output)
        assert journeys(output) == {card_id(n): [*JOURNEY] for n in range(BEFORE + AFTER)}
    finally:
        await drop_database(stack.dsn, backup)


async def test_changes_made_after_the_restore_are_published_and_not_taken_for_published(
    world: World,
) -> None:
    """A worker that was not asked may have taken records into the restored database already."""
    await run_once(world, BEFORE)
    ((lane, last),) = await world.fetch(_LONG_LANE)
    # Restored to the eighth but last, and four were made since.
    await world.fetch("DELETE FROM change WHERE lane = $1 AND seq > $2", lane, last - 4)
    await world.fetch(
        "UPDATE lane SET last_seq = $2, published_seq = $3 WHERE lane = $1",
        lane,
        last - 4,
        last - 8,
    )
    kept = await world.fetch("SELECT key FROM change WHERE lane = $1 AND seq > $2", lane, last - 8)
    code, did = await command(world, "accept", "output", world.output, "--yes")
    assert (code, f"{len(kept)} changes will be published after {last}" in did) == (0, True), did
    output = await published_up_to(world, lane, last + len(kept))
    assert [r.key for r in output[last:]] == [row["key"] for row in kept]


async def test_a_database_of_the_past_that_has_outgrown_kafka_is_noticed_and_goes_on_behind_it(
    world: World,
) -> None:
    """Taking in went on after the restore: other changes have the numbers that Kafka has."""
    await run_once(world, BEFORE)
    ((lane, last),) = await world.fetch(_LONG_LANE)
    await world.fetch(
        "UPDATE change SET value = value || ' ' WHERE lane = $1 AND seq > $2", lane, last - 6
    )
    await world.fetch("UPDATE lane SET published_seq = $2 WHERE lane = $1", lane, last - 6)
    code, said = await command(world, "run")
    assert (code, "output_ahead_of_database" in said) == (4, True), said
    kept = await world.fetch("SELECT key FROM change WHERE lane = $1 AND seq > $2", lane, last - 6)
    code, did = await command(world, "accept", "output", world.output, "--yes")
    assert (code, f"6 changes will be published after {last}" in did) == (0, True), did
    assert len(kept) == 6
    output = await published_up_to(world, lane, last + len(kept))
    assert [r.key for r in output[last:]] == [row["key"] for row in kept]


async def make_output_again(world: World) -> None:
    """As a person does who lost it: it is gone, and then there without a record."""
    admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
    await admin.start()
    await admin.delete_topics([world.output])

    async def gone() -> bool:
        return world.output not in await admin.list_topics()

    await world.until(gone)
    await admin.close()
    assert (await command(world, "topics"))[0] == 0


async def test_what_kafka_lost_is_published_again_from_the_outbox(world: World) -> None:
    await run_once(world, BEFORE)
    await make_output_again(world)
    code, said = await command(world, "doctor")
    assert (code, "output_behind_database" in said) == (1, True), said
    code, did = await command(world, "accept", "output", world.output, "--yes")
    assert code == 0, did
    await run_once(world, AFTER, first=BEFORE)
    assert await world.verdict(range(BEFORE + AFTER)) == []


async def test_what_comes_after_a_strangers_transaction_is_not_taken_for_lost(world: World) -> None:
    load, worker = world.load(), world.worker()
    await load.produce(events(1))
    await world.until_drained(load, worker)  # a relay that begins later would not publish
    stranger = AIOKafkaProducer(
        bootstrap_servers=world.bootstrap, transactional_id=f"{world.prefix}stranger"
    )
    await stranger.start()
    try:
        await stranger.begin_transaction()
        for partition in range(world.partitions):
            await stranger.send_and_wait(world.output, b"", partition=partition)
        await load.produce(events(5, first=1))
        await world.until(lambda: world.has_drained(load), worker)
        worker.send(signal.SIGTERM)
        await worker.ended()
        code, said = await command(world, "doctor")
        assert (code, f"is open on {world.output}" in said) == (0, True), said
        code, said = await command(world, "accept", "output", world.output)
        assert (code, f"is open on {world.output}" in said) == (1, True), said
        await stranger.abort_transaction()
    finally:
        await stranger.stop()


async def test_gaps_of_what_kafka_lost_are_named_and_can_be_filled_as_the_runbook_says(
    world: World,
) -> None:
    await run_once(world, BEFORE)
    ((lane, last),) = await world.fetch(_LONG_LANE)
    await world.fetch("DELETE FROM change WHERE lane = $1 AND seq IN (3, 4, 6)", lane)
    await make_output_again(world)
    code, said = await command(world, "accept", "output", world.output)
    gaps = f"needs: lane {lane} lacks 3 to 4; lane {lane} lacks 6 to 6"
    assert (code, gaps in said) == (1, True), said
    await world.fetch(fill_of_the_runbook().replace("fulfillment_status-changed", world.output))
    assert (await command(world, "accept", "output", world.output, "--yes"))[0] == 0
    await published_up_to(world, lane, last)


def fill_of_the_runbook() -> str:
    """The statement that fills all gaps of a topic."""
    section = RUNBOOK.read_text().split("## output_behind_database")[1].split("\n## ")[0]
    return section[section.index("INSERT INTO change") : section.index(";\n") + 1]


async def test_an_input_made_again_is_taken_from_its_beginning_and_known_ids_are_duplicates(
    world: World,
) -> None:
    await run_once(world, BEFORE)
    created = world.prefix + INPUTS[0]
    await make_again(world.bootstrap, created, world.partitions)
    assert (await command(world, "run"))[0] == 4
    code, did = await command(world, "accept", "input", created, "--yes")
    assert (code, "it will be taken from 0" in did) == (0, True), did
    await run_once(world, BEFORE + AFTER)
    assert journeys(await read_output(world.bootstrap, world.output)) == {
        card_id(n): [*JOURNEY] for n in range(BEFORE + AFTER)
    }


async def test_nothing_is_accepted_while_a_worker_runs_or_where_all_is_well(world: World) -> None:
    worker, load = world.worker(), world.load()
    await load.produce(events(3))
    await world.until_drained(load, worker)
    code, said = await command(world, "accept", "output", world.output, "--yes")
    assert (code, "workers run" in said) == (1, True), said
    worker.send(signal.SIGTERM)
    await worker.ended()
    before: list[asyncpg.Record] = await world.fetch("SELECT * FROM lane ORDER BY lane")
    code, said = await command(world, "accept", "output", world.output, "--yes")
    assert (code, "nothing is to be done" in said) == (0, True), said
    assert await world.fetch("SELECT * FROM lane ORDER BY lane") == before
    code, said = await command(world, "accept", "input", world.prefix + INPUTS[0], "--yes")
    assert (code, "nothing is to be done" in said) == (0, True), said
