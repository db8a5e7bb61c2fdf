"""Fixtures of the acceptance tests: installations of the worker on the real stack."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from stack import Services, create_database, drop_database

from .books import EndState
from .worker_process import WorkerProcess
from .workload import events
from .world import CARDS, World, installed

_NOBODY = "127.0.0.1:1"
_KEPT: dict[str, EndState] = {}


@pytest.fixture
async def world(stack: Services, dsn: str, prefix: str, tmp_path: Path) -> AsyncIterator[World]:
    """Set up an installation with empty topics and an empty database, and no worker yet."""
    async with installed(World(stack.bootstrap, dsn, prefix, tmp_path)) as ready:
        yield ready


@pytest.fixture
async def undisturbed(
    stack: Services, _template: str, tmp_path_factory: pytest.TempPathFactory
) -> EndState:
    """Give how all cards end where nothing goes wrong; computed once."""
    if not _KEPT:
        dsn = await create_database(stack.dsn, _template)
        directory = tmp_path_factory.mktemp("calm")
        async with installed(World(stack.bootstrap, dsn, "calm-", directory)) as calm:
            _KEPT["state"] = await _undisturbed_run(calm)
        await drop_database(stack.dsn, dsn)
    return _KEPT["state"]


@pytest.fixture(scope="session", autouse=True)
def without_servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[WorkerProcess]]:
    """Begin what takes thirty seconds before all tests, where a test waits for it at all."""
    wanted = any("nobody_can_reach" in item.name for item in request.session.items)
    directory = tmp_path_factory.mktemp("without")
    settings = {
        "FULFILLMENT_KAFKA__BOOTSTRAP_SERVERS": _NOBODY,
        "FULFILLMENT_POSTGRES__DSN": f"postgresql://postgres@{_NOBODY}/postgres",
    }
    waiting = [
        WorkerProcess(settings, directory / f"{command}.log", command)
        for command in ("run", "migrate")
        if wanted
    ]
    yield waiting
    for process in waiting:
        process.end_now()


async def _undisturbed_run(world: World) -> EndState:
    load = world.load()
    await load.produce(events(CARDS))
    worker = world.worker(INTAKE__BATCH_RECORDS="2000")
    await world.until_drained(load, worker)
    assert await world.verdict(range(CARDS)) == []
    return await world.end_state()
