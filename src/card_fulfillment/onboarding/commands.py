"""Profiles of vendors: whether they are valid, whether they hold, what they make of a message."""

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from card_fulfillment.commands.moments import moment
from card_fulfillment.commands.running import FOUND_WRONG, USAGE, current_time, fail, load_settings
from card_fulfillment.messages.times import to_micros
from card_fulfillment.onboarding import screen
from card_fulfillment.onboarding.checking import check_all
from card_fulfillment.onboarding.finding import choose, look
from card_fulfillment.onboarding.inquiry import Inquiry, guarded, inquire
from card_fulfillment.onboarding.proving import prove
from card_fulfillment.vendors.mistakes import ProfileError
from card_fulfillment.vendors.profile import Profile

vendors = typer.Typer(help=__doc__, no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


@vendors.command()
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files or directories; without any, the profiles that are in force."),
    ] = None,
    *,
    json: _Json = False,
) -> None:
    """Tell all that is wrong with profiles, and what is probably not meant."""
    settings = load_settings()
    try:
        checked = check_all(look(paths or [], settings))
    except ProfileError as error:
        fail(USAGE, str(error))
    screen.checked(checked, as_json=json)
    if any(each.mistakes for each in checked):
        raise typer.Exit(FOUND_WRONG)


@vendors.command("test")
def prove_(
    profiles: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PROFILE]...", help="Vendors or files; without any, all."),
    ] = None,
    *,
    json: _Json = False,
) -> None:
    """Run the examples of profiles, and show where what comes is not what is expected."""
    proved = [prove(profile) for profile in _chosen(profiles or [])]
    screen.proved(proved, as_json=json)
    if not all(each.holds for each in proved):
        raise typer.Exit(FOUND_WRONG)


@vendors.command()
def explain(  # noqa: PLR0913 - one for each option
    profile: Annotated[str, typer.Argument(help="A vendor, or a file.")],
    payload: Annotated[
        typer.FileBinaryRead, typer.Argument(help="A file with one message, or - for stdin.")
    ],
    *,
    header: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A header of the record.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="The key of the record.")] = None,
    at: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="The record's timestamp; else it is now."),
    ] = None,
    json: _Json = False,
    example: Annotated[
        bool, typer.Option("--example", help="Only an example for the profile, as YAML.")
    ] = False,
) -> None:
    """Show what a message becomes, and how: which rule, selector, code and time decided."""
    (chosen,) = _chosen([profile])
    inquiry = Inquiry(
        chosen,
        payload.read(),
        dict(_header(each) for each in header or ()),
        os.fsencode(key) if key is not None else None,
        to_micros(at or current_time().replace(microsecond=0)),
    )
    settings = load_settings()
    if not example:
        screen.explained(inquiry, inquire(inquiry, settings), as_json=json)
        return
    refused = guarded(inquiry, settings)
    if refused is not None:
        fail(FOUND_WRONG, screen.kept_from_mapping(refused))
    try:
        written = inquiry.example()
    except UnicodeDecodeError:
        fail(FOUND_WRONG, "not written in UTF-8: no example can hold it")
    typer.echo(written, nl=False)


def _chosen(names: list[str]) -> list[Profile]:
    try:
        return choose(names, load_settings())
    except ProfileError as error:
        fail(USAGE, str(error))


def _header(text: str) -> tuple[str, bytes]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter("--header is NAME=VALUE")
    return name, os.fsencode(value)
