"""The command line: what needs no server."""

import errno
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from card_fulfillment import starting
from card_fulfillment.cli import cli
from card_fulfillment.commands.running import UNREACHABLE, USAGE, finish
from card_fulfillment.commands.words import whoever_asks
from card_fulfillment.ops.effective import redacted
from card_fulfillment.process import process_name

# Those that the design and the documentation name.
COMMANDS = (
    "run",
    "demo",
    "migrate",
    "topics",
    "doctor",
    "timeline",
    "dlq",
    "vendors",
    "schema",
    "config",
    "audit",
    "overdue",
    "check",
    "accept",
)
SCHEMAS = Path(__file__).parents[2] / "schemas"


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Every command configures logging for its process."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


def call(*arguments: str, **settings: str) -> Result:
    environment = {f"FULFILLMENT_{name}": value for name, value in settings.items()}
    return CliRunner().invoke(cli, arguments, env=environment)


def test_every_command_explains_itself() -> None:
    listed = call("--help").output
    for command in COMMANDS:
        assert f" {command} " in listed
        assert call(command, "--help").exit_code == 0


def test_config_shows_what_the_environment_says_and_no_password() -> None:
    shown = call(
        "config",
        KAFKA__GROUP_ID="mine",
        POSTGRES__DSN="postgresql://me:s3cret@db.example:5433/cards?sslmode=require",
    )
    assert shown.exit_code == 0
    assert "s3cret" not in shown.output
    said = yaml.safe_load(shown.output)
    assert said["kafka"]["group_id"] == "mine"
    assert said["postgres"]["dsn"] == ("postgresql://me:***@db.example:5433/cards?sslmode=require")


def test_what_config_shows_is_a_file_that_sets_it(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(call("config", TOPICS__PARTITIONS="7", KAFKA__SESSION_TIMEOUT="PT2S").output)
    assert call("config", FILE=str(file)).output == file.read_text()


@pytest.mark.parametrize(
    "password",
    ["*s3cret", "!s3cret", "!s3'cret", "!s3cret!my", "&s3cret", "&s3cret\n  other: &s3cret"],
)
def test_a_password_that_yaml_takes_for_something_else_is_not_told(
    password: str, tmp_path: Path
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(
        f"kafka:\n  security_protocol: SASL_SSL\n  sasl_username: me\n  sasl_password: {password}\n"
    )
    told = call("config", FILE=str(file))
    assert told.exit_code == 2
    assert "cret" not in told.output
    assert "line 4" in told.output or "SASL_SSL needs" in told.output


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://me@h/d", "postgresql://me@h/d"),
        ("postgresql://me:p%2Fss@h/d", "postgresql://me:***@h/d"),
        ("postgresql://me:p@ss@h/d", "postgresql://me:***@h/d"),
        ("postgresql://me:p@h1:1,h2:2/d", "postgresql://me:***@h1:1,h2:2/d"),
        ("postgresql:///d?host=/run&password=p", "postgresql:///d?host=/run&password=***"),
        ("postgresql://h/d?sslpassword=p", "postgresql://h/d?sslpassword=***"),
    ],
)
def test_an_address_is_shown_without_any_password(dsn: str, shown: str) -> None:
    assert redacted(dsn) == shown


@pytest.mark.parametrize(
    "name", ["TOPICS__PARTITIONS", "OPS__PORT", "LOG_FORMAT", "KAFKA__UNKNOWN", "POSTGRES__DSN"]
)
def test_a_wrong_setting_is_one_readable_line_and_exit_code_2(name: str) -> None:
    wrong = call("config", **{name: "many"})
    assert wrong.exit_code == 2
    assert wrong.output.startswith(f"card-fulfillment: settings: FULFILLMENT_{name}: ")
    assert wrong.output.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PARKING__DEADLINE", "soon", "a length of time is expected, in seconds or as in PT30S"),
        ("PARKING__DEADLINE", "1e3", "a length of time is expected, in seconds or as in PT30S"),
        ("PARKING__DEADLINE", "-5", "Input should be greater than or equal to 0.001 s"),
        ("POSTGRES__LOCK_TIMEOUT", "0.0001", "Input should be greater than or equal to 0.001 s"),
        ("POSTGRES__LOCK_TIMEOUT", "P30D", "Input should be less than or equal to 1728000 s"),
        ("GUARD__BINS", "4111", "a list is expected, written as JSON"),
        ("TOPICS__VENDOR_TRACKING", "7", "a map is expected, written as JSON"),
        ("KAFKA__BOOTSTRAP", "here:9092", "there is no such setting"),
        ("KAFKA__BOOTSTRAP_SERVERS", "here", "host:port is expected, several comma separated"),
        ("LOG_FORMAT", "xml", "auto, json or console is expected"),
        ("OPS__PORT", "none", "the number of a port is expected, or auto, or off"),
        ("POSTGRES__DSN", "postgresql+asyncpg://h/d", "postgresql://USER:PASSWORD@HOST:PORT/"),
        ("TOPICS__PREFIX", "a b", "letters, digits, dots, dashes and underscores are expected"),
        ("TOPICS__DEAD_LETTER", "a/b", "letters, digits, dots, dashes and underscores are"),
    ],
)
def test_a_wrong_setting_says_what_is_expected(name: str, value: str, told: str) -> None:
    assert call("config", **{name: value}).output.startswith(
        f"card-fulfillment: settings: FULFILLMENT_{name}: {told}"
    )


