"""All that is known of a card or a bulk issuance."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import RenderableType

from card_fulfillment import starting
from card_fulfillment.commands.running import FOUND_WRONG, fail, finish, load_settings
from card_fulfillment.commands.words import in_utf8
from card_fulfillment.domain.naming import OWN_KIND, Reference, Subject
from card_fulfillment.ops import look, timeline_data
from card_fulfillment.ops.bulk_timeline import bulk_in_full
from card_fulfillment.ops.letters import plain
from card_fulfillment.ops.timeline import facts_that_wait, in_full
from card_fulfillment.pipeline.timeline import (
    Bound,
    BulkTimeline,
    OpenLetter,
    Remembered,
    Timeline,
)
from card_fulfillment.postgres.bulk_timeline import load_bulk_timeline
from card_fulfillment.postgres.connection import Connection
from card_fulfillment.postgres.timeline import bearers, load_timeline, open_letters, waiting
from card_fulfillment.postgres.tracking_numbers import shipped_under
from card_fulfillment.settings import Settings
from card_fulfillment.vendors.profile import load_profiles

_FEW: Final = 5  # members of each status that went astray
_MOST: Final = 2**31 - 1


@dataclass
class _Found:
    """Whatever has the id that was asked for, or bears the name.

    bound: whom the name means, where it is one. shipped: whose tracking number it is.
    waiting: facts found by the name, where it means nobody yet. letters: open dead letters with
    such a key, where nobody has the id or bears the name.
    """

    card: Timeline | None = None
    bulk_issuance: BulkTimeline | None = None
    bound: list[Bound] = field(default_factory=list)
    letters: list[OpenLetter] = field(default_factory=list)
    waiting: list[Remembered] = field(default_factory=list)
    shipped: list[Subject] = field(default_factory=list)


def timeline(
    subject_id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Of a card or bulk issuance, or what a vendor calls one.",
            callback=in_utf8,
        ),
    ],
    *,
    most: Annotated[
        int,
        typer.Option(help="Events and facts of a bulk issuance, the newest.", min=1, max=_MOST),
    ] = 50,
    is_number: Annotated[
        bool,
        typer.Option(
            "--tracking-number", help="ID is a tracking number; every card is looked at for it."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show all that is known of a card or a bulk issuance: what was published, facts, letters."""
    settings = load_settings()
    find = _find_shipped if is_number else _find
    found = finish(find(settings, subject_id, most))
    if found is None and is_number:
        fail(FOUND_WRONG, f"no card or bulk issuance has the tracking number {plain(subject_id)}")
    if found is None:
        hint = "is it a tracking number? then --tracking-number looks for it"
        who = plain(subject_id)
        fail(FOUND_WRONG, f"nobody ever spoke of a card or bulk issuance {who}; {hint}")
    if as_json:
        typer.echo(orjson.dumps(_data(found)))
    else:
        look.show(_in_full(found, subject_id))


async def _find(settings: Settings, called: str, most: int) -> _Found | None:
    async with starting.database(settings, "timeline") as connection:
        found = await _of_id(connection, called, most)
        if found is not None:
            return found
        names = _names(settings, called)
        if bound := await bearers(connection, names):
            whose = {each.binding.subject.id for each in bound}
            alone = await _of_id(connection, whose.pop(), most) if len(whose) == 1 else None
            found = alone or _Found()
            found.bound = bound
            return found
        letters = await open_letters(connection, [called])
        facts = await waiting(connection, names)
        return _Found(letters=letters, waiting=facts) if letters or facts else None


async def _find_shipped(settings: Settings, number: str, most: int) -> _Found | None:
    async with starting.database(settings, "timeline") as connection:
        shipped = await shipped_under(connection, number)
        if len(shipped) != 1:
            return _Found(shipped=shipped) if shipped else None
        found = await _of_id(connection, shipped[0].id, most) or _Found()
        found.shipped = shipped
        return found


async def _of_id(connection: Connection, subject_id: str, most: int) -> _Found | None:
    card = await load_timeline(connection, subject_id)
    bulk = await load_bulk_timeline(connection, subject_id, most, _FEW)
    return _Found(card, bulk) if card or bulk else None


def _names(settings: Settings, value: str) -> list[Reference]:
    """Whatever any vendor may call so."""
    profiles = load_profiles(settings.vendors.directory).values()
    kinds = {p.vendor: (*p.reference_kinds, OWN_KIND) for p in profiles}
    return [Reference(vendor, kind, value) for vendor in kinds for kind in kinds[vendor]]


def _in_full(found: _Found, called: str) -> Iterator[RenderableType]:
    if found.bound:
        yield look.bearing(found.bound)
    if len(found.shipped) > 1:
        yield from look.shipped(found.shipped)
    if found.card:
        yield in_full(found.card)
    if found.bulk_issuance:
        yield bulk_in_full(found.bulk_issuance)
    if found.waiting:
        yield facts_that_wait(called, found.waiting)
    if found.letters:
        yield f"nothing of {called} was applied; what has this key is in quarantine"
        yield from look.quarantined(found.letters)


def _data(found: _Found) -> dict[str, Any]:
    bulk = found.bulk_issuance
    return {
        "called_so": timeline_data.names(found.bound),
        "shipped": [{"kind": each.kind, "id": each.id} for each in found.shipped],
        "card": timeline_data.card(found.card) if found.card else None,
        "bulk_issuance": timeline_data.bulk_issuance(bulk) if bulk else None,
        "waiting": timeline_data.facts(found.waiting),
        "dead_letters": timeline_data.letters(found.letters),
    }
