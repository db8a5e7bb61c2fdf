"""A relay alone in a process, for tests that kill or freeze it: says each state it enters."""

import asyncio
import sys

from card_fulfillment.kafka.producer import publisher_of
from card_fulfillment.pipeline.relay import Relay, RelayStatus
from card_fulfillment.pipeline.relay_ports import PageLimits, RelayPorts
from card_fulfillment.postgres.outbox import outbox_of
from card_fulfillment.settings import Settings


def say(status: RelayStatus) -> None:
    sys.stdout.write(f"{status.state.value}\n")
    sys.stdout.flush()


async def main(topic: str) -> None:
    settings = Settings()
    outbox = outbox_of(settings.postgres, topic=topic, holder="process")
    ports = RelayPorts(outbox, publisher_of(settings.kafka, topic), PageLimits(rows=100))
    await Relay(ports, observe=say).run(asyncio.Event())


asyncio.run(main(sys.argv[1]))
