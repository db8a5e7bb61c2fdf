"""What Kafka is asked beside the work: answered soon, or not at all."""

import asyncio
from unittest.mock import patch

import pytest
from aiokafka.errors import KafkaConnectionError

from card_fulfillment.kafka import lag
from card_fulfillment.kafka.lag import soon
from card_fulfillment.pipeline.intake_ports import SourceUnavailable


async def _answer(what: str | Exception) -> str:
    if isinstance(what, Exception):
        raise what
    return what


async def test_an_answer_is_given_on() -> None:
    assert await soon(_answer("here")) == "here"


async def test_an_error_of_kafka_is_told_by_its_name_and_a_defect_as_it_is() -> None:
    with pytest.raises(SourceUnavailable, match=r"^KafkaConnectionError$"):
        await soon(_answer(KafkaConnectionError("to 127.0.0.1")))
    with pytest.raises(KeyError):
        await soon(_answer(KeyError("a defect")))


async def test_who_does_not_answer_is_not_waited_for() -> None:
    with patch.object(lag, "_ANSWERED_WITHIN", 0.01), pytest.raises(SourceUnavailable):
        await soon(asyncio.sleep(60))


async def test_who_is_cancelled_in_the_very_moment_of_the_answer_ends() -> None:
    answer = asyncio.get_running_loop().create_future()
    asking = asyncio.ensure_future(soon(answer))
    await asyncio.sleep(0)
    answer.set_result("here")
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
