"""What concerns more than one transaction takes is refused before it is tried."""

from typing import Final

import pytest

from builders import NOW, Log, announcement, fact, order, order_no, publishing, sent
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline import decide
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.ports import Unwieldy, why_unapplicable
from memory import MemoryStore

_JOB: Final = order_no("job")


async def test_facts_about_too_many_subjects_in_all_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of them may be about a thousand, and a message may have a thousand."""
    monkeypatch.setattr(decide, "MOST_PLACES", 6 + 4)  # of the cards themselves, and of two facts
    log, store = Log(), MemoryStore()
    applier = Applier(store, publishing())
    cards = ("a", "b")
    said = [sent(announcement(c), topic="announcements") for c in cards]
    said += [sent(order(c, 1, _JOB), topic="orders") for c in cards]
    batch = log.batch(said)
    await store.begin(batch.moves)
    await applier.apply(batch, NOW)
    batch = log.batch([sent(*(fact(Status.PRODUCED, 2 + n, _JOB) for n in range(6)))])
    await store.begin(batch.moves)
    before = await store.snapshot()
    with pytest.raises(Unwieldy, match="subjects") as raised:
        await applier.apply(batch, NOW)
    assert "subjects" in why_unapplicable(raised.value)
    assert await store.snapshot() == before
