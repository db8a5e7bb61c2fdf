"""Apache Kafka and Postgres without Docker: for the demo, the tests and development."""

from .kafka import KafkaServer
from .paths import DevstackError
from .postgres import PostgresServer
from .stack import Stack, embedded_stack, stop_kept

__all__ = [
    "DevstackError",
    "KafkaServer",
    "PostgresServer",
    "Stack",
    "embedded_stack",
    "stop_kept",
]
