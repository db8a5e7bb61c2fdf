# ruff: noqa: INP001 - a script, not a package
"""Report how long functions and files are; exit with 1 where one in src is over its limit.

A function's length is its lines from `def` to the end, decorators and docstring not counted.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

LONGEST_FUNCTION = 40
LONGEST_FILE = 300


@dataclass(frozen=True)
class Function:
    where: str
    lines: int


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(f"{path}:{node.lineno} {node.name}", length(node))


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    end = node.end_lineno or node.lineno
    total = end - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is not None:
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def report(folder: Path) -> bool:
    """Print what there is to say of a folder; returns whether all is within the limits."""
    paths = sorted(folder.rglob("*.py"))
    found = [function for path in paths for function in functions(path)]
    if len(found) > 1:
        lengths = [function.lines for function in found]
        ninetieth = quantiles(lengths, n=10)[-1]
        print(  # noqa: T201 - its purpose
            f"{folder}: {len(paths)} files, {len(found)} functions, lines per function: "
            f"median {median(lengths):g}, 90 % within {ninetieth:.0f}, longest {max(lengths)}"
        )
    too_long = list(excesses(paths, found))
    print("".join(f"  {line}\n" for line in too_long), end="")  # noqa: T201 - its purpose
    return not too_long


def excesses(paths: list[Path], found: list[Function]) -> Iterator[str]:
    for path in paths:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST_FILE:
            yield f"{path} has {lines} lines, more than {LONGEST_FILE}"
    for function in found:
        if function.lines > LONGEST_FUNCTION:
            yield f"{function.where} has {function.lines} lines, more than {LONGEST_FUNCTION}"


def main() -> int:
    report(Path("tests"))
    return 0 if report(Path("src")) else 1


if __name__ == "__main__":
    sys.exit(main())
