"""What concerns more than one transaction takes is refused before it is tried."""

from typing import Final

import pytest

from builders import NOW, Log, announcement, fact, order, order_no, publishing, sent
from card_fulfillment.compiled import COMPILED
from card_fulfillment.domain import bindings
from card_fulfillment.domain.bindings import MOST_SUBJECTS
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.ports import MOST_PLACES, Unwieldy, why_unapplicable
from memory import MemoryStore

_JOB: Final = order_no("job")


@pytest.mark.skipif(COMPILED, reason="the number is compiled in")
async def test_a_name_that_every_order_lists_does_not_grow_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that it is bound to is read and written with each of these orders."""
    monkeypatch.setattr(bindings, "MOST_SUBJECTS", 2)
    log, store = Log(), MemoryStore()
    applier = Applier(store, publishing())
    own = [order_no(f"own {n}") for n in range(9)]
    for number, name in enumerate(own):
        said = order(f"c{number}", 1, _JOB, name)
        batch = log.batch([sent(announcement(f"c{number}"), said)])
        await store.begin(batch.moves)
        await applier.apply(batch, NOW)
    kept = await store.snapshot()
    assert len(kept.bindings[_JOB]) == 2 * bindings.MOST_SUBJECTS + 1
    assert all(len(kept.bindings[name]) == 1 for name in own)


async def test_facts_about_too_many_subjects_in_all_are_refused() -> None:
    """Each of them may be about a thousand, and a message may have a thousand."""
    log, store = Log(), MemoryStore()
    applier = Applier(store, publishing())
    cards = [f"c{n}" for n in range(MOST_SUBJECTS)]
    said = [sent(announcement(c), order(c, 1, _JOB)) for c in cards]
    batch = log.batch(said)
    await store.begin(batch.moves)
    await applier.apply(batch, NOW)
    before = await store.snapshot()
    many = MOST_PLACES // MOST_SUBJECTS + 1
    batch = log.batch([sent(*(fact(Status.PRODUCED, 2 + n, _JOB) for n in range(many)))])
    with pytest.raises(Unwieldy, match="subjects") as raised:
        await applier.apply(batch, NOW)
    assert "subjects" in why_unapplicable(raised.value)
    assert await store.snapshot() == before
