"""What an operator can set, and nothing else reads the environment.

Environment variables have the prefix `FULFILLMENT_` and `__` between levels, for example
FULFILLMENT_KAFKA__GROUP_ID; a YAML file named by FULFILLMENT_FILE comes second, files of
/run/secrets (one a setting, named like its variable) third.
"""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FilePath,
    PostgresDsn,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)

from card_fulfillment.durations import Duration, Pause, Timeout

_PREFIX: Final = "FULFILLMENT_"
_SERVER: Final = r"(\[[0-9a-fA-F:.]+\]|[^\s,:/\[\]]+):[0-9]{1,5}"
_SERVERS: Final = rf"^\s*{_SERVER}\s*(,\s*{_SERVER}\s*)*$"
_DSN_SCHEMES: Final = ("postgres", "postgresql")
# What Kubernetes sets in every container for a service whose name begins with `fulfillment`.
_OF_KUBERNETES: Final = re.compile(r".*_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_[0-9]+_\w+)?)")
# What YAML takes for the name of something may be a password that begins so.
_QUOTED: Final = re.compile(r"""\b(alias|anchor|tag|tag handle) ('.*'|"[^"]*")""")

Bin = Annotated[str, Field(pattern=r"^[0-9]{1,10}$")]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
TopicPrefix = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{0,100}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(_Section):
    bootstrap_servers: Annotated[str, Field(pattern=_SERVERS)] = Field(
        "127.0.0.1:9092", description="host:port, comma separated"
    )
    group_id: str = Field("card-fulfillment", min_length=1)
    transactional_id: str = Field(
        "card-fulfillment", min_length=1, description="prefix; one id per output topic"
    )
    client_id: str = "card-fulfillment"
    session_timeout: Timeout = Field(timedelta(seconds=6), description="brokers refuse less")
    transaction_timeout: Timeout = timedelta(seconds=10)
    request_timeout: Timeout = timedelta(seconds=20)
    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_ca_file: FilePath | None = Field(
        None, description="PEM, whom to trust; null: the system's certificate authorities"
    )
    ssl_certificate_file: FilePath | None = Field(
        None, description="PEM, our own certificate and its chain, where brokers ask for one"
    )
    ssl_key_file: FilePath | None = Field(
        None, description="PEM; null: the key is in the certificate's file"
    )
    ssl_key_password: SecretStr | None = None
    ssl_check_hostname: bool = Field(
        default=True, description="whether a broker's certificate must name its host"
    )

    @model_validator(mode="after")
    def _security_is_whole(self) -> Self:
        """Refuse what would silently be left out: a login or a certificate that is never shown."""
        login = (self.sasl_username, self.sasl_password and self.sasl_password.get_secret_value())
        wants_login = self.security_protocol.startswith("SASL_")
        if wants_login and not all(login):
            raise ValueError(f"{self.security_protocol} needs sasl_username and sasl_password")
        if any(login) and not wants_login:
            raise ValueError("a login needs security_protocol SASL_SSL (or SASL_PLAINTEXT)")
        if not self.security_protocol.endswith("SSL") and (self.ssl_ca_file or self._names_us()):
            raise ValueError("certificates need security_protocol SSL or SASL_SSL")
        if self._names_us() and not self.ssl_certificate_file:
            raise ValueError("ssl_key_file and ssl_key_password need ssl_certificate_file")
        return self

    def _names_us(self) -> bool:
        return bool(self.ssl_certificate_file or self.ssl_key_file or self.ssl_key_password)


class PostgresSettings(_Section):
    dsn: SecretStr = Field(
        SecretStr("postgresql://postgres@127.0.0.1:5432/postgres"),
        description="with sslmode=verify-full&sslrootcert=FILE in production",
    )
    connect_timeout: Timeout = timedelta(seconds=10)
    statement_timeout: Timeout = timedelta(seconds=30)
    lock_timeout: Timeout = timedelta(seconds=10)
    idle_in_transaction_timeout: Timeout = timedelta(seconds=5)

    @field_validator("dsn")
    @classmethod
    def _is_a_dsn(cls, value: SecretStr) -> SecretStr:
        if PostgresDsn(value.get_secret_value()).scheme not in _DSN_SCHEMES:
            raise ValueError("postgresql:// is expected")  # others name libraries that we are not
        return value


class TopicSettings(_Section):
    prefix: TopicPrefix = Field("", description="before all topic names, for several installations")
    card_created: TopicName = "card-created"
    embossing_requested: TopicName = "embossing-requested"
    vendor_tracking: dict[TopicName, str] = Field(
        default_factory=dict,
        description="topic: vendor; without any, perso-vendor-tracking-<vendor> for each vendor",
    )
    status_changed: TopicName = "fulfillment_status-changed"
    dead_letter: TopicName = "fulfillment-dead-letter"
    partitions: int = Field(6, ge=1, le=1000)
    replication_factor: int = Field(-1, ge=-1, description="-1: the broker's default")
    output_retention_ms: int = Field(-1, ge=-1, description="-1: kept for ever")

    @model_validator(mode="after")
    def _have_one_use_each(self) -> Self:
        """Refuse a topic that is read as two things, or read and written: that goes in circles."""
        names = [self.card_created, self.embossing_requested, *self.vendor_tracking]
        names += [self.status_changed, self.dead_letter]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is named for two purposes")
        return self


