"""Where settings come from, and which of them do not go together."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from card_fulfillment.kafka.connection import AccessRefused, client_options
from card_fulfillment.settings import KafkaSettings, Settings

LOGIN = {"sasl_username": "me", "sasl_password": "s3cret"}


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    file = tmp_path / "some.pem"
    file.write_text("no certificate at all", encoding="utf-8")
    return file


def test_secrets_are_files_named_like_the_variables_and_others_there_are_not_ours(
    tmp_path: Path,
) -> None:
    (tmp_path / "FULFILLMENT_KAFKA__SASL_PASSWORD").write_text("s3cret\n", encoding="utf-8")
    (tmp_path / "fulfillment_kafka__sasl_username").write_text("me", encoding="utf-8")
    (tmp_path / "FULFILLMENT_KAFKA__SECURITY_PROTOCOL").write_text("SASL_SSL", encoding="utf-8")
    (tmp_path / "kubernetes.io").mkdir()
    (tmp_path / "kubernetes.io" / "token").write_text("another's", encoding="utf-8")
    kafka = Settings(_secrets_dir=tmp_path).kafka
    assert kafka.sasl_username == "me"
    assert kafka.sasl_password is not None
    assert kafka.sasl_password.get_secret_value() == "s3cret"


def test_the_environment_wins_over_a_secret_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "FULFILLMENT_KAFKA__GROUP_ID").write_text("of-the-file", encoding="utf-8")
    assert Settings(_secrets_dir=tmp_path).kafka.group_id == "of-the-file"
    monkeypatch.setenv("FULFILLMENT_KAFKA__GROUP_ID", "of-the-environment")
    assert Settings(_secrets_dir=tmp_path).kafka.group_id == "of-the-environment"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"security_protocol": "SASL_SSL"}, "needs sasl_username and sasl_password"),
        ({"security_protocol": "SASL_SSL", "sasl_username": "me"}, "needs sasl_username and"),
        ({"security_protocol": "SASL_SSL", **LOGIN, "sasl_password": ""}, "needs sasl_username"),
        ({"security_protocol": "SSL", **LOGIN}, "a login needs security_protocol SASL_SSL"),
        (LOGIN, "a login needs security_protocol SASL_SSL"),
        ({"ssl_ca_file": "{pem}"}, "certificates need security_protocol SSL"),
        (
            {"security_protocol": "SASL_PLAINTEXT", **LOGIN, "ssl_ca_file": "{pem}"},
            "certificates need security_protocol SSL",
        ),
        (
            {"security_protocol": "SSL", "ssl_key_file": "{pem}"},
            "ssl_key_file and ssl_key_password need ssl_certificate_file",
        ),
        ({"security_protocol": "SSL", "ssl_ca_file": "/nowhere.pem"}, "not point to a file"),
        ({"security_protocol": "TLS"}, "'PLAINTEXT', 'SSL'"),
        ({"security_protocol": "SASL_SSL", **LOGIN, "sasl_mechanism": "GSSAPI"}, "SCRAM-SHA-512"),
    ],
)
def test_security_that_would_be_left_out_is_refused(
    said: dict[str, str], told: str, pem: Path
) -> None:
    with pytest.raises(ValidationError, match=told) as refused:
        KafkaSettings.model_validate({k: v.format(pem=pem) for k, v in said.items()})
    assert "s3cret" not in str(refused.value.errors(include_input=False))


def test_without_security_nothing_of_it_reaches_the_clients() -> None:
    options = client_options(KafkaSettings())
    assert options["security_protocol"] == "PLAINTEXT"
    assert options["ssl_context"] is None
    assert options["sasl_plain_password"] is None


def test_tls_without_a_file_trusts_the_authorities_of_the_system() -> None:
    context = client_options(KafkaSettings(security_protocol="SSL"))["ssl_context"]
    assert context is not None
    assert context.check_hostname


@pytest.mark.parametrize("setting", ["ssl_ca_file", "ssl_certificate_file"])
def test_files_that_are_no_certificates_are_refused_in_a_sentence(setting: str, pem: Path) -> None:
    said: dict[str, Any] = {"security_protocol": "SSL", setting: pem}
    with pytest.raises(AccessRefused, match="certificate or key for Kafka cannot be used"):
        client_options(KafkaSettings.model_validate(said))


def test_the_documentation_lists_every_setting_and_no_other() -> None:
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    table = text.split("## Settings")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `([a-z_.]+)` \|", table, re.MULTILINE)
    assert listed == list(names_of(Settings))


def names_of(model: type[BaseModel], before: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from names_of(type(field.default), f"{before}{name}.")
        else:
            yield before + name


@pytest.mark.parametrize("servers", ["localhost:abc", "", "http://kafka:9092", "kafka", "a:1,,b:2"])
def test_servers_are_hosts_with_ports(servers: str) -> None:
    with pytest.raises(ValidationError):
        KafkaSettings(bootstrap_servers=servers)


@pytest.mark.parametrize("servers", ["kafka:9092", "a:1, b:2", "[::1]:9092", "10.0.0.1:1,k-2.x:3"])
def test_several_servers_may_be_named(servers: str) -> None:
    assert KafkaSettings(bootstrap_servers=servers).bootstrap_servers == servers


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FULFILLMENT_KAFKA_BOOTSTRAP_SERVERS", "kafka:9092"),
        ("FULFILLMENT_LOGLEVEL", "DEBUG"),
        ("FULFILLMENT_KAFKA__SESSION_TIMEOUT", "0"),
        ("FULFILLMENT_KAFKA__SESSION_TIMEOUT", "-PT1S"),
        ("FULFILLMENT_TOPICS__CARD_CREATED", "fulfillment-dead-letter"),
        ("FULFILLMENT_TOPICS__PREFIX", "a b"),
        ("FULFILLMENT_EVENTS__SOURCE", ""),
        ("FULFILLMENT_TOPICS__DEAD_LETTER", "fulfillment_status-changed"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    told = r"no such setting|greater than|two purposes|pattern|at least"
    with pytest.raises(ValueError, match=told):
        Settings.load()


@pytest.mark.parametrize("variable", ["TOPICS__VENDOR_TRACKING", "GUARD__BINS"])
def test_a_list_or_map_that_is_no_json_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(f"FULFILLMENT_{variable}", "nojson")
    with pytest.raises(ValueError, match=f"FULFILLMENT_{variable}") as refused:
        Settings.load()
    assert "nojson" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "seconds"), [("10", 10), ("2.5", 2.5), ("PT30S", 30), ("P1D", 86_400)]
)
def test_durations_are_seconds_or_iso(
    monkeypatch: pytest.MonkeyPatch, value: str, seconds: float
) -> None:
    monkeypatch.setenv("FULFILLMENT_KAFKA__SESSION_TIMEOUT", value)
    monkeypatch.setenv("FULFILLMENT_WORKER_SERVICE_HOST", "10.0.0.1")  # as Kubernetes does
    assert Settings.load().kafka.session_timeout.total_seconds() == seconds
