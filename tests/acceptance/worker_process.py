"""The worker as it is run in production: a process of its own, started by its command line."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

_LOG_TAIL = 4000
# Where `make test` has put it, if it could be made.
COMPILED_PACKAGE = os.environ.get("COMPILED_PACKAGE")


_MORTAL = Path(__file__).with_name("mortal_worker.py")


class WorkerProcess:
    """`python -m card_fulfillment ARGUMENTS`, with these settings and nobody else's.

    One with the setting MORTAL_OF is a worker that dies of some records.
    """

    def __init__(self, settings: Mapping[str, str], log: Path, *arguments: str) -> None:
        self._log = log
        product = ["-m", "card_fulfillment", *(arguments or ("run",))]
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, *([str(_MORTAL)] if "MORTAL_OF" in settings else product)],
                env=_foreign_environment() | _what_is_run() | dict(settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def output(self) -> str:
        """The end of what it and its namesakes wrote to their common log."""
        return self._read()[-_LOG_TAIL:]

    @property
    def plain_lines(self) -> list[str]:
        """What it wrote for a person, not for a log."""
        return [line for line in self._read().splitlines() if not line.startswith("{")]

    def _read(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def is_connected_to(self, port: int) -> bool:
        connections = psutil.Process(self.pid).net_connections("tcp")
        return any(c.raddr[1:2] == (port,) for c in connections)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self, within: float = 30.0) -> int:
        """Its exit code, negative for a signal. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while (code := self._process.poll()) is None:  # noqa: ASYNC110 - no event says so
                await asyncio.sleep(0.01)
        return code

    async def kill(self) -> None:
        """End it as a power cut would, also while it is frozen."""
        self._process.kill()
        await self.ended()

    def end_now(self) -> None:
        """Kill it, where nothing else waits for this process."""
        self._process.kill()
        self._process.wait()


def _foreign_environment() -> dict[str, str]:
    ours = ("FULFILLMENT_", "FAILPOINT")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def _what_is_run() -> dict[str, str]:
    """The compiled package where there is one; otherwise what the tests themselves import."""
    path = [COMPILED_PACKAGE, os.environ.get("PYTHONPATH")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, path))} if COMPILED_PACKAGE else {}
