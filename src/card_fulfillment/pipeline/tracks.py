"""Work done side by side on several tracks, and piece after piece on each of them."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any


class Tracks:
    """Pieces of work, each on one track or more, in the order in which they are put there.

    trouble: done as soon as a piece raises, with its exception, or answers False.
    on_end: called whenever a piece has ended.
    """

    def __init__(self, count: int, on_end: Callable[[], None]) -> None:
        self.count = count
        self.trouble: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._on_end = on_end
        self._last: dict[int, asyncio.Task[bool]] = {}
        self._under_way: set[asyncio.Task[bool]] = set()

    @property
    def under_way(self) -> int:
        """How many pieces were put and have not ended."""
        return len(self._under_way)

    def put(self, tracks: Collection[int], work: Callable[[], Awaitable[bool]]) -> None:
        """Do it as soon as all that was put on these tracks before has ended."""
        before = {self._last[track] for track in tracks if track in self._last}
        piece = asyncio.create_task(_after(before & self._under_way, work))
        self._last |= dict.fromkeys(tracks, piece)
        self._under_way.add(piece)
        piece.add_done_callback(self._ended)

    async def end(self, stopped: asyncio.Future[Any], within: float) -> None:
        """Wait for all that was put, but once `stopped` not for longer than so many seconds."""
        while self._under_way and not stopped.done():
            await asyncio.wait({stopped, *self._under_way}, return_when=asyncio.FIRST_COMPLETED)
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=within)

    async def cancel(self) -> None:
        for piece in self._under_way:
            piece.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way)
        self.trouble.cancel()

    def _ended(self, piece: asyncio.Task[bool]) -> None:
        self._under_way.discard(piece)
        self._on_end()
        error = None if piece.cancelled() else piece.exception()
        if self.trouble.done() or piece.cancelled():
            return
        if error is not None:
            self.trouble.set_exception(error)
        elif not piece.result():
            self.trouble.set_result(False)


async def _after(
    before: Collection[asyncio.Task[bool]], work: Callable[[], Awaitable[bool]]
) -> bool:
    if before:
        await asyncio.wait(before)
    return await work()
