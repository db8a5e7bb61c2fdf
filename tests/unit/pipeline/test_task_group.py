import asyncio

import pytest

from card_fulfillment.pipeline.task_group import task_group


async def _fail(after: asyncio.Event) -> None:
    await after.wait()
    raise ZeroDivisionError


async def _group(*, while_it_ends: bool) -> None:
    now = asyncio.Event()
    async with task_group() as group:
        group.create_task(_fail(now))
        now.set()
        if not while_it_ends:
            await asyncio.sleep(10)


@pytest.mark.parametrize("while_it_ends", [True, False])
async def test_a_task_whose_group_failed_can_wait_with_a_deadline(*, while_it_ends: bool) -> None:
    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(ExceptionGroup):
        await _group(while_it_ends=while_it_ends)

    assert task.cancelling() == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await asyncio.sleep(10)


async def _endless() -> None:
    async with task_group() as group:
        group.create_task(asyncio.sleep(10))


async def test_a_cancelled_task_is_cancelled() -> None:
    task = asyncio.create_task(_endless())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
