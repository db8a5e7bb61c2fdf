"""What operators are told of a worker at work, and what the doctor tells of its surroundings."""

import json
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from probes import get, is_ready, port_of, readiness, samples
from relay_services import configure

from acceptance.audit import anomalies, delete, give_partitions, make_again, read_output
from acceptance.worker_process import WorkerProcess
from acceptance.workload import INPUTS, Event, card_id, events
from acceptance.world import World, installed
from card_fulfillment.kafka.connection import client_options
from card_fulfillment.settings import KafkaSettings
from stack import Services, as_role

CARDS: Final = 60
QUICK: Final = {"OPS__STALLED_AFTER": "PT1S"}


@pytest.fixture
async def world(stack: Services, dsn: str, prefix: str, tmp_path: Path) -> AsyncIterator[World]:
    async with installed(World(stack.bootstrap, dsn, prefix, tmp_path)) as ready:
        yield ready


def names(worker: WorkerProcess, reason: str) -> Callable[[], Awaitable[bool]]:
    async def named() -> bool:
        code, body = await readiness(worker)
        return code == 503 and reason in {each["name"] for each in body["reasons"]}

    return named


async def command(world: World, *arguments: str, **settings: str) -> tuple[int, str]:
    """The exit code of a command, and all that it wrote."""
    log = world.directory / "command.log"
    log.unlink(missing_ok=True)
    process = WorkerProcess(world.settings(**settings), log, *arguments)
    world.processes.append(process)
    code = await process.ended()
    return code, log.read_text()


async def test_a_card_whose_announcement_is_in_quarantine_is_not_unknown(world: World) -> None:
    load, worker = world.load(), world.worker()
    refused = {"event_id": "e", "occurred_at": "2026-03-01T06:00:00Z", "card_id": "c999"}
    await load.produce([*events(1), Event(INPUTS[0], "c999", refused)])
    await world.until_drained(load, worker)
    code, said = await command(world, "timeline", "M0000000")  # what the bureau calls it
    assert (code, card_id(0) in said, "delivered since" in said) == (0, True, True), said
    code, said = await command(world, "timeline", "M0000000", "--json")
    told = json.loads(said)
    assert (code, [each["id"] for each in told["called_so"]]) == (0, [card_id(0)])
    assert told["card"]["published"][-1]["fulfillment_status"] == "delivered"
    code, said = await command(world, "timeline", "c999")
    assert (code, "quarantined malformed" in said, "card_product_id" in said) == (0, True, True)
    code, said = await command(world, "timeline", "c999", "--json")
    (letter,) = json.loads(said)["dead_letters"]
    assert (code, letter["reason"]) == (0, "malformed")
    code, said = await command(world, "timeline", "c998")
    assert (code, "nobody ever spoke of" in said) == (1, True)


async def test_a_topic_that_is_deleted_and_made_again_is_told_of_while_the_worker_runs(
    world: World,
) -> None:
    load, worker = world.load(), world.worker(**QUICK)
    await load.produce(events(3))
    await world.until_drained(load, worker)
    await world.until(is_ready(worker), worker)
    topic = world.prefix + INPUTS[0]
    await delete(world.bootstrap, topic)
    await world.until(names(worker, "input_missing"), worker)
    await world.create_topics()
    await world.until(names(worker, "input_recreated"), worker)


async def test_more_partitions_of_an_output_are_told_of_before_the_next_start_fails_by_them(
    world: World,
) -> None:
    load, worker = world.load(), world.worker(**QUICK)
    await load.produce(events(3))
    await world.until_drained(load, worker)
    await give_partitions(world.bootstrap, world.output, 8)
    await world.until(names(worker, "output_partitions_changed"), worker)
    await load.produce(events(3, first=3))
    await world.until_drained(load, worker)
    assert anomalies(await read_output(world.bootstrap, world.output), range(6)) == []


