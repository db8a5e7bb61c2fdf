"""How long a worker that starts waits for what it needs, and for which errors."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Final
from unittest.mock import patch

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs
from virtual_time import run_virtually

from card_fulfillment import starting
from card_fulfillment.settings import PostgresSettings, Settings
from card_fulfillment.starting import Unreachable, postgres_at, reachable, read_ends

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


async def test_what_is_in_the_way_is_told_whenever_it_becomes_another() -> None:
    away = Dependency(OSError("a"), OSError("a"), OSError("b"), answers_after=5)

    with capture_logs() as logs:
        assert await reachable("Kafka", away.answer, is_passing) == "here"

    assert [each["error"] for each in logs] == [f"OSError: {each}" for each in "abab"]


def _unreachable(attempt: Callable[[], Awaitable[None]]) -> tuple[str, float]:
    """What is said of it in the end, and after how many seconds."""

    async def story() -> tuple[str, float]:
        with pytest.raises(Unreachable) as raised:
            await reachable("Kafka", attempt, is_passing)
        return str(raised.value), asyncio.get_running_loop().time()

    virtual = SimpleNamespace(monotonic=lambda: asyncio.get_running_loop().time())
    with patch.object(starting, "time", virtual):
        return run_virtually(story())


def test_a_try_that_begins_late_and_hangs_does_not_begin_the_time_anew() -> None:
    tries = iter((0.8 * _WITHIN,))

    async def hanging() -> None:
        await asyncio.sleep(next(tries, 60))
        raise OSError("no route")

    _, seconds = _unreachable(hanging)
    assert _WITHIN <= seconds < 1.5 * _WITHIN


def test_a_last_try_has_the_time_to_tell_what_is_in_the_way() -> None:
    async def slow() -> None:
        await asyncio.sleep(0.015)
        raise OSError("no route")

    told, _ = _unreachable(slow)
    assert told == "Kafka is not reachable: OSError: no route"


def test_where_postgres_is_is_told_without_its_password() -> None:
    dsn = SecretStr("postgresql://worker:secret@db.example:5433/cards")
    told = postgres_at(Settings(postgres=PostgresSettings(dsn=dsn)))
    assert "db.example:5433/cards" in told
    assert "secret" not in told


def test_ends_of_a_topic_whose_kafka_goes_away_meanwhile_are_not_waited_for() -> None:
    async def goes_away(*_: object, settled: bool) -> None:
        assert settled
        await asyncio.sleep(3600)

    with patch.object(starting, "read_tails", goes_away), pytest.raises(TimeoutError):
        run_virtually(read_ends(Settings(), "topic", [0], settled=True))
