"""Orders and cards for which more waits than one transaction can take."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from builders import NOW, Log, Sent, announcement, fact, order, order_no, publishing, sent
from card_fulfillment.compiled import COMPILED
from card_fulfillment.domain import bindings
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.ports import MOST_FACTS, Unwieldy
from card_fulfillment.postgres import reading
from postgres_state import PostgresState, opened

_JOB = order_no("job")
_RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"
(_SQL,) = re.findall(r"```sql\n(SELECT reference, .*?)```", _RUNBOOK.read_text("utf-8"), re.DOTALL)
_OF_THE_RUNBOOK = [each for each in _SQL.split(";\n") if each.strip()]
# As many more as there are of chance, but for their ids like the one that waits.
_MORE = """
WITH made AS (SELECT sha256(n::text::bytea) AS id FROM generate_series(1, $1) AS n),
stored AS (
    INSERT INTO fact (fact_id, part, attempt, outcome, vendor, status, content, body, copies)
    SELECT made.id, f.part, f.attempt, f.outcome, f.vendor, f.status, f.content, f.body, f.copies
    FROM fact f JOIN waiting USING (fact_id) CROSS JOIN made RETURNING fact_id
)
INSERT INTO waiting (reference, fact_id) SELECT w.reference, made.id FROM waiting w, made
"""


class _Teller:
    def __init__(self, state: PostgresState) -> None:
        self._state, self._log = state, Log()
        self._applier = Applier(state.store(), publishing())

    async def __call__(self, *records: Sent) -> None:
        batch = self._log.batch(records)
        await self._state.begin(batch.moves)
        await self._applier.apply(batch, NOW)


@pytest.fixture
async def state(dsn: str) -> AsyncIterator[PostgresState]:
    async with opened(dsn) as opened_state:
        yield opened_state


async def test_what_waits_is_counted_before_it_is_read(state: PostgresState, dsn: str) -> None:
    """Kilobytes each: a million of them would end the process."""
    tell = _Teller(state)
    await tell(sent(announcement("c"), fact(Status.PRODUCED, 2, _JOB)))
    connection = await asyncpg.connect(dsn)
    await connection.execute(_MORE, MOST_FACTS)
    with pytest.raises(Unwieldy, match="30,000 stored facts"):
        await tell(sent(order("c", 1, _JOB), topic="orders"))

    ((name, count),) = await connection.fetch(_OF_THE_RUNBOOK[0])
    assert count == MOST_FACTS + 1
    assert await connection.execute(_OF_THE_RUNBOOK[1].replace("vendor/kind/value", name)) == (
        f"DELETE {MOST_FACTS + 1}"
    )
    assert not await connection.fetch("SELECT FROM waiting WHERE reference = $1", name)
    await connection.close()
    await tell(sent(order("c", 1, _JOB), topic="again"))


@pytest.mark.skipif(COMPILED, reason="the number is compiled in")
async def test_what_is_held_under_a_name_of_too_many_keeps_no_further_order_up(
    state: PostgresState, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bindings, "MOST_SUBJECTS", 2)
    behind, tell = _Teller(state), _Teller(state)
    await behind(sent(order("a", 1, _JOB), topic="first"))
    await tell(sent(order("b", 1, _JOB), order("c", 1, _JOB), fact(Status.PRODUCED, 2, _JOB)))
    connection = await asyncpg.connect(dsn)
    await connection.execute(_MORE, MOST_FACTS)
    await connection.close()
    for number, known in enumerate((tell, behind, _Teller(state))):  # the last one has just started
        own = order_no(f"own {number}")
        await tell(sent(fact(Status.PRODUCED, 2, own)))
        await known(sent(order(f"d{number}", 1, _JOB, own), topic=f"orders {number}"))
    held = [row for row in (await state.snapshot()).facts.values() if not row.places]
    assert len(held) == MOST_FACTS + 1


async def test_a_card_of_which_too_much_is_said_is_not_ordered_again(
    state: PostgresState, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = _Teller(state)
    await tell(sent(announcement("c"), order("c", 1, _JOB)))
    await tell(sent(*(fact(Status.PRODUCED, 2 + n, _JOB) for n in range(4))))
    monkeypatch.setattr(reading, "MOST_FACTS", 5)  # there are six: it was created and ordered
    with pytest.raises(Unwieldy):
        await tell(sent(order("c", 9, _JOB, attempt=2)))
    monkeypatch.setattr(reading, "MOST_FACTS", 6)
    await tell(sent(order("c", 9, _JOB, attempt=2), topic="again"))


async def test_nor_is_one_announced_for_which_too_much_waits(
    state: PostgresState, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = _Teller(state)
    await tell(sent(order("c", 1, _JOB), *(fact(Status.PRODUCED, 2 + n, _JOB) for n in range(4))))
    monkeypatch.setattr(reading, "MOST_FACTS", 4)
    with pytest.raises(Unwieldy):
        await tell(sent(announcement("c")))
    monkeypatch.setattr(reading, "MOST_FACTS", 5)
    await tell(sent(announcement("c"), topic="again"))