async def test_a_worker_that_had_nothing_to_do_stays_up_where_its_topic_is_made_again(
    world: World,
) -> None:
    """An exit would loop, and end its relays as well."""
    load, first = world.load(), world.worker()
    await load.produce(events(3))
    await world.until_drained(load, first)
    await first.kill()
    worker = world.worker(**QUICK)
    await world.until(is_ready(worker), worker)
    await make_again(world.bootstrap, world.prefix + INPUTS[0], world.partitions)
    await world.until(names(worker, "input_recreated"), worker)


async def test_a_worker_gets_ready_counts_what_it_does_and_stops_in_time(world: World) -> None:
    load, worker = world.load(), world.worker()
    await world.until(is_ready(worker), worker)
    await load.produce(events(CARDS))
    await world.until_drained(load, worker)

    async def measured() -> bool:
        found = await samples(worker)
        prefix = f'topic="{world.prefix}'
        return (
            found[f'card_fulfillment_published_total{{{prefix}fulfillment_status-changed"}}']
            == 7 * CARDS
            and found.get(f'card_fulfillment_input_lag{{{prefix}card-created"}}') == 0
        )

    await world.until(measured, worker)
    found = await samples(worker)
    taken = sum(n for name, n in found.items() if name.startswith("card_fulfillment_records_total"))
    assert taken == 7 * CARDS
    assert found["card_fulfillment_batch_seconds_count"] >= 1
    assert found["card_fulfillment_ready"] == 1
    assert found['card_fulfillment_quarantined_total{reason="malformed",vendor=""}'] == 0
    assert found['card_fulfillment_bulks_at_work{waits_for="members"}'] == 0
    assert not any(n for name, n in found.items() if name.startswith("card_fulfillment_alarm"))
    worker.send(signal.SIGTERM)
    assert await worker.ended(within=10) == 0


async def test_two_workers_of_one_machine_get_ports_of_their_own_without_being_told(
    world: World,
) -> None:
    pair = [world.worker(), world.worker()]
    for worker in pair:
        await world.until(is_ready(worker), worker)
    assert port_of(pair[0]) != port_of(pair[1])


