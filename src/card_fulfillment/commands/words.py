"""Texts as people type them."""

import getpass
import os
from collections.abc import Sequence

import typer


def in_utf8(said: str | list[str] | None) -> str | list[str] | None:
    """Refuse bytes that no text of the database can hold."""
    texts: Sequence[str] = [said] if isinstance(said, str) else said or ()
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise typer.BadParameter("not written in UTF-8") from None
    return said


def whoever_asks() -> str:
    """The user of the system; its number where it has no name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
