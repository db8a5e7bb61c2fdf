"""Commands are documented with the options that they have."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from card_fulfillment.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CALL = re.compile(r"card-fulfillment ((?:[a-z]+ ?)+)(.*?)(?:`|#|$)", re.MULTILINE)


def leaves(command: Any, name: str = "") -> Iterator[tuple[str, set[str]]]:  # noqa: ANN401 - click
    """Each command by its full name, with its options."""
    if hasattr(command, "commands"):
        for each, below in command.commands.items():
            yield from leaves(below, f"{name} {each}".strip())
    else:
        known = {option for parameter in command.params for option in parameter.opts}
        yield name, {option for option in known if option.startswith("--")}


def test_the_documents_name_every_option_of_a_command_and_no_other() -> None:
    known = dict(leaves(typer.main.get_command(cli)))
    named: dict[str, set[str]] = {name: set() for name in known}
    for page in PAGES:
        for words, rest in CALL.findall(page.read_text().replace("|-", "")):
            name = next((n for n in known if f"{words} ".startswith(f"{n} ")), None)
            if name is not None:
                named[name] |= set(re.findall(r"--[a-z-]+", words + rest))
    wrong = {name: options - known[name] for name, options in named.items()}
    assert not {name: options for name, options in wrong.items() if options}
    listed = {"dlq list", "dlq show", "dlq redrive", "dlq close", "timeline", "overdue", "audit"}
    named["dlq redrive"] |= known["dlq list"]  # "…" stands for the filters of both
    missing = {name: known[name] - named[name] for name in listed}
    assert not {name: options for name, options in missing.items() if options}
