"""Death at each instant at which something is done here and not yet there."""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterable
from typing import Final

from .audit import anomalies, read_output
from .books import EndState, differences
from .workload import INPUTS, Event, Load, card_id, events
from .world import World

_DEATHS: Final = (
    "intake.decoded:2:kill9",
    "intake.written:2:kill9",
    "intake.committed:2:kill9",
    "relay.after_init:2:kill9",
    "relay.after_produce:1:kill9",
    "relay.after_commit:1:kill9",
)
_PORTION: Final = 60
_EVENTS_A_SECOND: Final = 300


async def test_a_worker_that_dies_at_any_failpoint_is_succeeded_without_a_trace(
    world: World, undisturbed: EndState
) -> None:
    load = world.load()
    for number, death in enumerate(_DEATHS):
        portion = events(_PORTION, first=number * _PORTION)
        feeding = asyncio.create_task(load.produce(portion, rate=_EVENTS_A_SECOND))
        worker = world.worker(death)
        assert await worker.ended() == -signal.SIGKILL, f"{death}:\n{worker.output}"
        await feeding
    await world.until_drained(load, world.worker())
    cards = range(_PORTION * len(_DEATHS))
    assert await world.verdict(cards, given=undisturbed) == []


async def test_death_while_records_are_quarantined_parked_and_unparked(
    world: World, undisturbed: EndState
) -> None:
    load = world.load()
    *known, tracked = INPUTS
    cards = range(_PORTION)
    told = [*_of(tracked), *map(_broken, cards)]
    await _dying(world, load, told, lives=2)
    await _dying(world, load, _of(*known), lives=1)
    await world.until_drained(load, world.worker())
    output = await read_output(world.bootstrap, world.output)
    assert anomalies(output, cards) == []
    found = await world.end_state()
    assert [said for n in cards for said in differences(card_id(n), found, undisturbed)] == []
    assert await _letters(world) == dict.fromkeys(map(card_id, cards), 1)


def _of(*topics: str) -> Iterable[Event]:
    return (event for event in events(_PORTION) if event.topic in topics)


def _broken(number: int) -> Event:
    return Event(INPUTS[-1], card_id(number), {"notifications": [{"card": card_id(number)}]})


async def _dying(world: World, load: Load, told: Iterable[Event], lives: int) -> None:
    """Each life sees one batch through, and ends in the next one's transaction."""
    await load.produce(told)
    for _ in range(lives):
        worker = world.worker("intake.written:2:kill9")
        assert await worker.ended() == -signal.SIGKILL, worker.output


async def _letters(world: World) -> dict[str, int]:
    """How often each card's broken record was told of, in the database and to subscribers."""
    stored = await world.fetch("SELECT convert_from(key, 'UTF8') FROM dead_letter")
    heard = await read_output(world.bootstrap, f"{world.prefix}fulfillment-dead-letter")
    assert Counter(letter.event["reason"] for letter in heard) == {"malformed": len(stored)}
    assert len({letter.event["dead_letter_id"] for letter in heard}) == len(stored)
    return Counter(key for (key,) in stored)
