"""Fixtures of the acceptance tests: installations of the worker on the real stack."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from books import EndState
from workload import events
from world import World, installed

from stack import Services, create_database, drop_database

CARDS = 2000
_KEPT: dict[str, EndState] = {}


@pytest.fixture
async def world(stack: Services, dsn: str, prefix: str, tmp_path: Path) -> AsyncIterator[World]:
    """Set up an installation with empty topics and an empty database, and no worker yet."""
    async with installed(stack, dsn, prefix, tmp_path) as ready:
        yield ready


@pytest.fixture
async def undisturbed(
    stack: Services, _template: str, tmp_path_factory: pytest.TempPathFactory
) -> EndState:
    """Give how all cards end where nothing goes wrong; computed once."""
    if not _KEPT:
        dsn = await create_database(stack.dsn, _template)
        async with installed(stack, dsn, "calm-", tmp_path_factory.mktemp("calm")) as calm:
            _KEPT["state"] = await _undisturbed_run(calm)
        await drop_database(stack.dsn, dsn)
    return _KEPT["state"]


async def _undisturbed_run(world: World) -> EndState:
    load = world.load()
    await load.produce(events(CARDS))
    worker = world.worker()
    await world.until_drained(load, worker)
    assert await world.verdict(range(CARDS)) == []
    return await world.end_state()
