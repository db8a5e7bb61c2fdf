"""Run the embedded stack by itself: `python -m card_fulfillment.devstack [start|stop] [DIRECTORY]`.

`start` prints the settings under which a worker or the tests find it, and stops it at a Ctrl-C;
`stop` ends one that was left running.
"""

import argparse
import signal
import sys
from pathlib import Path
from typing import Final

from card_fulfillment.devstack import DevstackError, embedded_stack, stop_kept

SETTINGS: Final = """
export FULFILLMENT_KAFKA__BOOTSTRAP_SERVERS={bootstrap}
export FULFILLMENT_POSTGRES__DSN={dsn}
"""


def main() -> str | None:
    """Return what went wrong, if anything did."""
    parser = argparse.ArgumentParser(prog="python -m card_fulfillment.devstack")
    parser.add_argument("action", nargs="?", choices=("start", "stop"), default="start")
    parser.add_argument("directory", nargs="?", type=Path, help="data and logs")
    arguments = parser.parse_args()
    try:
        if arguments.action == "start":
            _serve(arguments.directory)
        elif arguments.directory is None:
            parser.error("stop needs the directory")
        else:
            stop_kept(arguments.directory)
    except DevstackError as error:
        return str(error)
    return None


def _serve(directory: Path | None) -> None:
    asked_to_end = {signal.SIGINT, signal.SIGTERM}
    with embedded_stack(directory, progress=_say) as stack:
        signal.pthread_sigmask(signal.SIG_BLOCK, asked_to_end)
        _say(SETTINGS.format(bootstrap=stack.bootstrap, dsn=stack.dsn))
        _say(f"data and logs: {stack.directory}; Ctrl-C stops both")
        signal.sigwait(asked_to_end)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
