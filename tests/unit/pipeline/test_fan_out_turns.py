"""Bulk issuances with something to spread take turns, though one of them fails for ever."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agreement import Telling, run
from builders import NOW, announcement, fact, order, order_no, publishing, sent
from card_fulfillment.domain.naming import bulk_issuance
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.fan_out import FanOut
from card_fulfillment.pipeline.ports import Contended
from memory import MemoryTransaction

_BULKS = ("b1", "b2", "b3")


def told() -> Telling:
    """Of three bulk issuances of three cards each, which were accepted."""
    telling = Telling()
    cards = [(f"{b}-c{serial}", b, serial) for b in _BULKS for serial in (1, 2, 3)]
    telling.take([sent(announcement(c, bulk=b, serial=serial)) for c, b, serial in cards])
    telling.take([sent(order(bulk_issuance(b), 1, order_no(b))) for b in _BULKS])
    telling.settle()
    telling.take([sent(fact(Status.ACCEPTED, 5, order_no(b))) for b in _BULKS])
    return telling


def turns(step: Effects | None) -> set[str]:
    assert step is not None
    return set(step.bulks)


def test_each_has_its_turn() -> None:
    telling = told()
    fan_out = FanOut(telling.store.transaction, publishing(), 1)

    in_turn = [{bulk_id} for bulk_id in _BULKS]
    assert [turns(run(fan_out.spread(NOW))) for _ in range(6)] == in_turn * 2
    assert [turns(run(fan_out.tick(NOW))) for _ in range(3)] == in_turn


@pytest.mark.parametrize("kind", ["spread", "tick"])
def test_one_that_fails_for_ever_does_not_stop_the_others(kind: str) -> None:
    telling = told()
    before = FanOut(telling.store.transaction, publishing(), 1)
    for _ in range(6):
        run(before.spread(NOW))

    @asynccontextmanager
    async def failing() -> AsyncIterator[MemoryTransaction]:
        async with telling.store.transaction() as transaction:
            write = transaction.write

            async def write_others(effects: Effects) -> None:
                if "b1" in effects.bulks:
                    raise Contended
                await write(effects)

            vars(transaction)["write"] = write_others
            yield transaction

    fan_out = FanOut(failing, publishing(), 1)
    step = {"spread": fan_out.spread, "tick": fan_out.tick}[kind]
    with pytest.raises(Contended):
        run(step(NOW))
    assert turns(run(step(NOW))) == {"b2"}
    assert turns(run(step(NOW))) == {"b3"}
    with pytest.raises(Contended):
        run(step(NOW))
