"""What every Kafka client of the worker is made with."""

from datetime import timedelta
from typing import TypedDict

from aiokafka.errors import KafkaError

from card_fulfillment.settings import KafkaSettings


class ClientOptions(TypedDict):
    """Keyword arguments that aiokafka's producer, consumer and admin client have in common."""

    bootstrap_servers: str
    client_id: str
    request_timeout_ms: int


def client_options(settings: KafkaSettings) -> ClientOptions:
    return ClientOptions(
        bootstrap_servers=settings.bootstrap_servers,
        client_id=settings.client_id,
        request_timeout_ms=settings.request_timeout // timedelta(milliseconds=1),
    )


def is_passing(error: BaseException) -> bool:
    """Whether Kafka may simply not be there yet."""
    return isinstance(error, KafkaError | OSError)
