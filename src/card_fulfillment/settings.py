"""What an operator can set, and nothing else reads the environment.

Environment variables have the prefix `FULFILLMENT_` and `__` between levels, for example
FULFILLMENT_KAFKA__GROUP_ID; a YAML file named by FULFILLMENT_FILE comes second, files of
/run/secrets (one a setting) third.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PostgresDsn, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

Bin = Annotated[str, Field(pattern=r"^[0-9]{1,10}$")]
TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(_Section):
    bootstrap_servers: str = Field("127.0.0.1:9092", description="host:port, comma separated")
    group_id: str = Field("card-fulfillment", min_length=1)
    transactional_id: str = Field(
        "card-fulfillment", min_length=1, description="prefix; one id per output topic"
    )
    client_id: str = "card-fulfillment"
    session_timeout: timedelta = Field(timedelta(seconds=6), description="brokers refuse less")
    transaction_timeout: timedelta = timedelta(seconds=10)
    request_timeout: timedelta = timedelta(seconds=20)


class PostgresSettings(_Section):
    dsn: SecretStr = SecretStr("postgresql://postgres@127.0.0.1:5432/postgres")
    connect_timeout: timedelta = timedelta(seconds=10)
    statement_timeout: timedelta = timedelta(seconds=30)
    lock_timeout: timedelta = timedelta(seconds=10)
    idle_in_transaction_timeout: timedelta = timedelta(seconds=5)

    @field_validator("dsn")
    @classmethod
    def _is_a_dsn(cls, value: SecretStr) -> SecretStr:
        PostgresDsn(value.get_secret_value())
        return value


class TopicSettings(_Section):
    prefix: str = Field("", description="put before every topic name, for several installations")
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


class VendorSettings(_Section):
    directory: Path | None = Field(None, description="your own profiles, *.yaml")
    enabled: list[str] | None = Field(None, description="vendor ids; null: all")


class IntakeSettings(_Section):
    batch_records: int = Field(1000, ge=1, le=50_000)
    max_record_bytes: int = Field(65_536, ge=1024, le=1_048_576)


class ParkingSettings(_Section):
    deadline: timedelta = Field(
        timedelta(days=7), description="how long a fact waits before somebody is told"
    )
    sweep_every: timedelta = Field(timedelta(minutes=1), gt=timedelta(0))


class GuardSettings(_Section):
    bins: list[Bin] = Field(
        default_factory=list,
        description="how your card numbers begin; without any, all ranges of the card networks",
    )


class EventSettings(_Section):
    source: str = Field("/card-fulfillment", description="ce_source of every event")
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
    stalled_after: timedelta = Field(
        timedelta(seconds=30), description="work waits and nothing moves: an alarm"
    )
    stuck_after: timedelta = Field(
        timedelta(seconds=60), description="a loop does not even turn: /livez says no"
    )


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="FULFILLMENT_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    kafka: KafkaSettings = KafkaSettings()
    postgres: PostgresSettings = PostgresSettings()
    topics: TopicSettings = TopicSettings()
    vendors: VendorSettings = VendorSettings()
    intake: IntakeSettings = IntakeSettings()
    parking: ParkingSettings = ParkingSettings()
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
        yaml = (YamlConfigSettingsSource(settings_cls, yaml_file=file),) if file else ()
        return (init_settings, env_settings, *yaml, file_secret_settings)

    @classmethod
    def load(cls) -> Self:
        secrets = Path("/run/secrets")
        return cls(_secrets_dir=secrets if secrets.is_dir() else None)
