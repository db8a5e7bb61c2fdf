"""The commands about dead letters, as processes of their own, beside a running worker."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acceptance.world import World, installed
from builders import fact, order_no, sent
from card_fulfillment.kafka.connection import client_options
from card_fulfillment.kafka.outside import Message, sender
from card_fulfillment.settings import Settings
from dlq_samples import CREATED, ORDERED, TRACKING, profile_without, tracking
from stack import Services
from support_desk import opened_desk


async def command(settings: dict[str, str], *arguments: str) -> tuple[int, str]:
    """The exit code, and all that it wrote."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "card_fulfillment",
        *arguments,
        env={**os.environ, **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.fixture
async def world(stack: Services, dsn: str, prefix: str, tmp_path: Path) -> AsyncIterator[World]:
    async with installed(World(stack.bootstrap, dsn, prefix, tmp_path)) as ready:
        yield ready


@pytest.fixture
def restricted(tmp_path: Path) -> str:
    return str(profile_without(tmp_path / "profiles", "PERSO_DONE"))


async def send(world: World, *bodies: tuple[str, object]) -> None:
    options = client_options(
        Settings.model_validate({"kafka": {"bootstrap_servers": world.bootstrap}}).kafka
    )
    async with sender(options) as out:
        for topic, body in bodies:
            value = body if isinstance(body, bytes) else json.dumps(body).encode()
            await out.send([Message(world.prefix + topic, b"c1", value)])


async def published(world: World) -> list[str]:
    rows = await world.fetch(
        "SELECT c.value FROM change c JOIN lane l USING (lane) "
        "WHERE c.card_id = 'c1' AND c.seq <= l.published_seq ORDER BY c.version"
    )
    return [json.loads(row[0])["fulfillment_status"] for row in rows]


async def test_a_running_worker_publishes_at_once_what_a_redrive_wrote(
    world: World, restricted: str
) -> None:
    worker = world.worker(VENDORS__DIRECTORY=restricted)
    await send(
        world,
        ("card-created", CREATED),
        ("embossing-requested", ORDERED),
        (TRACKING, tracking("DATA_OK", "PERSO_DONE")),
    )

    async def until(statuses: list[str]) -> bool:
        return await published(world) == statuses

    await world.until(lambda: until(["created", "ordered", "accepted"]), worker)
    code, listed = await command(world.settings(VENDORS__DIRECTORY=restricted), "dlq", "list")
    assert code == 0
    letter_id = listed.split()[0]
    assert listed.splitlines()[-1] == "1 open: 1 unmapped_code (meridian)"
    code, shown = await command(world.settings(), "dlq", "show", letter_id)
    assert (code, "PERSO_DONE" in shown, "open since" in shown) == (0, True, True)
    code, would = await command(
        world.settings(), "dlq", "redrive", "--reason", "unmapped_code", "--dry-run"
    )
    assert (code, "publishes card c1 version 4" in would) == (0, True), would
    code, did = await command(world.settings(), "dlq", "redrive", letter_id, "--by", "night shift")
    assert (code, did.splitlines()[-1]) == (0, "1 of 1 closed"), did
    await world.until(lambda: until(["created", "ordered", "accepted", "produced"]), worker)
    code, closed = await command(world.settings(), "dlq", "list", "--state", "closed")
    assert (code, "closed by night shift" in closed) == (0, True), closed


async def test_what_may_be_card_data_is_read_from_kafka_again_once_the_guard_knows_better(
    world: World,
) -> None:
    worker = world.worker()
    # A customer's number that looks like a card's.
    await send(world, ("card-created", {**CREATED, "note": "4111 1111 1111 1111"}))

    async def quarantined() -> bool:
        return len(await world.fetch("SELECT 1 FROM dead_letter WHERE value IS NULL")) == 1

    await world.until(quarantined, worker)
    code, same = await command(world.settings(), "dlq", "redrive", "--all")
    assert (code, "stays open" in same, "4111" in same) == (1, True, False), same
    code, did = await command(
        world.settings(GUARD__BINS='["555555"]'), "dlq", "redrive", "--reason", "card_data"
    )
    assert (code, "publishes card c1 version 1" in did) == (0, True), did


async def test_a_redrive_of_everything_must_be_asked_for(world: World) -> None:
    code, said = await command(world.settings(), "dlq", "redrive")
    assert (code, "--all" in said) == (2, True), said


async def test_an_alert_that_nothing_else_ends_is_closed_by_a_person(dsn: str) -> None:
    here = {"FULFILLMENT_POSTGRES__DSN": dsn}
    async with opened_desk(dsn) as desk:
        await desk.hear(sent(fact(None, 5, order_no("o1"), alert="reordered", code="R1")))
    _, listed = await command(here, "dlq", "list", "--reason", "vendor_alert")
    letter_id = listed.split()[0]

    assert await command(here, "dlq", "close", letter_id, "--by", "night shift") == (
        0,
        "1 of 1 closed\n",
    )

    _, shown = await command(here, "dlq", "show", letter_id)
    assert "by night shift" in shown
    code, again = await command(here, "dlq", "close", letter_id)
    assert (code, again) == (1, f"{letter_id} is not open\n0 of 1 closed\n")
