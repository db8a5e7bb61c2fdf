"""What processes cost, and what else the machine was doing meanwhile."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from card_fulfillment.compiled import COMPILED

_IDLE: Final = ("idle", "iowait", "guest", "guest_nice")


@dataclass(frozen=True)
class Cost:
    """CPU seconds over a stretch of time. `foreign`: of processes that are none of ours."""

    seconds: float
    cpu: Mapping[str, float]
    foreign: float
    idle: float


class Meter:
    """Measures from its making on. `processes`: process ids by name; each stands for its tree.

    All of them descend from this process: what is left of its own tree is the benchmark's.
    """

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = processes
        self._began = self._read()

    def read(self) -> Cost:
        """Give the cost since then; a process that began later counts from its beginning."""
        now, then = self._read(), self._began
        passed = {name: now[name] - then[name] for name in now}
        seconds, busy, idle = (passed.pop(name) for name in ("seconds", "busy", "idle"))
        return Cost(seconds, passed, max(0.0, busy - sum(passed.values())), idle)

    def _read(self) -> dict[str, float]:
        found = {name: _cpu_of_tree(pid) for name, pid in self._processes.items()}
        rest = _cpu_of_tree(os.getpid()) - sum(found.values())
        return found | {"benchmark": rest} | _machine()


def _cpu_of_tree(pid: int) -> float:
    """Of a process, its children that live, and all that ended and were waited for."""
    process = psutil.Process(pid)
    return _cpu(process) + sum(map(_cpu, process.children(recursive=True)))


def _cpu(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return times.user + times.system + times.children_user + times.children_system
    return 0.0


def _machine() -> dict[str, float]:
    times = psutil.cpu_times()._asdict()
    idle = times["idle"] + times.get("iowait", 0.0)
    busy = sum(seconds for name, seconds in times.items() if name not in _IDLE)
    return {"seconds": time.monotonic(), "busy": busy, "idle": idle}


def peak_memory(pid: int) -> int:
    """Bytes that it held at most (the resident set)."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(peak) * 1024


def description() -> dict[str, object]:
    """What the numbers depend on: the build, the machine, and how busy it is otherwise."""
    return {
        "compiled": COMPILED,
        "cores": psutil.cpu_count(),
        "memory_mib": psutil.virtual_memory().total // 2**20,
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }
