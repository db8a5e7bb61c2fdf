"""What Postgres says of a row that it refuses is all of the row: no log shall have it."""

import traceback
from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import pytest

from builders import NOW, Log, announcement, publishing, sent
from card_fulfillment.pipeline.apply import Applier
from card_fulfillment.pipeline.ports import Unstorable
from postgres_state import PostgresState, opened

_CARD: Final = "card-of-maria-roth"


@pytest.fixture
async def state(dsn: str) -> AsyncIterator[PostgresState]:
    async with opened(dsn) as opened_state:
        yield opened_state


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("ADD CONSTRAINT odd CHECK (length(card_id) < 9)", Unstorable),
        ("ALTER COLUMN status SET NOT NULL", asyncpg.NotNullViolationError),
    ],
)
async def test_neither_an_error_nor_its_cause_tells_a_row(
    state: PostgresState, dsn: str, change: str, error: type[Exception]
) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"ALTER TABLE card {change}")
    await connection.close()
    batch = Log().batch([sent(announcement(_CARD))])
    await state.begin(batch.moves)

    with pytest.raises(error) as raised:
        await Applier(state.store(), publishing()).apply(batch, NOW)

    told = "".join(traceback.format_exception(raised.value))
    assert "violates" in told
    assert _CARD not in told
