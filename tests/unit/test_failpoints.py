import os
import signal
import subprocess
import sys

import pytest

PROGRAM = """
from card_fulfillment.pipeline.failpoints import failpoint
for name in ("a", "b", "b", "b"):
    failpoint(name)
    print(name, flush=True)
"""


def run(plan: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "FAILPOINT": plan},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("plan", ["", "c:1:kill9", "b:4:kill9", "b:1:sleep=0"])
def test_nothing_happens_where_the_plan_says_nothing(plan: str) -> None:
    done = run(plan)
    assert (done.returncode, done.stdout.split()) == (0, ["a", "b", "b", "b"])


def test_a_process_dies_at_the_nth_time_it_reaches_the_place() -> None:
    done = run("b:2:kill9")
    assert (done.returncode, done.stdout.split()) == (-signal.SIGKILL, ["a", "b"])


def test_a_failure_is_raised() -> None:
    assert "FailpointReached: b" in run("b:3:raise").stderr


def test_a_plan_that_nobody_can_follow_is_refused() -> None:
    assert "no such action: explode" in run("b:1:explode").stderr
