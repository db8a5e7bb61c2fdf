"""Facts that wait for longer than the deadline: somebody is told, and they go on waiting."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Final

from card_fulfillment.pipeline.alerts import overdue
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.ports import Sweeping
from card_fulfillment.pipeline.publishing import Publishing

_AT_A_TIME: Final = 500


async def sweep(
    transaction: Callable[[], AbstractAsyncContextManager[Sweeping]],
    deadline: timedelta,
    publishing: Publishing,
    now: int,
) -> int:
    """Raise an alert for every fact past its deadline; returns how many.

    Any number of processes may sweep at once. Raises StoreUnavailable or Contended.
    """
    total = 0
    while True:
        async with transaction() as sweeping:
            letters = overdue(await sweeping.overdue(deadline, _AT_A_TIME))
            if letters:
                changes = [publishing.dead_letter(letter, now) for letter in letters]
                await sweeping.write(Effects(dead_letters=letters, changes=changes))
        total += len(letters)
        if len(letters) < _AT_A_TIME:
            return total
