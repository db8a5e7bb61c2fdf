"""A relay alone in a process, for tests that kill or freeze it: says each state it enters.

Told to DIE_AT_END=n it dies when the nth EndTxn is written, and not answered yet.
"""

import asyncio
import os
import signal
import sys
from itertools import count
from typing import Any
from unittest.mock import patch

from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.transaction import EndTxnRequest

from card_fulfillment.kafka.producer import publisher_of
from card_fulfillment.messages.headers import Headers
from card_fulfillment.pipeline.relay import Relay, RelayStatus
from card_fulfillment.pipeline.relay_ports import PageLimits, RelayPorts
from card_fulfillment.postgres.outbox import outbox_of
from card_fulfillment.settings import Settings


def say(status: RelayStatus) -> None:
    sys.stdout.write(f"{status.state.value}\n")
    sys.stdout.flush()


def die_at_end(number: int) -> None:
    real: Any = AIOKafkaConnection.send
    ends = count(1)

    def send(connection: AIOKafkaConnection, request: object, **more: Any) -> Any:  # noqa: ANN401 - aiokafka's
        answer = real(connection, request, **more)
        if isinstance(request, EndTxnRequest) and next(ends) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    patch.object(AIOKafkaConnection, "send", send).start()


async def main(topic: str) -> None:
    settings = Settings()
    outbox = outbox_of(settings.postgres, topic=topic, holder="process")
    headers = Headers(settings.events.source, settings.events.schema_base)
    ports = RelayPorts(outbox, publisher_of(settings.kafka, topic, headers), PageLimits(rows=100))
    await Relay(ports, observe=say).run(asyncio.Event())


if "DIE_AT_END" in os.environ:
    die_at_end(int(os.environ["DIE_AT_END"]))
asyncio.run(main(sys.argv[1]))
