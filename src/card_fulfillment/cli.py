"""Where every physical card and every bulk order is.

Exit codes: 0 done, 1 checked and found wrong, 2 usage, settings or a refused access, 3 a dependency
is not reachable at start, 4 a named alarm at start.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar

import typer
import uvloop
from pydantic import ValidationError
from rich.console import Console

from card_fulfillment import app, log, starting, worker
from card_fulfillment.dlq import dlq
from card_fulfillment.kafka import connection as kafka_connection
from card_fulfillment.messages import schema
from card_fulfillment.ops.effective import effective
from card_fulfillment.ops.http import PortTaken
from card_fulfillment.ops.timeline import in_full
from card_fulfillment.pipeline.timeline import Timeline
from card_fulfillment.postgres import connection as postgres_connection
from card_fulfillment.postgres.connection import connect, disconnect, is_transient
from card_fulfillment.postgres.schema import SchemaMismatch, check_schema, migrate
from card_fulfillment.postgres.timeline import load_timeline
from card_fulfillment.settings import Settings
from card_fulfillment.topology import UnknownVendor, topology
from card_fulfillment.vendors.profile import ProfileError

FOUND_WRONG: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
ALARMED: Final = 4

_EXIT_CODES: Final[Mapping[type[Exception], int]] = {
    starting.Misfit: FOUND_WRONG,
    SchemaMismatch: FOUND_WRONG,
    ProfileError: USAGE,
    UnknownVendor: USAGE,
    PortTaken: USAGE,
    kafka_connection.AccessRefused: USAGE,
    postgres_connection.AccessRefused: USAGE,
    starting.Unreachable: UNREACHABLE,
    starting.Alarmed: ALARMED,
}

T = TypeVar("T")

cli = typer.Typer(
    help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


cli.add_typer(dlq, name="dlq")


def _settings() -> Settings:
    try:
        settings = Settings.load()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = "__".join(str(step) for step in first["loc"]).upper()
        _fail(USAGE, f"settings: FULFILLMENT_{path}: {first['msg']}")
    except (OSError, ValueError) as error:
        _fail(USAGE, f"settings: {error}")
    log.configure(settings.log_format, settings.log_level)
    return settings


def _clock() -> datetime:
    return datetime.fromtimestamp(worker.clock() / 1_000_000, UTC)


def _fail(code: int, message: str) -> NoReturn:
    typer.echo(f"card-fulfillment: {message}", err=True)
    raise typer.Exit(code)


def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Run it, and turn what it raises into an exit code and one readable line."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except Exception as error:
        cause = _first_of(error)
        for kind, code in _EXIT_CODES.items():
            if isinstance(cause, kind):
                _fail(code, str(cause))
        if reason := postgres_connection.refusal(cause) or kafka_connection.refusal(cause):
            _fail(USAGE, reason)
        raise


def _first_of(error: Exception) -> Exception:
    """The exception that ended a task group."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


@cli.command()
def run() -> None:
    """Run the worker until it is told to stop (SIGTERM)."""
    _finish(app.run(_settings()))


@cli.command("migrate")
def migrate_() -> None:
    """Bring the database's schema up to date."""
    settings = _settings()
    dsn = settings.postgres.dsn.get_secret_value()
    _finish(starting.reachable("Postgres", lambda: migrate(dsn), is_transient))


@cli.command()
def topics(
    *, check: Annotated[bool, typer.Option("--check", help="Only verify, create nothing.")] = False
) -> None:
    """Create the topics that are missing and verify the rest."""
    settings = _settings()

    async def ensure() -> list[str]:
        return await starting.check_topics(settings, topology(settings), check_only=check)

    findings = _finish(ensure())
    for finding in findings:
        typer.echo(finding)
    if findings:
        raise typer.Exit(FOUND_WRONG)


@cli.command()
def demo(
    *, keep: Annotated[bool, typer.Option("--keep", help="Leave everything running.")] = False
) -> None:
    """Tell the stories of some dozens of cards, on a Kafka and a Postgres of its own."""
    try:
        from card_fulfillment.demo.run import demo as tell  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        _fail(USAGE, f"{error.name} is missing: install card-fulfillment[devstack]")
    raise typer.Exit(tell(_clock(), keep=keep))


@cli.command("timeline")
def timeline_(card_id: str) -> None:
    """Show all that is known of a card: what was published, its facts, its open dead letters."""
    settings = _settings()
    found = _finish(_timeline(settings, card_id))
    if found is None:
        _fail(FOUND_WRONG, f"nobody ever spoke of a card {card_id}")
    Console(highlight=False).print(in_full(found))


async def _timeline(settings: Settings, card_id: str) -> Timeline | None:
    open_ = partial(connect, settings.postgres, application_name="card-fulfillment timeline")
    connection = await starting.reachable("Postgres", open_, is_transient)
    try:
        await check_schema(connection)
        return await load_timeline(connection, card_id)
    finally:
        await disconnect(connection)


@cli.command("schema")
def schema_(
    directory: Annotated[Path, typer.Argument(help="Where the files are.")] = Path("schemas"),
    *,
    check: Annotated[bool, typer.Option("--check", help="Only compare, write nothing.")] = False,
) -> None:
    """Write the JSON Schemas and the AsyncAPI document of all messages."""
    if not check:
        schema.write(directory)
        return
    problems = schema.drift(directory)
    for problem in problems:
        typer.echo(problem)
    if problems:
        raise typer.Exit(FOUND_WRONG)


@cli.command()
def config() -> None:
    """Show the settings in effect, without secrets, as a file that would set them."""
    typer.echo(effective(_settings()), nl=False)


def main() -> None:
    cli()


if __name__ == "__main__":
    main()
