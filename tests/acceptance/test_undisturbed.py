from .workload import events
from .world import World


async def test_every_card_goes_its_way_and_the_books_add_up(world: World) -> None:
    load = world.load()
    worker = world.worker()
    await load.produce(events(300))
    await world.until_drained(load, worker)
    assert await world.verdict(range(300)) == []
