"""Servers that take a connection and never say a word: whoever asks them gives up in time.

The library gives each server of the list a time of its own, so that many take as long as they are.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Final
from unittest.mock import patch

import pytest
from structlog.testing import capture_logs
from virtual_time import run_virtually

from card_fulfillment.audit import follow
from card_fulfillment.kafka import incarnation
from card_fulfillment.kafka.connection import ClientOptions, client_options
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.intake_ports import SourceUnavailable
from card_fulfillment.settings import KafkaSettings, Settings

_SERVERS: Final = 4
_EACH: Final = timedelta(seconds=2)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


@pytest.fixture
async def options() -> AsyncIterator[ClientOptions]:
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(await asyncio.start_server(_silent, "127.0.0.1"))
            for _ in range(_SERVERS)
        ]
        ports = [server.sockets[0].getsockname()[1] for server in servers]
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        yield client_options(KafkaSettings(bootstrap_servers=hosts, request_timeout=_EACH))


async def test_stored_positions_are_not_held_against_them_for_ever(options: ClientOptions) -> None:
    began = time.monotonic()
    with (
        patch.object(incarnation, "_ANSWERED_WITHIN", 0.2),
        pytest.raises(SourceUnavailable, match=r"^TimeoutError$"),
    ):
        await incarnation.verified_extents(options, [Partition("topic", 0)], {})
    assert time.monotonic() - began < _SERVERS * _EACH.total_seconds() / 2


def test_an_auditor_turns_before_it_would_be_taken_for_stuck() -> None:
    class Silent:
        topic, begun = "topic", False

        def __init__(self, *_: object) -> None:
            pass

        @asynccontextmanager
        async def connected(self) -> AsyncIterator[None]:
            await asyncio.sleep(3600)
            yield

    settings = Settings.model_validate({"ops": {"port": "off"}})

    async def for_as_long_as_that() -> None:
        async with asyncio.timeout(settings.ops.stuck_after.total_seconds()):
            await follow.follow(settings, ["topic"], None)

    with (
        patch.object(follow, "TopicAudit", Silent),
        capture_logs() as logs,
        pytest.raises(TimeoutError),
    ):
        run_virtually(for_as_long_as_that())
    assert "audit.failed" in [each["event"] for each in logs]
