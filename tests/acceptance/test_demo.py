"""The demo as a newcomer runs it: it tells its stories, keeps its promises and leaves nothing."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from card_fulfillment.devstack.jars import ensure_jars

_MOST_CPU_SECONDS = 20.0  # of all its processes: it takes less time than that on two free cores

STORIES = (
    "A journey as it should be",
    "Tracking comes before the card is known",
    "The bureau repeats itself",
    "A scan that comes a day late",
    "The tracking number comes later",
    "A word that nobody has explained",
    "One broken notice among good ones",
    "Nobody at home, then delivered",
    "Delivered, and returned all the same",
    "A letter that nobody tracks",
    "Data that the bureau cannot use",
    "Ordered anew while the first one is still on its way",
    "Returned, and replaced by another card",
    "The courier tells all of it each time",
    "A branch waits for sixty cards in three boxes",
)
WORDS = (
    "recipient_absent",
    "late",
    "came 3 times",
    "quarantined unmapped_code",
    "correction",
    "update",
    "reissue",
    "replaces card-1015",
    "2 produced, 1 rejected, 13 shipped, 44 delivered",
    "box 3/3  AX9930088  nos. 46-58  delivered",
    "short_shipment",
)


class Demo:
    """The demo in a process of its own, with a temporary directory of its own."""

    def __init__(self, temporary: Path) -> None:
        self._temporary = temporary
        self.process = subprocess.Popen(
            [sys.executable, "-m", "card_fulfillment", "demo"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TMPDIR": str(temporary), "COLUMNS": "80", "PYTHONUNBUFFERED": "1"},
            text=True,
        )

    def output(self, within: float = 60.0) -> str:
        return self.process.communicate(timeout=within)[0]

    def running(self) -> list[str]:
        """Return command lines of all processes that were started in its directory."""
        return [_words(one) for one in psutil.process_iter() if self._is_of_it(one)]

    def _is_of_it(self, process: psutil.Process) -> bool:
        with suppress(psutil.Error):
            return process.environ().get("TMPDIR") == str(self._temporary)
        return False

    def runs_a_worker(self) -> bool:
        return any(line.endswith("card_fulfillment run") for line in self.running())

    def close(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.communicate()


def _words(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def cpu_seconds() -> float:
    """Give what this process's children took that have ended, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not within its time"
        time.sleep(0.05)


@pytest.fixture
def temporary() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o711)  # as root, Postgres runs as another user
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def demo(temporary: Path) -> Iterator[Demo]:
    ensure_jars(lambda _: None)  # so that what is timed is no download
    started = Demo(temporary)
    yield started
    started.close()


@pytest.fixture
def another(demo: Demo, temporary: Path) -> Iterator[Demo]:
    """Start one more at the same time, for the same user in the same temporary directory."""
    assert demo.process.poll() is None
    started = Demo(temporary)
    yield started
    started.close()


def test_all_stories_are_told_and_all_promises_kept_and_nothing_is_left(
    demo: Demo, temporary: Path
) -> None:
    before = cpu_seconds()
    output = demo.output()
    assert demo.process.returncode == 0, output
    assert cpu_seconds() - before < _MOST_CPU_SECONDS
    assert [title for title in STORIES if title not in output] == []
    for word in WORDS:
        assert word in output
    assert "All promises kept" in output
    assert "✗ " not in [line[:2] for line in output.splitlines()]
    assert "\x1b" not in output
    assert max(map(len, output.splitlines())) <= 80
    assert not demo.running()
    assert not list(temporary.iterdir())


def test_two_at_once_do_not_meet(demo: Demo, another: Demo, temporary: Path) -> None:
    for one in (demo, another):
        output = one.output()
        assert one.process.returncode == 0, output
        assert "All promises kept" in output
    assert not demo.running()
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_stopped_while_the_worker_runs_and_leaves_nothing(
    demo: Demo, temporary: Path, number: signal.Signals
) -> None:
    wait_until(demo.runs_a_worker)
    demo.process.send_signal(number)
    assert demo.output().endswith("Stopped; nothing is left running.\n")
    assert demo.process.returncode == 130
    assert not demo.running()
    assert not list(temporary.iterdir())


def test_nothing_survives_a_demo_that_was_killed(demo: Demo) -> None:
    wait_until(demo.runs_a_worker)
    demo.process.kill()
    wait_until(lambda: not demo.running())
