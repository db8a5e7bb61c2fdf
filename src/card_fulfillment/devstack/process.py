"""The parent's side of a supervised server process."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from card_fulfillment.devstack import supervise
from card_fulfillment.devstack.paths import DevstackError

_POLL_SECONDS: Final = 0.02
_LOG_TAIL_BYTES: Final = 3000
_LEFT: list[subprocess.Popen[bytes]] = []  # referenced, so that nobody warns that they still run


@dataclass(frozen=True, kw_only=True)
class Command:
    """How to run a server: as `user` (uid, gid) or, where None, as ourselves."""

    name: str
    argv: tuple[str, ...]
    log: Path
    environment: Mapping[str, str]
    stop_signal: signal.Signals
    user: tuple[int, int] | None = None
    grace: float = 5.0


class Supervised:
    """One run of a server, tied to this process by a pipe; `held` is inherited by its guardian."""

    def __init__(self, command: Command, *, held: int) -> None:
        self._command = command
        self._log_start = command.log.stat().st_size if command.log.exists() else 0
        with command.log.open("ab") as log:
            self._guardian = subprocess.Popen(  # noqa: S603 - our own script and interpreter
                [sys.executable, "-I", "-S", supervise.__file__, _spec(command)],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=(held,),
                start_new_session=True,
                cwd="/",
            )
        self._control = cast("IO[bytes]", self._guardian.stdin)
        self._sending = threading.Lock()
        self.pid = self._read_pid()

    @property
    def running(self) -> bool:
        return self._guardian.poll() is None

    def output(self) -> str:
        """Return what the server has written since this run began."""
        with self._command.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def wait_until(self, ready: Callable[[], bool], timeout: float) -> None:
        """Wait until `ready()`; raises DevstackError if the server exits or the time is over."""
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.running:
                raise DevstackError(f"{self._command.name} ended at once\n{self._tail()}")
            if time.monotonic() > deadline:
                raise DevstackError(f"{self._command.name} not up in {timeout} s\n{self._tail()}")
            time.sleep(_POLL_SECONDS)

    def wait_for_end(self, timeout: float) -> None:
        """Wait for a program that ends by itself; raises DevstackError if it fails."""
        try:
            code = self._guardian.wait(timeout)
        except subprocess.TimeoutExpired:
            self.stop(signal.SIGKILL, timeout)
            code = -signal.SIGKILL
        self._close()
        if code != 0:
            raise DevstackError(f"{self._command.name} failed with {code}\n{self._tail()}")

    def stop(self, number: signal.Signals, timeout: float) -> None:
        """Send a signal and wait for the end; after `timeout` seconds, kill."""
        self.send(number)
        self.send(signal.SIGCONT)  # a server that was paused would not hear the first one
        try:
            self._guardian.wait(timeout)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self._guardian.wait()
        self._close()

    def send(self, number: int) -> None:
        """Pass a signal on to the server; nothing happens when it has ended."""
        with self._sending, suppress(BrokenPipeError, ValueError):
            self._control.write(bytes([number]))

    def leave_running(self) -> int:
        """Let the server go on after this process; returns the guardian's process id."""
        self.send(supervise.STAY)
        self._close()
        _LEFT.append(self._guardian)
        return self._guardian.pid

    def _close(self) -> None:
        self._control.close()

    def _read_pid(self) -> int:
        with cast("IO[bytes]", self._guardian.stdout) as answer:
            line = answer.readline()
        if not line:
            self._guardian.wait()
            self._close()
            raise DevstackError(f"{self._command.name} could not be launched\n{self._tail()}")
        return int(line)

    def _tail(self) -> str:
        return f"{self._command.log}:\n{self.output()[-_LOG_TAIL_BYTES:]}"


class Server(ABC):
    """A server that can be run again and again, one run at a time."""

    def __init__(self, name: str, *, held: int) -> None:
        self.name = name
        self._held = held
        self._run: Supervised | None = None
        self._given_up = False
        self._starting = threading.Lock()
        self._launching = threading.Lock()

    @property
    def pid(self) -> int:
        """Its process id; raises DevstackError while it is down."""
        return self._current().pid

    @property
    def running(self) -> bool:
        return self._run is not None and self._run.running

    def start(self, timeout: float = 60.0) -> None:
        """Start it and wait until it serves; raises DevstackError if it does not in time."""
        with self._starting:
            self._check_startable()
            self._start(timeout)

    @abstractmethod
    def _start(self, timeout: float) -> None: ...

    def leave_running(self) -> int:
        """Let it go on after this process; returns the process id to send a SIGTERM to."""
        return self._current().leave_running()

    def give_up(self, number: signal.Signals) -> None:
        """End it with this signal, for good; a start under way in another thread fails first."""
        with self._launching:
            self._given_up = True
        self._end(number, timeout=5.0)
        with self._starting:  # nothing is written from here on
            pass

    def _launch(self, command: Command) -> Supervised:
        with self._launching:
            self._check_startable()
            self._run = Supervised(command, held=self._held)
            return self._run

    def _check_startable(self) -> None:
        if self._given_up or self.running:
            state = "given up" if self._given_up else "running already"
            raise DevstackError(f"{self.name} is {state}")

    def _end(self, number: signal.Signals, timeout: float) -> None:
        if self._run is not None:
            self._run.stop(number, timeout)

    def _current(self) -> Supervised:
        if self._run is None or not self._run.running:
            raise DevstackError(f"{self.name} is not running")
        return self._run


def plain_environment(*prefixes: str) -> dict[str, str]:
    """Return our environment without the variables whose names start with one of `prefixes`."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


def _spec(command: Command) -> str:
    user, group = command.user or (None, None)
    return json.dumps(
        {
            "command": command.argv,
            "log": str(command.log),
            "environment": dict(command.environment),
            "stop_signal": command.stop_signal,
            "grace": command.grace,
            "user": user,
            "group": group,
        }
    )
