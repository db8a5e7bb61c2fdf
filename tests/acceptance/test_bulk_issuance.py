"""A bulk issuance on the real stack, also where the fan-out dies in the middle."""

import asyncio
import json
import signal
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pytest

from .audit import Published, continuity_anomalies, read_output
from .bulk_order import (
    BOXES,
    BULK,
    COUNTS,
    REJECTED,
    RETURNED,
    SIZE,
    announced_early,
    announced_late,
    card_of,
    delivered,
    handed_over,
    production,
    refused,
    request,
    returned,
)
from .workload import Load
from .world import World

_TRICKLE: Final = 400.0
_UNSPREAD: Final = """
SELECT count(*) FROM bulk_issuance WHERE dirty OR spread_number < last_number OR announced < $1
"""
_WAY: Final = ("created", "ordered", "accepted", "in_production", "produced", "shipped")


@pytest.fixture
def world(world: World) -> World:
    world.vendors = ("delta",)
    return world


async def test_a_branchs_order_is_followed_to_its_last_box_whatever_dies(world: World) -> None:
    await world.create_topics()
    load = world.load()
    await load.produce(announced_early())
    await world.until_drained(load, world.worker())
    await world.stop()
    trickling = asyncio.create_task(load.produce(announced_late(), rate=_TRICKLE))
    for said_of_all in (request(), *production()):
        await load.produce([said_of_all])
        dying = world.worker("fan_out.written:2:kill9", BULKS__MEMBERS_AT_A_TIME="200")
        assert await dying.ended() == -signal.SIGKILL, dying.output
    worker = world.worker(BULKS__MEMBERS_AT_A_TIME="200")
    await load.produce([refused(), *map(handed_over, ("AX1", "AX2")), delivered("AX1")])
    await trickling
    await _quiet(world, load)
    await load.produce([delivered("AX2"), handed_over("AX3"), delivered("AX3"), returned()])
    await _quiet(world, load)

    output = await read_output(world.bootstrap, world.output)
    assert worker.running, worker.output
    assert continuity_anomalies(output) == []
    _assert_members_went_their_way(output)
    bulk = [record.event for record in output if record.key == BULK]
    _assert_bulk_went_its_way(bulk)
    assert await _stored_counts(world) == COUNTS
    checked = world.command("check", "bulks")
    assert await checked.ended() == 0, checked.output


async def _quiet(world: World, load: Load) -> None:
    """Wait until all is taken in, spread, told and published."""

    async def is_quiet() -> bool:
        unspread = (await world.fetch(_UNSPREAD, SIZE))[0][0]
        return not unspread and await world.has_drained(load)

    await world.until(is_quiet)
    await world.until(world.is_visible)


def _assert_members_went_their_way(output: Sequence[Published]) -> None:
    ways = _statuses(output)
    ends = {
        card_of(REJECTED): ("produced", "rejected"),
        card_of(RETURNED): ("delivered", "returned"),
    }
    assert {way[0] for card, way in ways.items() if card != BULK} == {"created"}
    assert len(ways) == SIZE + 1
    for card, way in ways.items():
        if card in ends:
            assert tuple(way[-1:]) == ends[card][1:], (card, way)
        elif card != BULK:
            assert tuple(way) in _ways(), (card, way)


def _ways() -> set[tuple[str, ...]]:
    return {(*_WAY, "delivered")}


def _statuses(output: Iterable[Published]) -> Mapping[str, list[str]]:
    ways: defaultdict[str, list[str]] = defaultdict(list)
    for record in output:
        if record.event["change"] != "update":
            ways[record.key].append(record.event["fulfillment_status"])
    return ways


def _assert_bulk_went_its_way(events: Sequence[Mapping[str, Any]]) -> None:
    first, last = events[0], events[-1]
    assert (first["fulfillment_status"], set(first["counts"])) == ("created", {"created"})
    for event in events:
        assert sum(event["counts"].values()) == event["announced"], event
    assert last["fulfillment_status"] == "delivered"
    assert last["counts"] == COUNTS
    assert (last["total"], last["announced"], last["exceptions"]) == (SIZE, SIZE, 2)
    assert not last["is_partial"]
    assert last["final"]
    assert last["discrepancies"] == []
    assert {p["reference"]: (p["status"], p["serials"]) for p in last["parcels"]} == {
        box: ("delivered", [list(serials)]) for box, serials in BOXES.items()
    }
    assert any(e["discrepancies"] for e in events), "the third box was missing for a while"


async def _stored_counts(world: World) -> Mapping[str, int]:
    rows = await world.fetch("SELECT status FROM card WHERE bulk_issuance_id = $1", BULK)
    counts = Counter(row[0] for row in rows)
    (told,) = await world.fetch("SELECT journey::text FROM bulk_issuance")
    assert json.loads(told[0])["told"]["counts"] == counts
    return counts
