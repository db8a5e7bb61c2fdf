"""A worker that is told to stop before it has begun."""

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from card_fulfillment import __main__ as beginning
number = int(sys.argv.pop())
sys.argv.append("run")
beginning._import_structlog = lambda: os.kill(os.getpid(), number)
beginning.main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_its_modules_are_imported_is_a_stop_in_order(number: signal.Signals) -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, str(int(number))],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