@pytest.mark.parametrize("command", [("migrate",), ("timeline", "card-1"), ("audit",)])
def test_a_database_that_nobody_can_reach_is_named_without_its_password(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "_REACHABLE_WITHIN", 0.0)
    told = call(*command, POSTGRES__DSN="postgresql://me:s3cret@127.0.0.1:1/cards")
    assert told.exit_code == UNREACHABLE
    where = "Postgres at postgresql://me:***@127.0.0.1:1/cards"
    assert told.output.splitlines()[-1].startswith(f"card-fulfillment: {where} is not reachable: ")


LETTER = "58a7bf2e-f94c-596d-815c-c19b69afecc0"


@pytest.mark.parametrize("command", [("redrive", "--all"), ("close", LETTER)])
def test_a_user_who_has_no_name_may_ask_for_what_is_kept_under_one(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 65_532)  # as in the image
    monkeypatch.setattr(starting, "_REACHABLE_WITHIN", 0.0)
    told = call("dlq", *command, POSTGRES__DSN="postgresql://me@127.0.0.1:1/cards")
    assert told.exit_code == UNREACHABLE, told.output
    assert whoever_asks() == "uid 65532"


@pytest.mark.parametrize(
    "command",
    [
        ("dlq", "list", "--vendor", "\udcff"),
        ("dlq", "list", "--topic", "\udcff"),
        ("dlq", "list", "--since", "0001-01-01T00:00+14:00"),
        ("dlq", "list", "--until", "9999-12-31T23:59-14:00"),
        ("dlq", "redrive", "--all", "--by", "\udcff"),
        ("dlq", "close", LETTER, "--by", "\udcff"),
        ("check", "bulks", "b1", "\udcff"),
    ],
)
def test_words_and_times_that_no_database_can_hold_are_usage(command: tuple[str, ...]) -> None:
    told = call(*command, POSTGRES__DSN="postgresql://me@127.0.0.1:1/cards")
    assert told.exit_code == USAGE, told.output
    assert "Invalid value for" in told.output


def test_output_that_nobody_reads_any_more_is_no_server_that_went_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def tell() -> None:
        sys.stdout.write("more than `head` wants")
        sys.stdout.flush()

    reading, writing = os.pipe()
    os.close(reading)
    output = os.fdopen(writing, "w")
    monkeypatch.setattr(sys, "stdout", output)
    with pytest.raises(BrokenPipeError):
        finish(tell())
    with suppress(BrokenPipeError):
        output.close()


def test_a_broken_pipe_to_a_server_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def ask() -> None:
        raise BrokenPipeError

    with (tmp_path / "output").open("w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        with pytest.raises(SystemExit) as ended:
            finish(ask())
    assert (ended.value.code, "went away" in capsys.readouterr().err) == (UNREACHABLE, True)


def test_a_disk_that_is_full_is_no_server_that_went_away() -> None:
    async def tell() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        finish(tell())


def test_no_process_has_the_name_of_another_one_even_with_its_host_and_number() -> None:
    names = {process_name() for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith(f"{socket.gethostname()}/{os.getpid()}/") for name in names)


def test_the_committed_schemas_are_those_of_the_models() -> None:
    assert call("schema", str(SCHEMAS), "--check").exit_code == 0


def test_a_schema_that_is_not_that_of_the_models_is_found_and_written_anew(tmp_path: Path) -> None:
    assert call("schema", str(tmp_path)).exit_code == 0
    assert call("schema", str(tmp_path), "--check").exit_code == 0
    (tmp_path / "card-created.v1.schema.json").write_text("{}")
    drifted = call("schema", str(tmp_path), "--check")
    assert drifted.exit_code == 1
    assert drifted.output == "card-created.v1.schema.json differs from the models\n"
