"""Processes that are killed or stand still, and servers that do not answer."""

import asyncio
from random import Random
from typing import Final

KAFKA: Final = "kafka"
POSTGRES: Final = "postgres"
_DELAYS: Final = (0.0, 0.0, 0.001, 0.01, 0.1)


class Weather:
    """What is wrong with the servers. trouble: how often of a hundred times a call fails.

    broken: promises that a process has broken, whatever came of it.
    """

    def __init__(self, rng: Random, trouble: int) -> None:
        self.rng, self.trouble = rng, trouble
        self.away: set[str] = set()
        self.broken: list[str] = []

    def fails(self, server: str) -> bool:
        return server in self.away or self.happens()

    def happens(self) -> bool:
        return self.rng.randrange(100) < self.trouble

    def clear_up(self) -> None:
        self.trouble = 0
        self.away.clear()


class Fate:
    """What becomes of one process: it runs, stands still (SIGSTOP), runs again, is killed."""

    def __init__(self, weather: Weather) -> None:
        self.weather = weather
        self.dead = False
        self._runs = asyncio.Event()
        self._runs.set()

    @property
    def frozen(self) -> bool:
        return not self._runs.is_set()

    def freeze(self) -> None:
        self._runs.clear()

    def thaw(self) -> None:
        self._runs.set()

    def kill(self) -> None:
        """It gets no further than to its next call of a server, whatever it would still do."""
        self.dead = True
        self._runs.set()

    async def reach(self, server: str, failure: type[Exception]) -> None:
        """A way to the server or back from it, as long as it takes. Raises `failure` by chance."""
        await asyncio.sleep(self.weather.rng.choice(_DELAYS))
        await self._runs.wait()
        if self.dead:
            raise asyncio.CancelledError
        if self.weather.fails(server):
            raise failure(f"{server} did not answer")
