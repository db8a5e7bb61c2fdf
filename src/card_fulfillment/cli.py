"""Where every physical card and every bulk order is.

Exit codes: 0 done, 1 checked and found wrong, 2 usage, settings or a refused access, 3 a dependency
is not reachable at start or went away, 4 a named alarm at start.
"""

from collections import Counter
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer

from card_fulfillment import app, starting
from card_fulfillment.audit.commands import audit
from card_fulfillment.commands.accept import accept
from card_fulfillment.commands.check import check
from card_fulfillment.commands.dlq import dlq
from card_fulfillment.commands.overdue import overdue
from card_fulfillment.commands.running import (
    FOUND_WRONG,
    USAGE,
    current_time,
    fail,
    finish,
    has_no_room,
    load_settings,
)
from card_fulfillment.commands.timeline import timeline
from card_fulfillment.doctor.examination import examine
from card_fulfillment.doctor.findings import Level
from card_fulfillment.messages import schema
from card_fulfillment.onboarding.commands import vendors
from card_fulfillment.ops.effective import effective
from card_fulfillment.postgres.schema import newest_revision
from card_fulfillment.process import clock
from card_fulfillment.settings import Settings
from card_fulfillment.topology import topology

cli = typer.Typer(
    help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
cli.command("audit")(audit)
cli.command("overdue")(overdue)
cli.command("timeline")(timeline)
cli.add_typer(dlq, name="dlq")
cli.add_typer(accept, name="accept")
cli.add_typer(check, name="check")
cli.add_typer(vendors, name="vendors")


@cli.command()
def run() -> None:
    """Run the worker until it is told to stop (SIGTERM)."""
    finish(app.run(load_settings()))


@cli.command()
def doctor() -> None:
    """Look at everything that the worker needs: what is wrong, and what to do. Changes nothing."""
    if finish(_doctor(load_settings())):
        raise typer.Exit(FOUND_WRONG)


async def _doctor(settings: Settings) -> int:
    """How much is wrong."""
    levels: Counter[Level] = Counter()
    async with aclosing(examine(settings, clock)) as findings:
        async for finding in findings:
            typer.echo(finding)
            levels[finding.level] += 1
    typer.echo(f"{levels[Level.FAIL]} wrong, {levels[Level.WARN]} to look at")
    return levels[Level.FAIL]


@cli.command("migrate")
def migrate_() -> None:
    """Bring the database's schema up to date."""
    found = finish(starting.migrated(load_settings()))
    is_ahead = found > newest_revision()
    more = ": that of a newer version, and nothing was changed" if is_ahead else ""
    typer.echo(f"the schema is at revision {found}{more}")


@cli.command()
def topics(
    *, check: Annotated[bool, typer.Option("--check", help="Only verify, create nothing.")] = False
) -> None:
    """Create the topics that are missing and verify the rest."""
    settings = load_settings()

    async def ensure() -> list[str]:
        return await starting.check_topics(settings, topology(settings), check_only=check)

    findings = finish(ensure())
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
        fail(USAGE, f"{error.name} is missing: install card-fulfillment[devstack]")
    raise typer.Exit(tell(current_time(), keep=keep))


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
    typer.echo(effective(load_settings()), nl=False)


def main() -> None:
    try:
        cli()
    except OSError as error:
        if not has_no_room(error):
            raise
        fail(USAGE, f"the output cannot be written: {error.strerror}")
