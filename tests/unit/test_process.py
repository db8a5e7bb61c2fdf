"""What any long-running process has: a clock, its limits, its port, and the signal to stop."""

import asyncio
import os
import signal
import time
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from card_fulfillment.ops.health import Limits
from card_fulfillment.process import clock, limits_of, listening, told_to_stop, unless_stopped
from card_fulfillment.settings import OpsSettings


async def _answer() -> str:
    return "done"


async def _failure() -> str:
    raise OSError("the broker is away")


async def test_what_ends_before_the_stop_gives_its_result_or_its_error() -> None:
    assert await unless_stopped(asyncio.Event(), _answer()) == "done"
    with pytest.raises(OSError, match="away"):
        await unless_stopped(asyncio.Event(), _failure())


async def test_what_the_stop_comes_before_has_ended_when_the_process_goes_on() -> None:
    stop, cleaned = asyncio.Event(), asyncio.Event()

    async def work() -> str:
        try:
            stop.set()
            return str(await asyncio.Event().wait())
        finally:
            await asyncio.sleep(0.01)
            cleaned.set()

    async with asyncio.timeout(10):
        assert await unless_stopped(stop, work()) is None
    assert cleaned.is_set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_either_signal_tells_it_to_stop(number: signal.Signals) -> None:
    stop = told_to_stop()
    try:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(10):
            await stop.wait()
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(each)


def test_the_clock_counts_microseconds() -> None:
    assert abs(clock() - time.time() * 1e6) < 10e6


def test_a_standstill_and_a_loop_that_is_stuck_have_the_limits_that_are_set() -> None:
    ops = OpsSettings(stalled_after=timedelta(seconds=7), stuck_after=timedelta(seconds=9))
    assert limits_of(ops) == Limits(stalled=7, stuck=9)


def test_the_log_tells_where_the_operators_port_is_and_nothing_where_there_is_none() -> None:
    with capture_logs() as logs:
        assert listening(OpsSettings(port="off")) is None
    assert logs == []
    with capture_logs() as logs:
        listener = listening(OpsSettings(port=0))
    assert listener is not None
    with listener:
        host, port = listener.getsockname()
    assert [(each["host"], each["port"]) for each in logs] == [(host, port)]
