import json

from .worker_process import COMPILED_PACKAGE
from .workload import events
from .world import World


async def test_every_card_goes_its_way_and_the_books_add_up(world: World) -> None:
    load = world.load()
    worker = world.worker()
    await load.produce(events(300))
    await world.until_drained(load, worker)
    assert await world.verdict(range(300)) == []


async def test_the_worker_that_was_compiled_is_the_one_that_runs(world: World) -> None:
    worker = world.worker()
    await world.until(lambda: world.is_up(worker), worker)
    lines = [json.loads(line) for line in worker.output.splitlines() if line.startswith("{")]
    (begins,) = (line for line in lines if line["event"] == "worker.starting")
    assert begins["compiled"] == bool(COMPILED_PACKAGE)
