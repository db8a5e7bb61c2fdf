"""Where the command line begins: `run` imports only what it runs, so that a worker starts soon."""

import codecs
import gc
import io
import os
import signal
import sys
from types import ModuleType
from typing import Final, NoReturn, cast

_INTERRUPTED: Final = 128 + signal.SIGINT
_USAGE: Final = 2
_WITHOUT_ASSERTIONS: Final = (
    "card-fulfillment: Python runs without assertions (-O or PYTHONOPTIMIZE), by which the library "
    "that speaks to Kafka sees whether a transaction is in order"
)


def main() -> None:
    _keep_standard_streams()
    if sys.flags.optimize:
        print(_WITHOUT_ASSERTIONS, file=sys.stderr)  # noqa: T201 - nothing else is imported yet
        raise SystemExit(_USAGE)
    if sys.argv[1:] == ["run"]:
        _run()
    else:
        try:
            from card_fulfillment.cli import main as run_any  # noqa: PLC0415 - not for `run`
        except KeyboardInterrupt:
            raise SystemExit(_INTERRUPTED) from None  # as of a command that has begun
        run_any()


def _keep_standard_streams() -> None:
    """What is opened first would take the place of one that is closed, and be taken for it.

    What a terminal's encoding lacks is written as in JSON, for that is what some commands write.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
    codecs.register_error("as_in_json", _as_in_json)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="as_in_json")


def _as_in_json(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    units = (lacking[i : i + 2].hex() for i in range(0, len(lacking), 2))
    return "".join(f"\\u{unit}" for unit in units), error.end


def _run() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):  # until the worker listens to them
        signal.signal(number, _end)
    gc.disable()  # nothing that is imported becomes garbage: looking for it takes time
    _import_structlog()
    from card_fulfillment import app  # noqa: PLC0415 - not for the other commands
    from card_fulfillment.commands.running import finish, load_settings  # noqa: PLC0415 - structlog is first

    finish(app.run(load_settings()))


def _end(*_: object) -> NoReturn:
    """Nothing is begun yet. Unhandled, the first process of a container would not even hear it."""
    raise SystemExit(0)


def _import_structlog() -> None:
    """Without rich, which it would import for tracebacks on a screen: 90 ms and 5 MiB."""
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    modules["rich"] = None
    import structlog  # noqa: F401, PLC0415 - see above

    del modules["rich"]


if __name__ == "__main__":
    main()
