"""Apache Kafka and Postgres without Docker: for the demo, the tests and development."""

from card_fulfillment.devstack.kafka import KafkaServer
from card_fulfillment.devstack.paths import DevstackError
from card_fulfillment.devstack.postgres import PostgresServer
from card_fulfillment.devstack.stack import Stack, embedded_stack, stop_kept

__all__ = [
    "DevstackError",
    "KafkaServer",
    "PostgresServer",
    "Stack",
    "embedded_stack",
    "stop_kept",
]
