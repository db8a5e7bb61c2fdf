"""A task group that leaves no mark on the task that it belongs to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """As asyncio's, for tasks that go on after a failure of the group.

    Where a child fails while the group ends, asyncio counts the task as being cancelled from then
    on. Before Python 3.11.3 no timeout works any more in such a task: it cancels it.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except Exception:
        while task is not None and task.cancelling() > before:
            task.uncancel()
        raise
