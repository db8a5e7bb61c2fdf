"""What there is to say about the ways to the servers: who could read along, or stand in between."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from card_fulfillment.doctor.findings import Finding, ok, warn
from card_fulfillment.settings import KafkaSettings, PostgresSettings

_HERE: Final = ("localhost", "127.0.0.1", "::1")
_CHECKED: Final = "verify-full"


def of_wires(kafka: KafkaSettings, postgres: PostgresSettings) -> Iterator[Finding]:
    """Nothing is said of servers on this machine. A service file of the DSN is not looked into."""
    servers = (each.strip() for each in kafka.bootstrap_servers.split(","))
    away = any(not _is_here(each.rpartition(":")[0].strip("[]")) for each in servers)
    protocol = kafka.security_protocol
    if away and not protocol.endswith("SSL"):
        yield warn(f"Kafka is spoken to in the clear ({protocol})", "set it to SSL or SASL_SSL")
    elif away:
        yield ok(f"Kafka is spoken to by {protocol}")
    dsn = urlsplit(postgres.dsn.get_secret_value())
    asked = dict(parse_qsl(dsn.query))
    mode = asked.get("sslmode", "prefer")
    if "service" in asked or _is_here(asked.get("host") or dsn.hostname or ""):
        return
    if mode == _CHECKED:
        yield ok(f"Postgres is spoken to with sslmode={mode}")
    else:
        yield warn(
            f"whether it is our Postgres is not made sure of (sslmode={mode})",
            f"sslmode={_CHECKED}&sslrootcert=FILE in the DSN",
        )


def _is_here(host: str) -> bool:
    return not host or host in _HERE or host.startswith("/")
