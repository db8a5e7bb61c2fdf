"""Ending clients of aiokafka, which may break off or hang where the broker is away."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

_HANG_UP_SECONDS: Final = 1.0


async def let_end(ending: Coroutine[Any, Any, object], within: float) -> bool:
    """Let it end within some seconds; says whether it did, and without an error. Raises nothing.

    A task of its own: aiokafka awaits tasks that it has just cancelled, and what comes of it would
    pass for a cancellation of ours.
    """
    task = asyncio.create_task(ending)
    await asyncio.wait({task}, timeout=within)
    return not task.cancel() and not task.cancelled() and task.exception() is None


async def end_consumer(consumer: AIOKafkaConsumer, within: float = 2.0) -> None:
    """Leave the group, if it has one, and hang up in any case."""
    if not await let_end(consumer.stop(), within):
        await let_end(vars(consumer)["_client"].close(), _HANG_UP_SECONDS)
