"""Places where a test can make the process die, freeze or fail: FAILPOINT=name:nth:action.

Actions: kill9, stop (SIGSTOP), raise, sleep=SECONDS (blocks the whole event loop). Without the
variable, which is read once, every failpoint does nothing.
"""

import os
import signal
import time
from dataclasses import dataclass


class FailpointReached(Exception):
    """What the action `raise` raises."""


@dataclass
class _Plan:
    name: str
    countdown: int
    action: str


def _read(text: str) -> _Plan | None:
    if not text:
        return None
    name, nth, action = text.split(":")
    return _Plan(name, int(nth), action)


_plan = _read(os.environ.get("FAILPOINT", ""))


def failpoint(name: str) -> None:
    """Do what the plan says at the nth time that this name is reached; nothing before and after."""
    if _plan is None or _plan.name != name:
        return
    _plan.countdown -= 1
    if _plan.countdown == 0:
        _act(_plan)


def _act(plan: _Plan) -> None:
    action, _, seconds = plan.action.partition("=")
    match action:
        case "kill9":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "sleep":
            time.sleep(float(seconds))
        case "raise":
            raise FailpointReached(plan.name)
        case _:
            raise ValueError(f"FAILPOINT: no such action: {plan.action}")
