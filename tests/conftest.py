"""Fixtures for tests against real services; nothing starts unless a test asks for it."""

import secrets
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest
import structlog

from card_fulfillment.devstack import Stack
from hypothesis_profiles import register as register_hypothesis_profiles
from stack import Services, create_database, database_of, drop_database, run_apart, services

if TYPE_CHECKING:
    from card_fulfillment.kafka.connection import ClientOptions

register_hypothesis_profiles()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stack",
        choices=("embedded", "containers"),
        default="embedded",
        help="Kafka and Postgres to test against, unless FULFILLMENT_KAFKA__BOOTSTRAP_SERVERS "
        "and FULFILLMENT_POSTGRES__DSN name running ones",
    )


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Services]:
    """Start Kafka and Postgres once: `stack.bootstrap`, `stack.dsn`."""
    with services(request.config.getoption("--stack")) as running:
        yield running


@pytest.fixture(autouse=True)
def _logging_is_configured_anew() -> Iterator[None]:
    """What runs a command in the test's own process configures it for all that follow."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def options(stack: Services) -> "ClientOptions":
    """How clients of Kafka reach it."""
    from card_fulfillment.kafka.connection import client_options  # noqa: PLC0415  (slow to import)
    from card_fulfillment.settings import KafkaSettings  # noqa: PLC0415  (likewise)

    return client_options(KafkaSettings(bootstrap_servers=stack.bootstrap))


@pytest.fixture(scope="session")
def embedded(stack: Services) -> Stack:
    """Give the servers to stop and start; leave both running. Skips where they are not ours."""
    if stack.embedded is None:
        pytest.skip("needs the embedded stack")
    return stack.embedded


@pytest.fixture(scope="session")
def _template(stack: Services) -> Iterator[str]:
    from card_fulfillment.postgres.schema import migrate  # noqa: PLC0415 - slow to import

    template = run_apart(create_database(stack.dsn))
    run_apart(migrate(template))
    yield database_of(template)
    run_apart(drop_database(stack.dsn, template))


@pytest.fixture
async def dsn(stack: Services, _template: str) -> AsyncIterator[str]:
    """Make a migrated, empty database for this test alone."""
    database = await create_database(stack.dsn, _template)
    yield database
    await drop_database(stack.dsn, database)


@pytest.fixture
async def bare_dsn(stack: Services) -> AsyncIterator[str]:
    """Make a database without any schema for this test alone."""
    database = await create_database(stack.dsn)
    yield database
    await drop_database(stack.dsn, database)


@pytest.fixture
def prefix() -> str:
    """Say how this test's topics and groups begin, so that no two tests meet."""
    return f"t{secrets.token_hex(3)}-"
