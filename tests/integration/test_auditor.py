"""The audit on the real servers: what it proves of a worker's output, and what it finds there."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest
from aiokafka import AIOKafkaProducer
from probes import is_ready, readiness, samples

from acceptance.audit import delete
from acceptance.worker_process import WorkerProcess
from acceptance.workload import events
from acceptance.world import Heard, World, installed
from card_fulfillment.audit import topic as auditing
from card_fulfillment.pipeline.audit import Violation
from stack import Services

CARDS: Final = 20


@pytest.fixture
async def world(stack: Services, dsn: str, prefix: str, tmp_path: Path) -> AsyncIterator[World]:
    async with installed(World(stack.bootstrap, dsn, prefix, tmp_path)) as ready:
        yield ready


async def command(world: World, *arguments: str) -> tuple[int, list[str]]:
    """The exit code of a command, and the lines that it wrote for a person."""
    (world.directory / f"{arguments[0]}.log").unlink(missing_ok=True)
    process = world.command(*arguments)
    code = await process.ended(within=60)
    return code, process.plain_lines


async def run_once(world: World) -> None:
    """Have cards published, and one record quarantined."""
    load, worker = world.load(), world.worker()
    await load.produce(events(CARDS))
    await write(world, f"{world.prefix}card-created", value=b"no JSON")
    await world.until_drained(load, worker)
    letters = "SELECT count(*) FROM lane WHERE topic LIKE '%dead-letter' AND published_seq > 0"

    async def is_told() -> bool:
        return bool((await world.fetch(letters))[0][0])

    await world.until(is_told, worker)
    worker.send(signal.SIGTERM)
    await worker.ended()


async def write(world: World, topic: str, partition: int = 0, **record: object) -> None:
    """As somebody who should not."""
    producer = AIOKafkaProducer(bootstrap_servers=world.bootstrap)
    await producer.start()
    await producer.send_and_wait(topic, partition=partition, **record)
    await producer.stop()


async def audited(world: World, last: int | None = None) -> Heard:
    heard = Heard()
    async with world.audit(heard, last).connected() as connected:
        await connected.read_to_the_end()
    return heard


async def test_the_output_of_a_worker_is_exact_from_its_beginning_and_near_its_end(
    world: World,
) -> None:
    code, said = await command(world, "audit")
    assert (code, len(said)) == (1, 1)
    assert "no worker began on it yet" in said[0]
    await run_once(world)
    assert await command(world, "audit") == (
        0,
        [
            f"{world.output}: {7 * CARDS} records held against the outbox: exact",
            f"{world.prefix}fulfillment-dead-letter: 1 record held against the outbox: exact",
        ],
    )
    near_the_end = await audited(world, last=5)
    assert near_the_end.findings == []
    assert 0 < near_the_end.records < 7 * CARDS


async def test_what_somebody_else_writes_to_the_output_is_found(world: World) -> None:
    await run_once(world)
    ((lane, seq, partition, key, value),) = await world.fetch(
        "SELECT lane, seq, partition, key, value FROM change JOIN lane USING (lane) "
        "WHERE topic = $1 AND seq = 2 LIMIT 1",
        world.output,
    )
    marks = [("lane", str(lane).encode()), ("seq", str(seq).encode())]
    await write(world, world.output, partition, key=key.encode(), value=value, headers=marks)
    await write(world, world.output, partition, value=b"{}")
    code, said = await command(world, "audit")
    assert code == 1
    last = said[-2]
    assert last.endswith(": 3 violations"), said
    found = [line.split(": ")[1] for line in said if line.startswith(f"{world.output}[")]
    assert found == ["repeated", "differs", "foreign_record"]


async def test_an_outbox_that_is_not_what_was_published_is_found(world: World) -> None:
    await run_once(world)
    lanes = await world.fetch(
        "SELECT lane, partition, last_seq FROM lane WHERE topic = $1 AND last_seq > 20 ORDER BY 1",
        world.output,
    )
    (one, altered, _), (other, lost, last) = lanes[:2]
    await world.fetch("UPDATE change SET value = '{}' WHERE lane = $1 AND seq = 3", one)
    await world.fetch("DELETE FROM change WHERE lane = $1 AND seq = $2", other, last)
    await world.fetch(
        "UPDATE lane SET last_seq = last_seq + 1, published_seq = last_seq + 1 WHERE lane = $1",
        other,
    )
    findings = (await audited(world)).findings
    assert {(f.partition, f.violation) for f in findings} >= {
        (altered, Violation.DIFFERS),
        (lost, Violation.NOT_IN_DATABASE),
        (lost, Violation.LOST),
    }


async def test_rows_that_are_nothing_any_more_and_a_number_of_nobody_are_found(
    world: World,
) -> None:
    await run_once(world)
    ((lane, partition),) = await world.fetch(
        "SELECT lane, partition FROM lane WHERE topic = $1 AND last_seq > 20 ORDER BY 1 LIMIT 1",
        world.output,
    )
    broken = "UPDATE change SET value = $2, headers = $3 WHERE lane = $1 AND version = 3"
    await world.fetch(broken, lane, b"\xff no JSON", "nothing")
    marks = [("lane", str(lane).encode()), ("seq", b"9" * 20)]
    await write(world, world.output, partition, key=b"k", value=b"{}", headers=marks)
    found = {finding.violation for finding in (await audited(world)).findings}
    assert found == {Violation.DIFFERS, Violation.BROKEN_CHAIN, Violation.FOREIGN_RECORD}


async def test_it_goes_on_where_it_stood_on_new_connections(world: World) -> None:
    heard = Heard()
    await run_once(world)
    audit = world.audit(heard)
    for _ in range(2):
        async with audit.connected() as connected:
            await connected.read_to_the_end()
            await connected.read_to_the_end()
    assert (heard.records, heard.findings) == (7 * CARDS, [])


async def test_what_a_transaction_holds_back_is_no_loss_but_cannot_be_audited(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run_once(world)
    monkeypatch.setattr(auditing, "_HELD_BACK_AFTER", 0.5)
    stranger = AIOKafkaProducer(
        bootstrap_servers=world.bootstrap, transactional_id=f"{world.prefix}stranger"
    )
    await stranger.start()
    await stranger.begin_transaction()
    await stranger.send_and_wait(world.output, b"{}", partition=1)
    heard = Heard()
    async with world.audit(heard).connected() as connected:
        with pytest.raises(auditing.HeldBack, match=r"\[1\] is behind somebody's open transaction"):
            await connected.read_to_the_end()
        await stranger.abort_transaction()
        await connected.read_to_the_end()
    assert (heard.records, heard.findings) == (7 * CARDS, [])
    await stranger.stop()


async def test_an_auditor_that_goes_on_vouches_until_something_is_wrong(world: World) -> None:
    load, worker = world.load(), world.worker()
    await world.until(lambda: world.is_up(worker), worker)
    auditor = world.command("audit", "--follow")
    await world.until(is_ready(auditor), auditor)
    none = f'violations_total{{topic="{world.output}",violation="foreign_record"}}'
    assert (await samples(auditor))[f"card_fulfillment_audit_{none}"] == 0
    await load.produce(events(CARDS))
    await world.until_drained(load, worker)
    audited_records = f'card_fulfillment_audited_total{{topic="{world.output}"}}'
    await world.until(counted(auditor, audited_records, 7 * CARDS), auditor)
    assert (await readiness(auditor))[0] == 200
    await write(world, world.output, value=b"{}")
    alarm = 'card_fulfillment_alarm{name="audit_violation"}'
    await world.until(counted(auditor, alarm, 1), auditor)
    code, body = await readiness(auditor)
    assert (code, [each["name"] for each in body["reasons"]]) == (503, ["audit_violation"])
    auditor.send(signal.SIGTERM)
    assert await auditor.ended() == 0
    assert '"violation": "foreign_record"' in auditor.output


def counted(process: WorkerProcess, name: str, value: float) -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        return (await samples(process)).get(name) == value

    return is_so


async def test_an_auditor_at_work_outlives_its_topic_and_tells_what_is_lost(world: World) -> None:
    await run_once(world)
    auditor = world.command("audit", "--follow")
    await world.until(is_ready(auditor), auditor)
    await delete(world.bootstrap, world.output)

    async def noticed() -> bool:
        return f"topic {world.output} is missing" in auditor.output

    await world.until(noticed, auditor)
    await world.create_topics()
    alarm = 'card_fulfillment_alarm{name="audit_violation"}'
    await world.until(counted(auditor, alarm, 1), auditor)
    _, body = await readiness(auditor)
    assert "lost" in body["reasons"][0]["detail"]


async def test_an_auditor_waits_for_servers_that_are_away(world: World) -> None:
    await run_once(world)
    auditor = world.command("audit", "--follow")
    await world.until(is_ready(auditor), auditor)
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1"
    assert await world.fetch(ended, "card-fulfillment audit") != []
    failed = '"event": "audit.failed"'

    async def noticed() -> bool:
        return failed in auditor.output

    await world.until(noticed, auditor)
    await world.until(is_ready(auditor), auditor)
    load, worker = world.load(), world.worker()
    await load.produce(events(CARDS, first=CARDS))
    await world.until_drained(load, worker)
    records = f'card_fulfillment_audited_total{{topic="{world.output}"}}'
    await world.until(counted(auditor, records, 14 * CARDS), auditor)
    assert (await readiness(auditor))[0] == 200
