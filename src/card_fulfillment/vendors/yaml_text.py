"""Profile files as YAML in which every scalar is text, and every value knows its line.

Codes such as `002`, `no` or `1e3` would otherwise become numbers and booleans, unnoticed.
"""

from typing import Final

import yaml

Location = tuple[str | int, ...]
_NULLS: Final = ("", "~", "null")


class Located(ValueError):
    """A mistake at a line."""

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(message)
        self.line = line


def read(content: str) -> tuple[object, dict[Location, int]]:
    """Return the document and, by location, the line of each value; Located where it is no YAML."""
    lines: dict[Location, int] = {}
    try:
        node = yaml.compose(content, Loader=yaml.BaseLoader)
        return _value(node, (), lines), lines
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise Located(line, f"no YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise Located(None, f"no YAML: {error}") from None
    except RecursionError:
        raise Located(None, "no YAML: nested too deeply, or within itself") from None


def _value(node: yaml.Node | None, at: Location, lines: dict[Location, int]) -> object:
    if node is None:
        return None
    lines[at] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, at, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*at, i), lines) for i, item in enumerate(node.value)]
    plain = isinstance(node, yaml.ScalarNode) and node.style is None
    return None if plain and node.value in _NULLS else node.value


def _mapping(node: yaml.MappingNode, at: Location, lines: dict[Location, int]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise Located(key.start_mark.line + 1, "a key is a plain text")
        if key.value in found:
            raise Located(key.start_mark.line + 1, f"{key.value!r} is here twice")
        found[key.value] = _value(value, (*at, key.value), lines)
        lines[*at, key.value] = key.start_mark.line + 1
    return found
