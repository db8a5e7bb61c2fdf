"""Profile files as YAML in which every scalar is text, and every value knows its place.

Codes such as `002`, `no` or `1e3` would otherwise become numbers and booleans, unnoticed.
"""

from contextlib import suppress
from typing import Final, NamedTuple

import yaml
from yaml.composer import Composer

Location = tuple[str | int, ...]
_MERGE: Final = "<<"
_NO_MERGE: Final = "`<<` merges nothing here: an alias stands for a whole value, or write it out"
_NULLS: Final = ("", "~", "null")
# Aliases of aliases make a short file endless.
_MOST_VALUES: Final = 200_000
# Each value's location is as long as it is deep.
_DEEPEST: Final = 64
_TOO_DEEP: Final = "nested too deeply, or within itself"


class Place(NamedTuple):
    """Line and column in a file, from 1."""

    line: int
    column: int


class Slip(NamedTuple):
    """A mistake in the YAML itself; place: null where it is not known."""

    place: Place | None
    message: str


class Document(NamedTuple):
    """What a file says. places: of each value and, in an object, of its key."""

    value: object
    places: dict[Location, Place]
    slips: list[Slip]


class _Loader(Composer, yaml.CBaseLoader):
    """A tenth of the time of BaseLoader.

    libyaml parses and Python composes: libyaml's own composer ends the process where a text is
    nested too deeply.
    """

    def __init__(self, content: str) -> None:
        yaml.CBaseLoader.__init__(self, content)
        Composer.__init__(self)


def read(content: str) -> Document:
    """Read a file; what is wrong with it is among its slips, and nothing raises."""
    document = Document({}, {}, [])
    try:
        return document._replace(value=_value(_composed(content), (), document))
    except yaml.MarkedYAMLError as error:
        slip = Slip(_place(error.problem_mark), f"no YAML: {error.problem}")
    except yaml.YAMLError as error:
        slip = Slip(None, f"no YAML: {str(error).partition(chr(10))[0]}")
    except RecursionError:
        slip = Slip(None, f"no YAML: {_TOO_DEEP}")
    return Document(None, {}, [slip])


def _composed(content: str) -> yaml.Node | None:
    with suppress(yaml.YAMLError):
        return yaml.compose(content, Loader=_Loader)
    return yaml.compose(content, Loader=yaml.BaseLoader)  # tells better what is wrong


def _value(node: yaml.Node | None, at: Location, document: Document) -> object:
    if node is None:
        return None
    document.places.setdefault(at, _placed(node))
    if len(at) > _DEEPEST:
        raise yaml.YAMLError(_TOO_DEEP)
    if len(document.places) > _MOST_VALUES:
        raise yaml.YAMLError(f"more than {_MOST_VALUES} values")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, at, document)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*at, i), document) for i, item in enumerate(node.value)]
    plain = isinstance(node, yaml.ScalarNode) and not node.style
    return None if plain and node.value in _NULLS else node.value


def _mapping(node: yaml.MappingNode, at: Location, document: Document) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            document.slips.append(Slip(_placed(key), "a key is a plain text"))
        elif key.value in found:
            document.slips.append(Slip(_placed(key), f"{key.value!r} is here twice"))
        elif key.value == _MERGE and not key.style:
            document.slips.append(Slip(_placed(key), _NO_MERGE))
        else:
            document.places[*at, key.value] = _placed(key)
            found[key.value] = _value(value, (*at, key.value), document)
    return found


def _placed(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _place(mark: yaml.Mark | None) -> Place | None:
    return Place(mark.line + 1, mark.column + 1) if mark else None
