"""SIGTERM under load: a worker ends soon, in order, and no successor has to wait for anything."""

import asyncio
import os
import signal
from typing import Final

from card_fulfillment.devstack import Stack

from .audit import last_seqs
from .books import EndState
from .world import World

_STOPS_WITHIN: Final = 10.0
_UNDER_WAY: Final = 1.5  # after which transactions and fetches wait for an answer

_SESSIONS: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'card-fulfillment%'
"""
_SERVERS: Final = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'card-fulfillment%'
"""
_POSITIONS_BY_COUNTERS: Final = """
SELECT count(*) FROM input_position
WHERE next_offset <> applied + duplicate + ignored + parked + quarantined
"""

_CHANGES: Final = "SELECT partition, last_seq FROM lane WHERE topic = $1 AND last_seq > 0"


async def test_a_worker_told_to_stop_leaves_nothing_half_done(
    world: World, undisturbed: EndState
) -> None:
    load = world.load()
    worker = world.worker()
    feed = world.feed(load)

    async def works() -> bool:
        return min(await world.progress()) > 0

    await world.until(works, worker)
    worker.send(signal.SIGTERM)
    assert await worker.ended(_STOPS_WITHIN) == 0, worker.output
    await world.until(world.is_visible, within=1)
    assert (await world.fetch(_POSITIONS_BY_COUNTERS))[0][0] == 0
    in_kafka = await last_seqs(world.bootstrap, world.output)
    lanes = await world.fetch(_CHANGES, world.output)
    assert {lane["partition"]: lane["last_seq"] for lane in lanes} == in_kafka

    async def is_alone() -> bool:
        return not (await world.fetch(_SESSIONS))[0][0]

    await world.until(is_alone, within=1)

    successor = world.worker()
    cards = await feed.enough()
    await world.until_drained(load, successor, within=10)
    assert await world.verdict(cards, given=undisturbed) == []


async def test_a_worker_without_work_stops_at_once_and_so_does_one_that_is_starting(
    world: World,
) -> None:
    worker = world.worker()
    await world.until(lambda: world.is_up(worker), worker)
    starting = world.worker()
    worker.send(signal.SIGTERM)
    assert await worker.ended(3) == 0, worker.output
    await world.until(lambda: world.is_connected(starting), starting)
    starting.send(signal.SIGTERM)
    assert await starting.ended(_STOPS_WITHIN) == 0, starting.output


async def test_a_worker_stops_in_time_though_neither_kafka_nor_the_database_answers(
    world: World, embedded: Stack
) -> None:
    worker = world.worker()
    feed = world.feed(world.load())

    async def works() -> bool:
        return min(await world.progress()) > 0

    await world.until(works, worker)
    frozen = [row[0] for row in await world.fetch(_SERVERS)] + [embedded.kafka.pid]
    try:
        for server in frozen:
            os.kill(server, signal.SIGSTOP)
        await asyncio.sleep(_UNDER_WAY)
        worker.send(signal.SIGTERM)
        assert await worker.ended(_STOPS_WITHIN) == 0, worker.output
    finally:
        for server in frozen:
            os.kill(server, signal.SIGCONT)
    await feed.enough()
