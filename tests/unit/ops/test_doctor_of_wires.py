"""What the doctor says of the ways to the servers."""

import pytest
from pydantic import SecretStr

from card_fulfillment.doctor.findings import Level
from card_fulfillment.doctor.wires import of_wires
from card_fulfillment.settings import KafkaSettings, PostgresSettings, SecurityProtocol

_LOGIN = {"sasl_username": "me", "sasl_password": SecretStr("s3cret")}
_HERE = PostgresSettings()


@pytest.mark.parametrize(
    ("servers", "protocol", "found"),
    [
        ("127.0.0.1:9092, localhost:9093,[::1]:9094", "PLAINTEXT", []),
        ("127.0.0.1:9092,kafka:9092", "PLAINTEXT", [Level.WARN]),
        ("[2001:db8::1]:9092", "SASL_PLAINTEXT", [Level.WARN]),
        ("kafka:9092", "SSL", [Level.OK]),
        ("kafka:9092", "SASL_SSL", [Level.OK]),
    ],
)
def test_a_kafka_elsewhere_is_spoken_to_by_tls(
    servers: str, protocol: SecurityProtocol, found: list[Level]
) -> None:
    login = _LOGIN if protocol.startswith("SASL") else {}
    kafka = KafkaSettings.model_validate(
        {"bootstrap_servers": servers, "security_protocol": protocol, **login}
    )
    assert [each.level for each in of_wires(kafka, _HERE)] == found


@pytest.mark.parametrize(
    ("dsn", "found"),
    [
        ("postgresql://me@localhost/d", []),
        ("postgresql://db/d?host=/run/postgresql", []),
        ("postgresql://db/d?service=cards", []),
        ("postgresql://me:s3cret@db:5432/d", [Level.WARN]),
        ("postgresql://me@localhost/d?host=db", [Level.WARN]),
        ("postgresql://me@db/d?sslmode=require", [Level.WARN]),
        ("postgresql://me@db/d?sslmode=verify-full&sslrootcert=ca.pem", [Level.OK]),
    ],
)
def test_a_postgres_elsewhere_is_asked_who_it_is(dsn: str, found: list[Level]) -> None:
    findings = list(of_wires(KafkaSettings(), PostgresSettings(dsn=SecretStr(dsn))))
    assert [each.level for each in findings] == found
    assert "s3cret" not in "".join(map(str, findings))
