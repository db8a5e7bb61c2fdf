"""Files for the commands, and logging that stays as it was."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_samples import EXAMPLES, MESSAGE, PROFILE


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Every command configures logging for its process."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    file = tmp_path / "acme.yaml"
    file.write_text(PROFILE + EXAMPLES % "produced")
    return file


@pytest.fixture
def message(tmp_path: Path) -> Path:
    file = tmp_path / "message.json"
    file.write_text(json.dumps(MESSAGE))
    return file
