"""What the doctor finds: one line each, and a sentence of what to do."""

from enum import Enum
from typing import NamedTuple

from card_fulfillment.ops.letters import plain


class Level(Enum):
    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


class Finding(NamedTuple):
    level: Level
    what: str
    cure: str = ""

    def __str__(self) -> str:
        """As characters that harm no terminal: others choose what clients of theirs are called."""
        line = f"{self.level.value:<5} {plain(self.what)}"
        return f"{line}\n      → {self.cure}" if self.cure else line


def ok(what: str) -> Finding:
    return Finding(Level.OK, what)


def warn(what: str, cure: str) -> Finding:
    return Finding(Level.WARN, what, cure)


def fail(what: str, cure: str) -> Finding:
    return Finding(Level.FAIL, what, cure)
