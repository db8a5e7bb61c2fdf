"""Commands whose standard streams are closed, full, or of a terminal that writes other letters."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = [sys.executable, "-m", "card_fulfillment"]
PAYLOAD = (
    '{"notifications": [{"card": "z\u00fcrich-\U0001f4b3", "detail": {"state": "PERSO_DONE"}}]}'
)


def explained(tmp_path: Path) -> subprocess.CompletedProcess[bytes]:
    """What a terminal shows that knows nothing but ASCII."""
    message = tmp_path / "message.json"
    message.write_text(PAYLOAD, encoding="utf-8")
    return subprocess.run(  # noqa: S603 - our own command
        [*MODULE, "vendors", "explain", "meridian", message],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )


def test_letters_that_a_terminal_does_not_have_are_told_as_numbers(tmp_path: Path) -> None:
    told = explained(tmp_path)
    assert (told.returncode, told.stderr) == (0, b"")
    assert b"z\\u00fcrich-\\ud83d\\udcb3" in told.stdout


@pytest.mark.parametrize("closed", [">&-", "<&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_not_taken_for_a_socket(closed: str) -> None:
    """`audit` opens sockets at once; the place of the first one is where the output would be."""
    nowhere = {"FULFILLMENT_POSTGRES__DSN": "postgresql://nobody@127.0.0.1:1/none?sslmode=nonsense"}
    ended = subprocess.run(  # noqa: S603 - our own command
        ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *MODULE, "audit"],
        env=os.environ | nowhere,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr


@pytest.mark.parametrize("command", [("config",), ("vendors", "check")])
def test_a_full_disk_is_told_as_one(command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(  # noqa: S603 - our own command
            [*MODULE, *command], stdout=full, stderr=subprocess.PIPE, check=False
        )
    told = b"card-fulfillment: the output cannot be written: No space left on device\n"
    assert (ended.returncode, ended.stderr) == (2, told)


def test_a_command_that_is_interrupted_before_it_has_begun_ends_without_a_word() -> None:
    begun = """
import sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "card_fulfillment.cli":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from card_fulfillment.__main__ import main
main()
"""
    ended = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", begun, "doctor"], capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, b"", b"")


@pytest.mark.parametrize("command", ["run", "config"])
def test_nothing_runs_without_the_assertions_of_the_library(command: str) -> None:
    ended = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-O", "-m", "card_fulfillment", command], capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.startswith(b"card-fulfillment: Python runs without assertions")
