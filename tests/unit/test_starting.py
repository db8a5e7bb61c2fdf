"""How long a worker that starts waits for what it needs, and for which errors."""

import asyncio
import time
from collections.abc import Iterator
from typing import Final
from unittest.mock import patch

import pytest
from structlog.testing import capture_logs

from card_fulfillment import starting
from card_fulfillment.starting import Unreachable, reachable

_WITHIN: Final = 0.2


@pytest.fixture(autouse=True)
def _soon() -> Iterator[None]:
    with (
        patch.object(starting, "_REACHABLE_WITHIN", _WITHIN),
        patch.object(starting, "_TRY_AGAIN_AFTER", 0.02),
    ):
        yield


def is_passing(error: BaseException) -> bool:
    return isinstance(error, OSError)


class Dependency:
    """Fails with these errors in turn, over and over, unless it answers after so many."""

    def __init__(self, *errors: Exception, answers_after: int | None = None) -> None:
        self._errors, self._answers_after = errors, answers_after
        self.tries = 0

    async def answer(self) -> str:
        if self.tries == self._answers_after:
            return "here"
        self.tries += 1
        raise self._errors[self.tries % len(self._errors)]


async def test_what_does_not_answer_yet_is_tried_again_and_told_of_once() -> None:
    away = Dependency(ConnectionRefusedError("no\n  one"), answers_after=3)

    with capture_logs() as logs:
        assert await reachable("Kafka", away.answer, is_passing) == "here"

    assert [(each["event"], each["error"]) for each in logs] == [
        ("start.waiting", "ConnectionRefusedError: no one")
    ]


@pytest.mark.parametrize("error", [KeyError("defect"), PermissionError("not yours")])
async def test_what_waiting_does_not_mend_is_raised_at_once(error: Exception) -> None:
    broken = Dependency(error)

    with pytest.raises(type(error)):
        await reachable("Postgres", broken.answer, is_passing)
    assert broken.tries == 1


async def test_what_does_not_answer_for_long_is_unreachable() -> None:
    away = Dependency(ConnectionRefusedError("no one"))
    began = time.monotonic()

    with pytest.raises(Unreachable, match=r"^Kafka is not reachable: ConnectionRefusedError: no"):
        await reachable("Kafka", away.answer, is_passing)
    assert time.monotonic() - began >= _WITHIN
    assert 2 < away.tries < 15


async def test_an_error_that_names_itself_is_named_once() -> None:
    away = Dependency(OSError("OSError: no route"))

    with pytest.raises(Unreachable, match=r"^Kafka is not reachable: OSError: no route$"):
        await reachable("Kafka", away.answer, is_passing)


async def test_an_attempt_that_hangs_is_given_up() -> None:
    with pytest.raises(Unreachable, match=r"^Postgres is not reachable: TimeoutError$"):
        await reachable("Postgres", lambda: asyncio.sleep(60), is_passing)
