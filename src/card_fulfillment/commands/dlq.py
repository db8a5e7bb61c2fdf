"""Dead letters: finding them, looking at them, and applying their records again."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import sha256
from typing import Annotated
from uuid import UUID

import typer

from card_fulfillment import starting
from card_fulfillment.commands.moments import moment
from card_fulfillment.commands.running import FOUND_WRONG, USAGE, fail, finish, load_settings
from card_fulfillment.commands.words import in_utf8, whoever_asks
from card_fulfillment.kafka.connection import client_options
from card_fulfillment.kafka.reread import read_record
from card_fulfillment.messages.envelope import Record, RefusalReason
from card_fulfillment.ops import letters
from card_fulfillment.pipeline.intake_ports import SourceUnavailable
from card_fulfillment.pipeline.redrive import BytesGone, Redriver, Selection, StoredLetter
from card_fulfillment.postgres.connection import Connect, connected, connector
from card_fulfillment.postgres.outbox import all_lanes
from card_fulfillment.postgres.quarantine import PostgresQuarantine, RedrivingQuarantine
from card_fulfillment.process import clock
from card_fulfillment.settings import Settings
from card_fulfillment.topology import topology
from card_fulfillment.wiring import decoder, publishing

dlq = typer.Typer(help=__doc__, no_args_is_help=True)


_Reason = Annotated[RefusalReason | None, typer.Option(help="Only of this reason.")]
_Vendor = Annotated[str | None, typer.Option(help="Only of this vendor.", callback=in_utf8)]
_Topic = Annotated[
    str | None,
    typer.Option(help="Only of this input topic, by its full name.", callback=in_utf8),
]
_Since = Annotated[
    datetime | None,
    typer.Option(parser=moment, metavar="TIME", help="In quarantine since then: 30m, 12h, 7d ago."),
]
_Until = Annotated[
    datetime | None, typer.Option(parser=moment, metavar="TIME", help="In quarantine before then.")
]
_By = Annotated[
    str | None,
    typer.Option(help="Who asks for it; by default the user of this system.", callback=in_utf8),
]


@dlq.command("list")
def list_(  # noqa: PLR0913 - one for each option
    *,
    reason: _Reason = None,
    vendor: _Vendor = None,
    topic: _Topic = None,
    since: _Since = None,
    until: _Until = None,
    state: Annotated[str, typer.Option(help="open, closed or all.")] = "open",
    most: Annotated[int, typer.Option(min=0, help="How many to show.")] = 50,
) -> None:
    """List dead letters, the oldest first, and how many there are."""
    if state not in ("open", "closed", "all"):
        fail(USAGE, "--state is open, closed or all")
    wanted = Selection((), reason, vendor, topic, since, until, None if state == "all" else state)
    finish(_list(load_settings(), wanted, most, state))


async def _list(settings: Settings, wanted: Selection, most: int, state: str) -> None:
    async with _opened(settings, "dlq list") as connect_:
        quarantine = PostgresQuarantine(connect_)
        shown = 0
        async for letter in quarantine.select(wanted):
            if shown == most:
                typer.echo(f"… the first {most} only")
                break
            typer.echo(letters.line(letter))
            shown += 1
        typer.echo(letters.tally(await quarantine.tally(wanted), state))


@dlq.command()
def show(
    letter: Annotated[UUID, typer.Argument(metavar="ID", help="As `dlq list` tells it.")],
    *,
    raw: Annotated[
        bool, typer.Option("--raw", help="The record's bytes alone, as they are.")
    ] = False,
) -> None:
    """Show all that is known of a dead letter, as characters that harm no terminal."""
    found = finish(_find(load_settings(), str(letter)))
    if found is None:
        fail(FOUND_WRONG, f"there is no dead letter {letter}")
    if not raw:
        typer.echo(letters.in_full(found))
    elif found.record is None or found.record.value is None:
        fail(FOUND_WRONG, "its bytes were not kept")
    else:
        sys.stdout.buffer.write(found.record.value)


async def _find(settings: Settings, letter_id: str) -> StoredLetter | None:
    async with _opened(settings, "dlq show") as connect_:
        wanted = Selection((letter_id,), state=None)
        return await anext(PostgresQuarantine(connect_).select(wanted), None)


@dlq.command()
def redrive(  # noqa: PLR0913 - one for each option
    ids: Annotated[
        list[UUID] | None, typer.Argument(metavar="[ID]", help="Which, closed ones too.")
    ] = None,
    *,
    reason: _Reason = None,
    vendor: _Vendor = None,
    topic: _Topic = None,
    since: _Since = None,
    until: _Until = None,
    all_: Annotated[bool, typer.Option("--all", help="Every open dead letter.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    by: _By = None,
) -> None:
    """Apply the records of open dead letters again, or of any named by their ids."""
    wanted = Selection(
        [str(each) for each in ids or ()],
        reason,
        vendor,
        topic,
        since,
        until,
        None if ids else "open",
    )
    if not (all_ or any((ids, reason, vendor, topic, since, until))):
        fail(USAGE, "which ones? Give ids, a filter such as --reason, or --all")
    if all_ and ids:
        fail(USAGE, "those of these ids, or --all?")
    settings = load_settings()
    left = finish(_redrive(settings, wanted, by or whoever_asks(), dry_run=dry_run))
    if left:
        raise typer.Exit(FOUND_WRONG)


async def _redrive(settings: Settings, wanted: Selection, by: str, *, dry_run: bool) -> int:
    """How many it did not close, or are not there."""
    done = closed = 0
    unknown = set(wanted.ids)
    async with _opened(settings, "dlq redrive") as connect_:
        quarantine, redriver = await _redriver(settings, connect_, by, dry_run=dry_run)
        try:
            async for letter in quarantine.select(wanted):
                redriven = await redriver(letter)
                typer.echo(letters.outcome(redriven, dry_run=dry_run))
                done += 1
                closed += redriven.closed
                unknown.discard(letter.id)
        finally:
            quarantine.discard()
    for letter_id in sorted(unknown):
        typer.echo(f"there is no dead letter {letter_id}, or none that fits")
    verb = "would be closed" if dry_run else "closed"
    typer.echo(f"{closed} of {done + len(unknown)} {verb}")
    return done + len(unknown) - closed


@dlq.command()
def close(
    ids: Annotated[list[UUID], typer.Argument(metavar="ID")],
    *,
    by: _By = None,
) -> None:
    """Close dead letters that somebody has looked at, and that nothing else will close."""
    wanted = {str(each) for each in ids}
    closed = finish(_close(load_settings(), wanted, by or whoever_asks()))
    for letter_id in sorted(wanted - closed):
        typer.echo(f"{letter_id} is not open")
    typer.echo(f"{len(closed)} of {len(wanted)} closed")
    if closed != wanted:
        raise typer.Exit(FOUND_WRONG)


async def _close(settings: Settings, ids: set[str], by: str) -> set[str]:
    async with _opened(settings, "dlq close") as connect_:
        return await PostgresQuarantine(connect_).close(ids, by)


async def _redriver(
    settings: Settings, connect_: Connect, by: str, *, dry_run: bool
) -> tuple[RedrivingQuarantine, Redriver]:
    known = topology(settings)
    async with connected(connect_) as connection:
        lanes = await all_lanes(connection)
    if not {*known.outputs} <= {topic for topic, _ in lanes}:
        raise starting.Misfit("no worker with these topics has ever run on this database")
    quarantine = RedrivingQuarantine(connect_, lanes, publishing(settings, known, lanes), clock)
    return quarantine, Redriver(
        quarantine, known.readers, decoder(settings, known), _fetch_by(settings), by, dry_run
    )


def _fetch_by(settings: Settings) -> Callable[[StoredLetter], Awaitable[Record]]:
    async def fetch(letter: StoredLetter) -> Record:
        """From Kafka: its bytes were not kept, since they may be card data or something private."""
        if letter.sha256 == sha256().hexdigest():
            raise BytesGone("the record has no value")
        options = client_options(settings.kafka)
        try:
            record = await read_record(options, letter.topic, letter.partition, letter.offset)
        except SourceUnavailable as error:
            raise BytesGone(f"Kafka does not give the record: {error}") from error
        if record is None:
            raise BytesGone("its bytes were not kept, and the topic has no such record any more")
        if sha256(record.value or b"").hexdigest() != letter.sha256:
            raise BytesGone("its bytes were not kept, and the topic has another record there now")
        return record

    return fetch


@asynccontextmanager
async def _opened(settings: Settings, what: str) -> AsyncIterator[Connect]:
    """Connections to a database that is there and has the right schema."""
    async with starting.database(settings, what):
        pass
    yield connector(settings.postgres, what)
