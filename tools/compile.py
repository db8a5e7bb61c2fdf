# ruff: noqa: INP001, T201 - a script, not a package
"""Compile what every event goes through, in a copy of the package: `compile.py DIRECTORY [LEVEL]`.

mypyc makes C of typed Python, and the C compiler optimises it at a level from 0 to 3, else 2. The
sources stay beside what is made of them, and do the same where nothing is compiled, in more time.
Exit code 3 where there is no C compiler, or none that finds Python's headers.
"""

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path

PACKAGE = "card_fulfillment"
NO_COMPILER = 3
UNCOMPILED = "no C compiler with Python's headers: nothing is compiled, the same but slower"
HOT = (
    "domain/*.py",
    "messages/*.py",
    "vendors/*.py",
    "pipeline/*.py",
    "kafka/partitioner.py",
    "kafka/records.py",
    "postgres/*rows.py",
    "postgres/*writing.py",
    "postgres/locking.py",
    "postgres/reading.py",
    "postgres/statement.py",
    "postgres/words.py",
)
# What is left as it is, and why.
INTERPRETED = {
    "pydantic's models are made when they are imported": (
        "messages/bulk_event_models.py",
        "messages/cloud_events.py",
        "messages/event_models.py",
        "messages/inbound_models.py",
        "messages/schema.py",
        "vendors/expectations.py",
        "vendors/language.py",
        "vendors/notation.py",
        "vendors/placing.py",
        "vendors/shipping.py",
    ),
    "for people, once or now and then": (
        "domain/working_days.py",
        "messages/asyncapi.py",
        "pipeline/allowances.py",
        "pipeline/audit.py",
        "pipeline/differences.py",
        "pipeline/laggards.py",
        "pipeline/recount.py",
        "pipeline/timeline.py",
        "vendors/advice.py",
        "vendors/examples.py",
        "vendors/explaining.py",
        "vendors/mistakes.py",
        "vendors/near_miss.py",
        "vendors/profile.py",
        "vendors/yaml_text.py",
    ),
    "it waits, and computes nothing": (
        "pipeline/acceptance.py",
        "pipeline/ahead.py",
        "pipeline/intake.py",
        "pipeline/intake_ports.py",
        "pipeline/failpoints.py",
        "pipeline/relay.py",
        "pipeline/spreader.py",
        "pipeline/task_group.py",
        "pipeline/tracks.py",
    ),
}


def main(directory: Path, level: str = "2") -> int:
    package = directory / PACKAGE
    hot = hot_modules(package)
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(package, Path(scratch, PACKAGE))
        if not compiles(Path(scratch)):
            print(UNCOMPILED, file=sys.stderr)
            return NO_COMPILER
        build(Path(scratch), hot, level)
        made = list(Path(scratch).glob("*" + sysconfig.get_config_var("EXT_SUFFIX")))
        made += Path(scratch, PACKAGE).rglob("*" + sysconfig.get_config_var("EXT_SUFFIX"))
        for library in made:
            shutil.copy2(library, directory / library.relative_to(scratch))
    print(f"{len(hot)} of {sum(1 for _ in package.rglob('*.py'))} modules are compiled")
    return 0


def hot_modules(package: Path) -> list[str]:
    left = {package / name for names in INTERPRETED.values() for name in names}
    if missing := [str(path) for path in left if not path.exists()]:
        raise SystemExit(f"no such modules: {missing}")
    found = {path for pattern in HOT for path in package.glob(pattern)}
    found = {path for path in found - left if path.name != "__init__.py"}
    return sorted(str(path.relative_to(package.parent)) for path in found)


def compiles(scratch: Path) -> bool:
    """Whether there is a compiler, and Python's headers for it."""
    source = scratch / "probe.c"
    source.write_text("#include <Python.h>\n", encoding="ascii")
    compiler = (sysconfig.get_config_var("CC") or "cc").split()
    include = f"-I{sysconfig.get_path('include')}"
    try:
        tried = subprocess.run(  # noqa: S603 - the compiler that Python was built with
            [*compiler, include, "-fsyntax-only", str(source)], check=False, capture_output=True
        )
    except OSError:
        return False
    return tried.returncode == 0


def build(scratch: Path, hot: Iterable[str], level: str) -> None:
    """In a process of its own: setuptools ends its process where it fails."""
    script = scratch / "build_hot.py"
    script.write_text(_BUILD, encoding="utf-8")
    tried = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, str(script), level, *hot], cwd=scratch, check=False, stdout=subprocess.PIPE
    )
    if tried.returncode != 0:
        sys.stderr.buffer.write(tried.stdout)  # mypyc tells there what it does not take
        raise SystemExit("not compiled")


_BUILD = """
import sys
from mypyc.build import mypycify
from setuptools import setup

(level, *hot), sys.argv[1:] = sys.argv[1:], ["--quiet", "build_ext", "--inplace", "--parallel=2"]
# Two libraries, so that two cores compile; what is inside of one is called directly.
deciding = [name for name in hot if name.split("/")[1] in ("domain", "pipeline")]
translating = [name for name in hot if name not in deciding]
setup(
    name="card-fulfillment-compiled",
    ext_modules=mypycify(
        ["--ignore-missing-imports", *hot],
        separate=[
            (deciding, "card_fulfillment_deciding"),
            (translating, "card_fulfillment_translating"),
        ],
        opt_level=level,
        debug_level="0",
    ),
)
"""

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
