"""Counting anew what the worker keeps. Changes nothing, and is right while workers run."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

import typer

from card_fulfillment import starting
from card_fulfillment.commands.running import FOUND_WRONG, finish, load_settings
from card_fulfillment.commands.words import in_utf8
from card_fulfillment.ops.letters import plain
from card_fulfillment.ops.look import number
from card_fulfillment.postgres.bulk_check import Checked, all_bulks, check_bulk
from card_fulfillment.postgres.connection import Connection
from card_fulfillment.settings import Settings

check = typer.Typer(help=__doc__, no_args_is_help=True)


@check.callback()
def _group() -> None:
    """Let the one command have its name."""


@check.command()
def bulks(
    bulk_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[BULK_ID]…", help="Without any: all.", callback=in_utf8),
    ] = None,
) -> None:
    """Count bulk issuances anew from their cards and facts: what differs, in sentences."""
    wrong = finish(_check(load_settings(), bulk_ids or ()))
    if wrong:
        raise typer.Exit(FOUND_WRONG)


async def _check(settings: Settings, bulk_ids: Sequence[str]) -> int:
    """How much is wrong."""
    bulks = members = waiting = wrong = 0
    async with starting.database(settings, "check") as connection:
        async for bulk_id in _each(connection, bulk_ids):
            checked = await check_bulk(connection, bulk_id)
            wrong += _tell(bulk_id, checked)
            if checked is not None:
                bulks, members = bulks + 1, members + checked.members
                waiting += checked.waits
    typer.echo(
        f"{number(bulks, 'bulk issuance')} with {number(members, 'member')}: "
        f"{number(wrong, 'difference')}; {waiting} have something to spread or to publish"
    )
    return wrong


async def _each(connection: Connection, bulk_ids: Sequence[str]) -> AsyncIterator[str]:
    for bulk_id in bulk_ids:
        yield bulk_id
    if not bulk_ids:
        async for bulk_id in all_bulks(connection):
            yield bulk_id


def _tell(bulk_id: str, checked: Checked | None) -> int:
    found = ["nobody ever spoke of it"] if checked is None else checked.wrong
    for sentence in found:
        typer.echo(plain(f"{bulk_id}: {sentence}"))
    return len(found)
