"""Records that nobody foresaw: of which workers die, and which no transaction survives."""

import signal
from collections import Counter
from collections.abc import Collection
from typing import Final

from .audit import anomalies, read_output
from .worker_process import WorkerProcess
from .workload import Load, card_id, events
from .world import World

_CARDS: Final = 40
_BAD: Final = card_id(7)
_OTHERS: Final = [n for n in range(_CARDS) if card_id(n) != _BAD]
# The one at work, two that begin at the same place, one with others in hand beside the record,
# and two with it alone; two more where one got further before it died.
_MOST_DEATHS: Final = 8


async def test_a_record_of_which_workers_die_is_found_and_quarantined_unread(world: World) -> None:
    load = world.load()
    await load.produce(events(_CARDS))
    deaths = 0
    worker = world.worker(mortal_of=f"issued/{_BAD}")
    while not await world.has_drained(load):
        if not worker.running:
            assert await worker.ended() == -signal.SIGSEGV, worker.output
            deaths += 1
            worker = world.worker(mortal_of=f"issued/{_BAD}")
    assert 1 <= deaths <= _MOST_DEATHS
    (letter,) = await world.fetch("SELECT reason, key, value, headers::text FROM dead_letter")
    assert tuple(letter) == ("worker_died", None, None, "[]")
    await _got_through(world, _OTHERS)
    await _redriven(world, load, worker)


async def test_a_record_that_no_transaction_survives_is_quarantined_alone(world: World) -> None:
    await world.fetch(f"ALTER TABLE card ADD CONSTRAINT odd CHECK (card_id <> '{_BAD}')")
    load = world.load()
    await load.produce(events(_CARDS))
    worker = world.worker()
    await world.until_drained(load, worker)
    letters = await world.fetch("SELECT reason, convert_from(key, 'UTF8') FROM dead_letter")
    assert Counter(map(tuple, letters)) == {("applying_failed", _BAD): 2}  # the rest is parked
    assert "CheckViolationError" in worker.output
    await _got_through(world, _OTHERS)

    await world.fetch("ALTER TABLE card DROP CONSTRAINT odd")
    await _redriven(world, load, worker)


async def _redriven(world: World, load: Load, worker: WorkerProcess) -> None:
    redrive = world.command("dlq", "redrive", "--all")
    assert await redrive.ended() == 0, redrive.output
    await world.until_drained(load, worker)
    await _got_through(world, range(_CARDS))


async def _got_through(world: World, cards: Collection[int]) -> None:
    output = await read_output(world.bootstrap, world.output)
    assert anomalies(output, cards) == []
    assert Counter(each.event["card_id"] for each in output) == {card_id(n): 7 for n in cards}
