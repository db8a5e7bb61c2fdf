"""A profile that changes harms neither what was mapped before, nor a worker of the older one."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from probes import is_ready, samples

from acceptance.worker_process import WorkerProcess
from acceptance.world import World, installed
from card_fulfillment.kafka.connection import client_options
from card_fulfillment.kafka.outside import Message, sender
from card_fulfillment.settings import Settings
from dlq_samples import CREATED, ORDERED, TRACKING, notification, profile_without
from stack import Services

CARDS: Final = 24
LETTERS: Final = 'card_fulfillment_quarantined_total{reason="unmapped_code",vendor="meridian"}'
REDRIVE: Final = ("dlq", "redrive", "--reason", "unmapped_code", "--vendor", "meridian")


@pytest.fixture
async def world(stack: Services, dsn: str, prefix: str, tmp_path: Path) -> AsyncIterator[World]:
    async with installed(World(stack.bootstrap, dsn, prefix, tmp_path)) as ready:
        yield ready


async def send(world: World, topic: str, bodies: Mapping[str, object]) -> None:
    """Each to the partition of its key, one of the topic's three."""
    options = client_options(
        Settings.model_validate({"kafka": {"bootstrap_servers": world.bootstrap}}).kafka
    )
    async with sender(options) as out:
        await out.send(
            [
                Message(world.prefix + topic, key.encode(), json.dumps(body).encode())
                for key, body in bodies.items()
            ]
        )


async def send_cards(world: World) -> None:
    """Cards that are ordered and made. What is said of each comes twice, by different keys."""
    cards = [f"c{i}" for i in range(CARDS)]
    await send(
        world, "card-created", {c: CREATED | {"event_id": f"c/{c}", "card_id": c} for c in cards}
    )
    ordered = {
        c: ORDERED
        | {"event_id": f"o/{c}", "card_id": c, "references": [{"kind": "card", "value": c}]}
        for c in cards
    }
    await send(world, "embossing-requested", ordered)
    said = {
        c: {"notifications": [notification("DATA_OK", 8, c), notification("PERSO_DONE", 9, c)]}
        for c in cards
    }
    await send(world, TRACKING, said)
    await send(world, TRACKING, {f"again/{c}": body for c, body in said.items()})


async def taken(world: World) -> int:
    counted = "applied + duplicate + ignored + parked + quarantined"
    rows = await world.fetch(f"SELECT coalesce(sum({counted}), 0) FROM input_position")  # noqa: S608 - a constant
    return int(rows[0][0])


async def versions(world: World) -> Counter[tuple[str, str]]:
    """Facts of the vendor by what they say and by the mapping that made them."""
    rows = await world.fetch(
        "SELECT status, body->>'mapping_version' FROM fact "
        "WHERE vendor = 'meridian' AND status <> 'ordered'"
    )
    return Counter((row[0], row[1]) for row in rows)


async def statuses(world: World) -> Counter[str]:
    rows = await world.fetch(
        "SELECT DISTINCT ON (card_id) value FROM change WHERE card_id IS NOT NULL "
        "ORDER BY card_id, version DESC"
    )
    return Counter(json.loads(row[0])["fulfillment_status"] for row in rows)


async def command(world: World, *arguments: str) -> tuple[int, str]:
    log = world.directory / "command.log"
    log.unlink(missing_ok=True)
    process = WorkerProcess(world.settings(), log, *arguments)
    world.processes.append(process)
    return await process.ended(), log.read_text()


async def quarantined(*workers: WorkerProcess) -> list[float]:
    return [(await samples(worker)).get(LETTERS, 0) for worker in workers]


async def test_workers_of_two_versions_of_a_profile_and_a_redrive_leave_each_fact_once(
    world: World, tmp_path: Path
) -> None:
    older = str(profile_without(tmp_path / "older", "PERSO_DONE"))
    old, new = world.worker(VENDORS__DIRECTORY=older), world.worker()
    workers = (old, new)
    await asyncio.gather(*(world.until(is_ready(worker), *workers) for worker in workers))
    assigned = f'card_fulfillment_assigned_partitions{{topic="{world.prefix}{TRACKING}"}}'

    async def share() -> bool:
        return all([(await samples(worker)).get(assigned, 0) >= 1 for worker in workers])

    async def all_taken() -> bool:
        return await taken(world) == 4 * CARDS

    await world.until(share, *workers)
    await send_cards(world)
    await world.until(all_taken, *workers)

    made = await versions(world)
    by_new, by_old = sorted({v for _, v in made}, key=lambda v: ("produced", v) not in made)
    assert made["accepted", by_old] + made["accepted", by_new] == CARDS
    assert made["produced", by_old] == 0 < made["produced", by_new]
    letters = await quarantined(*workers)
    assert letters[0] > 0 == letters[1]

    code, would = await command(world, *REDRIVE, "--dry-run")
    assert (code, f"{letters[0]:.0f} of {letters[0]:.0f} would be closed" in would) == (0, True)
    assert await versions(world) == made
    code, did = await command(world, *REDRIVE)
    assert (code, f"{letters[0]:.0f} of {letters[0]:.0f} closed" in did) == (0, True), did

    after = await versions(world)
    assert after == made | {("produced", by_new): CARDS}
    assert await statuses(world) == {"produced": CARDS}
    assert (await world.fetch("SELECT count(*) FROM dead_letter WHERE state = 'open'"))[0][0] == 0
