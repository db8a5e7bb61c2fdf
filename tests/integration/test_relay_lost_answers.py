"""What the client library repeats by itself when an answer is lost, and what must not follow."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import InvalidProducerEpoch, KafkaConnectionError, for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import (
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    InitProducerIdRequest,
)
from relay_services import Setup, running, seqs, setup, until

from card_fulfillment.pipeline.relay_ports import PageLimits
from stack import Services

CHANGES = 1_000
real_send: Callable[..., Awaitable[Any]] = AIOKafkaClient.send


@pytest.fixture
async def world(stack: Services, dsn: str, prefix: str) -> AsyncIterator[Setup]:
    async with setup(stack.bootstrap, dsn, prefix) as prepared:
        for partition in prepared.lanes:
            await prepared.add(partition, CHANGES)
        yield prepared


async def relay_everything(world: Setup) -> None:
    relay = world.relay(limits=PageLimits(rows=100))
    async with running(relay):
        await until(lambda: sum(relay.status.positions.values()) == CHANGES * len(world.lanes))
    for records in (await world.output()).values():
        assert seqs(records) == list(range(1, CHANGES + 1))


@pytest.mark.parametrize(
    "request_type",
    [InitProducerIdRequest, AddPartitionsToTxnRequest, ProduceRequest, EndTxnRequest],
)
async def test_a_request_that_was_carried_out_but_not_answered_repeats_nothing(
    world: Setup, monkeypatch: pytest.MonkeyPatch, request_type: type
) -> None:
    lost = 0
    seen = 0

    async def send(client: AIOKafkaClient, node: int, request: object, **more: Any) -> Any:  # noqa: ANN401 - as in aiokafka
        nonlocal lost, seen
        answer = await real_send(client, node, request, **more)
        if isinstance(request, request_type):
            seen += 1
            if seen % 5 == 1:
                lost += 1
                raise KafkaConnectionError("the answer was lost")
        return answer

    monkeypatch.setattr(AIOKafkaClient, "send", send)
    await relay_everything(world)
    assert lost


async def test_a_commit_that_arrives_late_cannot_commit_a_later_transaction(
    world: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[tuple[Any, ...]] = []
    answers: list[Any] = []

    async def send(client: AIOKafkaClient, node: int, request: object, **more: Any) -> Any:  # noqa: ANN401 - as in aiokafka
        if isinstance(request, EndTxnRequest) and not held:
            held.append((node, request, more))
            raise KafkaConnectionError("on its way for a long time")
        answer = await real_send(client, node, request, **more)
        if isinstance(request, ProduceRequest) and held and sent_again and not answers:
            node, late, more = held[0]
            answers.append(await real_send(client, node, late, **more))
        sent_again.extend([request] if isinstance(request, EndTxnRequest) else [])
        return answer

    sent_again: list[object] = []
    monkeypatch.setattr(AIOKafkaClient, "send", send)
    await relay_everything(world)
    assert [for_code(answer.error_code) for answer in answers] == [InvalidProducerEpoch]
