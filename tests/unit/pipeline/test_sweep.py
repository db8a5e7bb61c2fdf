"""However many facts wait past their deadline, each is told of in some turn of one sweep."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import pytest

from agreement import run
from builders import DEAD_LETTERS, NOW, fact, order, order_no, publishing
from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.status import Status
from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.sweep import sweep

_DEADLINE: Final = timedelta(days=7)


class Waiting:
    """Facts past the deadline; each transaction takes some of them and may write once."""

    def __init__(self, count: int) -> None:
        self.left = [fact(Status.SHIPPED, 5, order_no(f"o{n}")) for n in range(count)]
        self.written: list[Effects] = []
        self.transactions = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Waiting"]:
        self.transactions += 1
        yield self

    async def past_deadline(self, age: timedelta, most: int) -> list[Fact]:
        assert age == _DEADLINE
        taken, self.left = self.left[:most], self.left[most:]
        return taken

    async def write(self, effects: Effects) -> None:
        self.written.append(effects)


@pytest.mark.parametrize(
    ("count", "turns", "transactions"), [(0, 0, 1), (499, 1, 2), (500, 1, 2), (1203, 3, 4)]
)
def test_all_that_is_past_its_deadline_is_told_of(
    count: int, turns: int, transactions: int
) -> None:
    waiting = Waiting(count)

    assert run(sweep(waiting.transaction, _DEADLINE, publishing(), NOW)) == count

    assert (len(waiting.written), waiting.transactions) == (turns, transactions)
    letters = [letter for effects in waiting.written for letter in effects.dead_letters]
    assert len({letter.dead_letter_id for letter in letters}) == count
    assert {letter.reason for letter in letters} <= {RefusalReason.PARKING_DEADLINE}
    changes = [change for effects in waiting.written for change in effects.changes]
    assert [change.topic for change in changes] == [DEAD_LETTERS] * count


@pytest.mark.parametrize(
    ("waits", "told"),
    [
        (fact(Status.SHIPPED, 5, order_no("o")), "orders or announces whom it is about"),
        (order("c1").fact, "announces the card or bulk issuance that it asks for"),
    ],
)
def test_what_waits_is_told_what_it_lacks(waits: Fact, told: str) -> None:
    waiting = Waiting(0)
    waiting.left = [waits]

    run(sweep(waiting.transaction, _DEADLINE, publishing(), NOW))

    [effects] = waiting.written
    message = f"nothing that came until its deadline {told}; it goes on waiting"
    assert [letter.message for letter in effects.dead_letters] == [message]