class VendorSettings(_Section):
    directory: Path | None = Field(None, description="your own profiles, *.yaml")
    enabled: list[str] | None = Field(None, description="vendor ids; null: all")


class BindingSettings(_Section):
    grace: Pause = Field(
        timedelta(hours=72),
        description="how long before it was named a vendor's reference means its subject",
    )
    window: Duration = Field(
        timedelta(days=180), description="how long afterwards; a profile may say less"
    )


class IntakeSettings(_Section):
    batch_records: int = Field(1500, ge=1, le=50_000)
    max_record_bytes: int = Field(65_536, ge=1024, le=1_048_576)


class BulkSettings(_Section):
    members_at_a_time: int = Field(
        500, ge=1, le=5000, description="members of a bulk in one transaction of the fan-out"
    )
    tick: Duration = Field(timedelta(seconds=1), description="how soon counts alone are published")


class ParkingSettings(_Section):
    deadline: Duration = Field(timedelta(days=7), description="how long facts wait until told of")
    sweep_every: Duration = timedelta(minutes=1)


class FileSettings(_Section):
    grace: Pause = Field(
        timedelta(hours=1),
        description="how long after its last line a vendor's file must be whole, and files "
        "before it must be there, before somebody is told",
    )


class GuardSettings(_Section):
    bins: list[Bin] = Field(
        default_factory=list,
        description="how your card numbers begin; without any, all ranges of the card networks",
    )


class EventSettings(_Section):
    source: str = Field("/card-fulfillment", min_length=1, description="ce_source of every event")
    schema_base: str = Field(
        "https://schemas.card-fulfillment.example/", description="ce_dataschema is below it"
    )
    updates: bool = Field(
        default=True, description="publish changes of reason, finality or tracking number alone"
    )


class OpsSettings(_Section):
    host: str = Field("127.0.0.1", description="0.0.0.0 where probes come from outside")
    port: Annotated[int, Field(ge=0, le=65_535)] | Literal["auto", "off"] = Field(
        "auto",
        description="a number: this one or the worker does not start, 0: any; "
        "auto: 8080, or any where that is taken; off: none",
    )
    stalled_after: Duration = Field(
        timedelta(seconds=30), description="work waits and nothing moves: an alarm"
    )
    stuck_after: Duration = Field(
        timedelta(seconds=60), description="a loop does not even turn: /livez says no"
    )


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    kafka: KafkaSettings = KafkaSettings()
    postgres: PostgresSettings = PostgresSettings()
    topics: TopicSettings = TopicSettings()
    vendors: VendorSettings = VendorSettings()
    bindings: BindingSettings = BindingSettings()
    intake: IntakeSettings = IntakeSettings()
    bulks: BulkSettings = BulkSettings()
    parking: ParkingSettings = ParkingSettings()
    files: FileSettings = FileSettings()
    guard: GuardSettings = GuardSettings()
    events: EventSettings = EventSettings()
    ops: OpsSettings = OpsSettings()
    log_format: str = Field("auto", pattern="^(auto|json|console)$")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = os.environ.get("FULFILLMENT_FILE")
        if file and not Path(file).is_file():
            raise FileNotFoundError(f"FULFILLMENT_FILE: there is no file {file}")
        from_file = (_yaml_source(settings_cls, file),) if file else ()
        secrets = NestedSecretsSettingsSource(file_secret_settings, secrets_nested_delimiter="__")
        return (init_settings, env_settings, *from_file, secrets)

    @classmethod
    def load(cls) -> Self:
        """Raises ValidationError, ValueError or OSError."""
        if unknown := sorted(filter(cls._is_unknown, os.environ)):
            raise ValueError(f"{unknown[0]}: there is no such setting (`__` between levels)")
        secrets = Path("/run/secrets")
        try:
            return cls(_secrets_dir=secrets if secrets.is_dir() else None)
        except SettingsError as error:
            raise ValueError(_no_json(error)) from error

    @classmethod
    def _is_unknown(cls, variable: str) -> bool:
        """Whether it looks like a setting and would be left out: a wrong name is never an error."""
        name = variable.upper()
        if not name.startswith(_PREFIX) or _OF_KUBERNETES.fullmatch(name):
            return False
        section = name.removeprefix(_PREFIX).split("__")[0].lower()
        return section not in {"file", *cls.model_fields}


def _no_json(error: SettingsError) -> str:
    """Name the variable: pydantic names the section, of which there may be several."""
    text = getattr(error.__cause__, "doc", None)
    names = (name for name, value in os.environ.items() if value == text)
    named = next((name for name in names if name.upper().startswith(_PREFIX)), None)
    return str(error) if named is None else f"{named}: lists and maps are written as JSON"


def _yaml_source(settings: type[BaseSettings], file: str) -> YamlConfigSettingsSource:
    try:
        return YamlConfigSettingsSource(settings, yaml_file=file)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        told = _QUOTED.sub(r"\1", " ".join(str(error).split()))
        raise ValueError(f"FULFILLMENT_FILE: {file} is no YAML file of settings: {told}") from error
