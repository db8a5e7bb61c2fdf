"""What should have got on: cards and bulk issuances of which nothing was heard for too long."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final

import typer

from card_fulfillment import starting
from card_fulfillment.commands.moments import length
from card_fulfillment.commands.running import current_time, finish, load_settings
from card_fulfillment.domain.status import Status
from card_fulfillment.ops import look
from card_fulfillment.ops.laggards import as_json, as_table
from card_fulfillment.pipeline.allowances import allowances, limited
from card_fulfillment.pipeline.laggards import ON_THE_WAY, Asked, Laggards, laggards
from card_fulfillment.postgres.last_events import Wanted, last_events
from card_fulfillment.settings import Settings
from card_fulfillment.vendors.profile import load_profiles

_USUALLY: Final = timedelta(days=7)


def overdue(
    *,
    silent_for: Annotated[
        timedelta | None,
        typer.Option(
            parser=length,
            metavar="TIME",
            show_default="7d",
            help="How long without news is too long: 12h, 7d.",
        ),
    ] = None,
    status: Annotated[
        list[Status] | None, typer.Option(help="Only in this status; may be given again.")
    ] = None,
    members: Annotated[
        bool, typer.Option("--members", help="Cards of bulk issuances too, each by itself.")
    ] = False,
    most: Annotated[int, typer.Option(min=1, help="How many to show.")] = 50,
    as_lines: Annotated[bool, typer.Option("--json", help="A JSON object a line.")] = False,
) -> None:
    """Show cards and bulk issuances that are late by estimate or phase, or silent for too long."""
    now, too_long = current_time(), _USUALLY if silent_for is None else silent_for
    found = finish(_overdue(load_settings(), status or (), now, too_long, most, members=members))
    if as_lines:
        for each in found.oldest:
            typer.echo(as_json(each, now))
        return
    look.show(as_table(found, now, too_long))


async def _overdue(
    settings: Settings,
    statuses: Sequence[Status],
    now: datetime,
    silent_for: timedelta,
    most: int,
    *,
    members: bool,
) -> Laggards:
    profiles = load_profiles(settings.vendors.directory, settings.vendors.enabled)
    asked = Asked(now, silent_for, allowances(profiles))
    limits = limited(asked.allowed)
    wanted = Wanted(statuses or ON_THE_WAY, limits, members, unfinished=not statuses)
    async with starting.database(settings, "overdue") as connection:
        return await laggards(last_events(connection, wanted), asked, most)
