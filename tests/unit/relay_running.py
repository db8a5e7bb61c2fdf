"""Relays that run in a world in memory, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from relay_memory import World
from virtual_time import run_virtually

from card_fulfillment.pipeline.relay import Relay

DEADLINE = 1200.0


@asynccontextmanager
async def running(world: World, *holders: str) -> AsyncIterator[list[Relay]]:
    stop = asyncio.Event()
    relays = [Relay(world.ports(holder), chance=lambda: 0.5) for holder in holders or ("one",)]
    tasks = [asyncio.create_task(relay.run(stop)) for relay in relays]
    yield relays
    stop.set()
    await asyncio.gather(*tasks)


async def until(condition: Callable[[], bool], poll: float = 0.005) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - the condition is of no asyncio object
            await asyncio.sleep(poll)


def virtually(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    async def main() -> None:
        await test()

    def run() -> None:
        run_virtually(main())

    run.__name__ = test.__name__
    return run
