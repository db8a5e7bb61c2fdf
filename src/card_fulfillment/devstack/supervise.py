"""Run one server on behalf of a parent process, and never let it outlive that parent.

Executed as a script in a session of its own, so that a Ctrl-C on the terminal does not reach the
server. Standard input is the control channel: every byte is the number of a signal to pass on,
STAY means that the server goes on when the parent ends, and end-of-file means that the parent is
gone, however it died. Should this process be killed itself, the kernel kills the server.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import Any, Final

STAY: Final = 0
_PARENT_CHECK_SECONDS: Final = 1.0
_ORPHAN_CHECK_SECONDS: Final = 0.01
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)


def _die_with_parent() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _launch(spec: dict[str, Any]) -> subprocess.Popen[bytes]:
    with open(spec["log"], "ab") as log:  # noqa: PTH123 - pathlib is slow to import
        return subprocess.Popen(  # noqa: S603 - the parent's own command line
            spec["command"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=spec["environment"],
            user=spec["user"],
            group=spec["group"],
            extra_groups=None if spec["user"] is None else [],
            umask=0o077,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - single-threaded, so it is safe here
        )


class _Supervisor:
    def __init__(self, spec: dict[str, Any]) -> None:
        self._stop_signal = spec["stop_signal"]
        self._grace = spec["grace"]
        self._parent = os.getppid()
        self._inputs = [0, _wake_on(signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
        self._stays = False
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # a parent that blocks signals hands it on
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        self._child = _launch(spec)

    def run(self) -> int:
        print(self._child.pid, flush=True)  # noqa: T201 - what the parent waits for
        while self._child.poll() is None:
            ready, _, _ = select.select(self._inputs, [], [], _PARENT_CHECK_SECONDS)
            for descriptor in ready:
                self._hear(descriptor, os.read(descriptor, 64))
            if not self._stays and os.getppid() != self._parent:
                self._stop()
        self._await_orphans()
        return self._child.returncode

    def _hear(self, descriptor: int, numbers: bytes) -> None:
        if descriptor != 0:
            if set(numbers) - {signal.SIGCHLD}:
                self._stop()
        elif numbers:
            self._obey(numbers)
        elif self._stays:
            self._inputs.remove(0)
        else:
            self._stop()

    def _obey(self, numbers: bytes) -> None:
        for number in numbers:
            if number == STAY:
                self._stays = True
            else:
                self._child.send_signal(number)

    def _stop(self) -> None:
        self._child.send_signal(self._stop_signal)
        self._child.send_signal(signal.SIGCONT)
        try:
            self._child.wait(self._grace)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _await_orphans(self) -> None:
        """Wait for what the server has left behind, such as the backends of a killed Postgres."""
        deadline = time.monotonic() + self._grace
        with contextlib.suppress(ChildProcessError):
            while time.monotonic() < deadline:
                if os.waitpid(-1, os.WNOHANG) == (0, 0):
                    time.sleep(_ORPHAN_CHECK_SECONDS)


def _wake_on(*signals: signal.Signals) -> int:
    """Return a descriptor on which the number of each of these signals can be read."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in signals:
        signal.signal(number, lambda *_: None)
    return reader


if __name__ == "__main__":
    sys.exit(abs(_Supervisor(json.loads(sys.argv[1])).run()))
