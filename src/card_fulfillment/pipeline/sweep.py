"""Facts that wait for longer than the deadline: somebody is told, and they go on waiting."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Final, Protocol

from card_fulfillment.domain.facts import Fact
from card_fulfillment.pipeline.alerts import deadline_alerts
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.publishing import Publishing

_AT_A_TIME: Final = 500


class Sweeping(Protocol):
    """One transaction that looks for facts that have waited for too long."""

    async def past_deadline(self, age: timedelta, most: int) -> list[Fact]:
        """Facts that have waited for longer than `age`, each told of once; by the store's clock.

        Fewer than `most` tells nothing of whether there are more; none at all does.
        """
        ...

    async def write(self, effects: Effects) -> None: ...


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
            letters = deadline_alerts(await sweeping.past_deadline(deadline, _AT_A_TIME))
            if not letters:
                return total
            changes = [publishing.dead_letter(letter, now) for letter in letters]
            await sweeping.write(Effects(dead_letters=letters, changes=changes))
        total += len(letters)
