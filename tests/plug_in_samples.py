"""Plug-ins as they are installed: a module, and what a distribution says of it."""

import sys
from pathlib import Path

import pytest

from card_fulfillment.vendors.plug_ins import GROUP


def install(directory: Path, source: str, entries: str, version: str = "1.0") -> None:
    """Put a module `falcon_feed` and its distribution into a directory.

    entries: what its entry points say, a line for each, e.g. `falcon = falcon_feed:scans`.
    """
    (directory / "falcon_feed.py").write_text(source)
    told = directory / "falcon_feed.dist-info"
    told.mkdir(exist_ok=True)
    (told / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: falcon-feed\nVersion: {version}\n"
    )
    (told / "entry_points.txt").write_text(f"[{GROUP}]\n{entries}\n")


def importable(directory: Path, patch: pytest.MonkeyPatch) -> None:
    """Let this process find what is installed there, until the test ends."""
    patch.syspath_prepend(directory)
    patch.delitem(sys.modules, "falcon_feed", raising=False)
