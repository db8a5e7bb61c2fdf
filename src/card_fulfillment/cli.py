"""Where every physical card and every bulk order is.

Exit codes: 0 done, 1 checked and found wrong, 2 usage or settings, 3 a dependency is not reachable
at start, 4 a named alarm at start.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Annotated, Any, Final, NoReturn, TypeVar

import typer
import uvloop
from pydantic import ValidationError

from card_fulfillment import app, log, starting
from card_fulfillment.postgres.connection import is_transient
from card_fulfillment.postgres.schema import SchemaMismatch, migrate
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
    starting.Unreachable: UNREACHABLE,
    starting.Alarmed: ALARMED,
}

T = TypeVar("T")

cli = typer.Typer(
    help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


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


def main() -> None:
    cli()


if __name__ == "__main__":
    main()
