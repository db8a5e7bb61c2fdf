"""An audit that gets no further says why: a transaction that stays open is not an outage."""

from collections.abc import Mapping, Sequence
from typing import Final, cast
from unittest.mock import patch

import pytest
from aiokafka.errors import KafkaConnectionError

from card_fulfillment.audit import topic as auditing
from card_fulfillment.audit.topic import Connected, HeldBack, is_passing
from card_fulfillment.kafka.output import OutputReader
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.audit import Audit, Finding, Pinned
from card_fulfillment.postgres.connection import Connection

_END: Final = {0: 5}


class _Reader:
    """Gives nothing of what is written; and answers so often when it is asked how much that is."""

    def __init__(self, answers: int) -> None:
        self._answers = answers

    async def written(self) -> Mapping[int, int]:
        self._answers -= 1
        if self._answers < 0:
            raise KafkaConnectionError("nobody there")
        return _END

    async def receive(self) -> list[Record]:
        return []

    async def positions(self) -> Mapping[int, int]:
        return {0: 0}


class _Deaf:
    def held(self, topic: str, records: int, found: Sequence[Finding]) -> None:
        """Nobody asks for it."""


async def _no_lanes(*_: object) -> list[object]:
    return []


async def _read(answers: int) -> None:
    reader = cast("OutputReader", _Reader(answers))
    audit = Audit(Pinned({0: 1}, lambda *_: [], lambda _: 0), [0])
    connected = Connected("out", reader, cast("Connection", None), audit, {0: 0}, _Deaf())
    with (
        patch.object(auditing, "lanes_of", _no_lanes),
        patch.object(auditing, "_HELD_BACK_AFTER", -1.0),
    ):
        await connected.read_to_the_end()


async def test_what_a_kafka_that_answers_does_not_give_is_held_back() -> None:
    with pytest.raises(HeldBack):
        await _read(answers=2)


async def test_a_kafka_that_went_away_meanwhile_holds_nothing_back() -> None:
    with pytest.raises(KafkaConnectionError) as away:
        await _read(answers=1)
    assert is_passing(away.value)