async def test_a_port_that_was_asked_for_and_is_taken_is_told_in_one_line(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = await command(world, "run", OPS__PORT=str(port))
    assert code == 2, said
    assert f"cannot listen on 127.0.0.1:{port}" in said.splitlines()[-1]


async def test_a_transaction_left_open_on_an_input_is_named_and_passes(world: World) -> None:
    worker = world.worker(**QUICK)
    await world.until(is_ready(worker), worker)
    producer = AIOKafkaProducer(
        bootstrap_servers=world.bootstrap, transactional_id=f"{world.prefix}upstream"
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(world.prefix + INPUTS[0], b"{}", b"k")
        await world.until(names(worker, "input_withheld"), worker)
        assert (await get(worker, "/livez"))[0] == 200
        await producer.abort_transaction()
        await world.until(is_ready(worker), worker)
    finally:
        await producer.stop()


async def test_a_dead_letter_topic_that_refuses_holds_no_event_up(world: World) -> None:
    worker, load = world.worker(**QUICK), world.load()
    await world.until(is_ready(worker), worker)
    options = client_options(KafkaSettings(bootstrap_servers=world.bootstrap))
    letters = f"{world.prefix}fulfillment-dead-letter"
    await configure(options, letters, max_message_bytes="100")
    refused = [Event(INPUTS[0], f"refused-{n}", {"event_id": str(n)}) for n in range(CARDS)]
    await load.produce([*refused, *events(CARDS)])
    await world.until(names(worker, "output_refused"), worker)

    async def all_events_are_out() -> bool:
        return len(await read_output(world.bootstrap, world.output)) == 7 * CARDS

    await world.until(all_events_are_out, worker)
    assert await read_output(world.bootstrap, letters) == []
    await configure(options, letters, max_message_bytes="100000")
    await world.until_drained(load, worker)
    told = [
        letter.event["dead_letter_id"] for letter in await read_output(world.bootstrap, letters)
    ]
    assert len(told) == len(set(told)) == CARDS
    await world.until(is_ready(worker), worker)


async def test_lag_without_progress_is_a_stall_and_passes_with_its_cause(world: World) -> None:
    worker, load = world.worker(**QUICK), world.load()
    await load.produce(events(1))
    await world.until_drained(load, worker)
    await world.until(is_ready(worker), worker)
    blocker = await asyncpg.connect(world.dsn)
    try:
        async with blocker.transaction():
            await blocker.execute("SELECT 1 FROM card WHERE card_id = $1 FOR UPDATE", card_id(0))
            await load.produce(events(1))
            await world.until(names(worker, "stalled"), worker)
            assert (await get(worker, "/livez"))[0] == 200
    finally:
        await blocker.close()
    await world.until(is_ready(worker), worker)


# The doctor.


async def tables(world: World) -> list[list[asyncpg.Record]]:
    return [
        await world.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")  # noqa: S608 - names of our own
        for table in ("lane", "input_position", "relay_lease", "dead_letter")
    ]


async def test_the_doctor_finds_nothing_wrong_where_nothing_is_and_changes_nothing(
    world: World,
) -> None:
    worker, load = world.worker(), world.load()
    await load.produce(events(5))
    await world.until_drained(load, worker)
    code, said = await command(world, "doctor")
    assert (code, "FAIL" in said) == (0, False), said
    assert f"group {world.group} is Stable, 1 workers" in said
    assert "agree about what was published" in said
    worker.send(signal.SIGTERM)
    await worker.ended()
    before = await tables(world)
    code, said = await command(world, "doctor")
    assert (code, "no worker runs" in said) == (0, True), said
    assert await tables(world) == before


async def test_the_doctor_knows_the_alarms_of_a_database_of_the_past_and_of_a_new_topic(
    world: World,
) -> None:
    worker, load = world.worker(), world.load()
    await load.produce(events(5))
    await world.until_drained(load, worker)
    worker.send(signal.SIGTERM)
    await worker.ended()
    await world.fetch("DELETE FROM change")
    await world.fetch("UPDATE lane SET last_seq = 0, published_seq = 0")
    await world.fetch("UPDATE input_position SET last_hash = sha256(last_hash)::bytea")
    code, said = await command(world, "doctor")
    assert code == 1
    wrong = [line for line in said.splitlines() if line.startswith("FAIL")]
    assert [line.split()[1] for line in wrong] == ["output_ahead_of_database:", "input_recreated:"]


async def test_the_doctor_finds_changes_that_nobody_can_publish_any_more(world: World) -> None:
    worker, load = world.worker(), world.load()
    await load.produce(events(5))
    await world.until_drained(load, worker)
    worker.send(signal.SIGTERM)
    await worker.ended()
    counting = "UPDATE lane SET last_seq = last_seq + 2 WHERE topic = $1 AND partition = 1"
    await world.fetch(counting, world.output)
    code, said = await command(world, "doctor")
    assert (code, said.count("FAIL")) == (1, 1), said
    assert "FAIL  lane_gap: the outbox lacks 2 changes of lane" in said


async def test_the_doctor_goes_on_where_a_part_cannot_be_looked_at(world: World) -> None:
    code, said = await command(
        world, "doctor", POSTGRES__DSN="postgresql://me:s3cret@127.0.0.1:1/cards"
    )
    assert code == 1
    assert "FAIL  Postgres at postgresql://me:***@127.0.0.1:1/cards cannot be looked at" in said
    assert f"group {world.group}" in said
    assert "s3cret" not in said


async def test_the_doctor_names_the_rights_that_are_lacking(world: World) -> None:
    await world.fetch("REVOKE ALL ON card FROM PUBLIC")
    role = f"{world.prefix[:-1]}poor"
    await world.fetch(f"CREATE ROLE {role} LOGIN PASSWORD 'poor'")
    await world.fetch(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    try:
        dsn = as_role(world.dsn, role, "poor")
        code, said = await command(world, "doctor", POSTGRES__DSN=dsn)
    finally:
        await world.fetch(f"DROP OWNED BY {role}")
        await world.fetch(f"DROP ROLE {role}")
    assert (code, "insert on card" in said, "update on lane" in said) == (1, True, True), said
