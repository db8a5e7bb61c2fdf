"""The Kafka and Postgres that the tests run against, and databases to run in."""

import asyncio
import os
import secrets
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from card_fulfillment.devstack import Stack, embedded_stack

_T = TypeVar("_T")
_BROKER = {  # what the embedded broker has as well
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
}


@dataclass(frozen=True)
class Services:
    """Where Kafka and Postgres are; `embedded` where they are ours to stop and start."""

    bootstrap: str
    dsn: str
    embedded: Stack | None = None


@contextmanager
def services(kind: str) -> Iterator[Services]:
    """Real services from the environment win; else `kind`: embedded or containers."""
    bootstrap = os.environ.get("FULFILLMENT_KAFKA__BOOTSTRAP_SERVERS")
    dsn = os.environ.get("FULFILLMENT_POSTGRES__DSN")
    if bootstrap and dsn:
        yield Services(bootstrap, dsn)
    elif kind == "containers":
        with _containers() as running:
            yield running
    else:
        with embedded_stack(durable=False) as stack:
            yield Services(stack.bootstrap, stack.dsn, stack)


@contextmanager
def _containers() -> Iterator[Services]:
    from testcontainers.community.kafka import KafkaContainer  # noqa: PLC0415 - needs Docker
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - needs Docker

    kafka = (
        KafkaContainer().with_kraft()
    )  # the default image: Kafka 3.6, the oldest that we support
    for name, value in _BROKER.items():
        kafka.with_env(name, value)
    postgres = PostgresContainer("postgres:15", driver=None)  # the oldest, too
    with kafka as broker, postgres as server:
        yield Services(broker.get_bootstrap_server(), server.get_connection_url())


async def create_database(server: str, template: str = "template1") -> str:
    """Create a database with a name of its own on the server of that dsn; returns its dsn."""
    name = f"test_{secrets.token_hex(6)}"
    await _execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return on_database(server, name)


async def drop_database(server: str, dsn: str) -> None:
    await _execute(server, f'DROP DATABASE "{database_of(dsn)}" WITH (FORCE)')


def database_of(dsn: str) -> str:
    return urlsplit(dsn).path.removeprefix("/")


def on_database(dsn: str, name: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


def as_role(dsn: str, role: str, password: str = "") -> str:
    """The same database for a role; without a password where the server trusts everybody."""
    parts = urlsplit(dsn)
    who = f"{role}:{password}" if password else role
    return urlunsplit(parts._replace(netloc=f"{who}@{parts.hostname}:{parts.port}"))


def through(dsn: str, port: int) -> str:
    """The same database for whom the dsn names, by way of something that listens on that port."""
    parts = urlsplit(dsn)
    who, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{who}{at}127.0.0.1:{port}"))


def run_apart(work: Coroutine[object, object, _T]) -> _T:
    """Run a coroutine to its end on an event loop of another thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
