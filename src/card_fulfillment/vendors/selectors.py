"""Where a value stands in a message: `<level>.<path>`, compiled once to a getter.

A level is `message` (the whole payload), `header` (of the record) or a loop that the rule names.
The path is a dotted list of keys or, where it is more than that, a JMESPath expression evaluated at
the level.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from card_fulfillment.vendors.near_miss import hint
from card_fulfillment.vendors.outcomes import Refusal

MESSAGE: Final = "message"
HEADER: Final = "header"
BUILT_IN: Final = (MESSAGE, HEADER)
SHORT: Final = 256
LONG: Final = 2048

# What senders write where they have no number to give: fillers alone, or one of these words.
_FILLERS: Final = "0-_./*#? "
_NOBODY: Final = frozenset({"null", "none", "nil", "nan", "na", "n/a", "undefined"})
_LONGEST_NOBODY: Final = max(map(len, _NOBODY))

# A scope holds what the levels stand at: the message, the headers, then one element per loop.
Scope = list[object]
Text = Callable[[Scope], str | None]

_SELECTOR = re.compile(r"([A-Za-z_]\w*)(?:\.(.+))?", re.ASCII | re.DOTALL)
# As it is or, with characters of other kinds, between quotes.
KEY: Final = r'(?:[\w@$:-]+|"[^"\\\x00-\x1f]+")'
_KEYS = re.compile(rf"{KEY}(?:\.{KEY})*", re.ASCII)
_ONE_KEY = re.compile(r'"([^"]+)"|([^."]+)')
_NO_TEXT: Final = "neither text nor an integer"
_QUOTED: Final = """ (a key with blanks or other characters is quoted: message."Tracking No")"""
_DEEPEST: Final = 32
_TOO_DEEP: Final = f"an expression of parts in parts, more than {_DEEPEST} deep"
# What JMESPath and its functions raise for data of the wrong type.
_UNFIT = (JMESPathError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class Unfit(Exception):
    """A value is not what the profile says. selector: null where no single one is to blame."""

    def __init__(
        self,
        selector: str | None,
        message: str,
        reason: Refusal = Refusal.MALFORMED,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.selector = selector
        self.message = message
        self.reason = reason
        self.code = code


class InexactNumber(Unfit):
    """A float stands where text is wanted: it may be an integer beyond 64 bits."""


def split(selector: str) -> tuple[str, str]:
    """Return the level and the path, "" for the level itself; ValueError for another form."""
    match = _SELECTOR.fullmatch(selector)
    if match is None:
        raise ValueError(
            f"{selector!r} is no selector: <level>.<path> is expected, e.g. message.status"
        )
    level, path = match[1], match[2] or ""
    if level == HEADER:
        if not path:
            raise ValueError("header needs the name of a header, e.g. header.ce_id")
        if '"' in path:
            raise ValueError(f"names of headers are written as they are, without quotes: {path}")
    elif keys_of(path) is None:
        _jmespath(path)
    return level, path


def keys_of(path: str) -> tuple[str, ...] | None:
    """Give the keys of a dotted list, none of the level itself, or null for an expression."""
    if path and _KEYS.fullmatch(path) is None:
        return None
    return tuple(quoted or plain for quoted, plain in _ONE_KEY.findall(path))


def _jmespath(path: str) -> ParsedResult:
    """Compile an expression; one that is nested too deeply would end whoever evaluates it."""
    try:
        compiled = jmespath.compile(path)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except JMESPathError as error:
        why = str(error).partition("\n")[0].rstrip(":")
        raise ValueError(f"{path!r} is no JMESPath expression: {why}{_QUOTED}") from None
    nodes: list[Any] = [compiled.parsed]
    for _ in range(_DEEPEST):
        nodes = [each for node in nodes for each in node["children"] if isinstance(each, dict)]
        if not nodes:
            return compiled
    raise ValueError(_TOO_DEEP)


class Getter:
    """Gets what stands somewhere: `of` gives null where the value or a parent is absent.

    A class, not a function: compiled code calls a method without Python's way of calling.
    """

    def of(self, scope: Scope) -> object:
        """Raise Unfit for a parent that can have no such part."""
        raise NotImplementedError


def getter(selector: str, levels: Sequence[str]) -> Getter:
    """Compile a selector; ValueError for one that begins with no level."""
    level, path = split(selector)
    if level not in levels:
        known = hint(level, levels) or f" ({', '.join(levels)})"
        raise ValueError(f"{selector!r} begins with no level of this rule{known}")
    index = levels.index(level)
    if level == HEADER:
        return _Header(selector, index, path)
    keys = keys_of(path)
    if keys is not None:
        return _Keys(selector, index, keys)
    return _Expression(selector, index, _jmespath(path))


class _Keys(Getter):
    """Keys below a level, or the level itself."""

    def __init__(self, selector: str, index: int, keys: tuple[str, ...]) -> None:
        self._selector: Final = selector
        self._index: Final = index
        self._keys: Final = keys

    def of(self, scope: Scope) -> object:
        node = scope[self._index]
        for key in self._keys:
            if isinstance(node, dict):
                node = node.get(key)
            elif node is None:
                return None
            else:
                raise Unfit(self._selector, "a parent of the value is no object")
        return node


class _Expression(Getter):
    """Evaluated once for each value of the level: elements of inner loops do not pay for it again.

    Else a message of many elements would cost the square of its size.
    """

    def __init__(self, selector: str, index: int, compiled: ParsedResult) -> None:
        self._selector: Final = selector
        self._index: Final = index
        self._compiled: Final = compiled
        self._at: object = object()
        self._found: object = None

    def of(self, scope: Scope) -> object:
        at = scope[self._index]
        if self._at is at:
            return self._found
        try:
            found = self._compiled.search(at)
        except _UNFIT:
            raise Unfit(self._selector, "the expression does not fit the value") from None
        self._at, self._found = at, found
        return found


class _Header(Getter):
    def __init__(self, selector: str, index: int, name: str) -> None:
        self._selector: Final = selector
        self._index: Final = index
        self._name: Final = name

    def of(self, scope: Scope) -> object:
        headers = scope[self._index]
        value = headers.get(self._name) if isinstance(headers, Mapping) else None
        if value is None:
            return None
        try:
            return str(value, "utf-8")
        except (TypeError, UnicodeDecodeError):
            raise Unfit(self._selector, "the header is no UTF-8 text") from None


def is_nothing(value: object) -> bool:
    """Tell a value that stands for its absence: null, and the empty field of flat files."""
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def text(selector: str, levels: Sequence[str], limit: int = SHORT) -> Text:
    """Compile a getter of text of 1..limit characters, of an integer its digits.

    It gives null where the value is absent or blank, and raises Unfit for anything else.
    """
    return _Words(selector, levels, limit).of


def identifier(selector: str, levels: Sequence[str]) -> Text:
    """Compile a getter of a text that names something: without blanks around it, null for a filler.

    A filler that counted would make one thing of all that have no number yet.
    """
    return _Name(selector, levels).of


def is_filler(value: object) -> bool:
    """Tell a value that is absent, or a text that is written where there is none."""
    return _is_filler(value) if isinstance(value, str) else value is None


def _is_filler(text: str) -> bool:
    if not text.strip(_FILLERS):
        return True
    told = text.strip()
    return len(told) <= _LONGEST_NOBODY and told.lower() in _NOBODY


def denies(value: object) -> bool:
    """Tell a value that says that something is not there: false, as a text too, zero, or empty."""
    if isinstance(value, str):
        return value.strip().lower() == "false"
    return not value


def word(selector: str, levels: Sequence[str]) -> Text:
    """Compile a getter of a code: as `text`, of a boolean `true` or `false`."""
    return _Words(selector, levels, SHORT, booleans=True).of


class _Words:
    """What `text` and `word` give."""

    def __init__(
        self, selector: str, levels: Sequence[str], limit: int, *, booleans: bool = False
    ) -> None:
        self._get: Final = getter(selector, levels)
        self._selector: Final = selector
        self._limit: Final = limit
        self._booleans: Final = booleans

    def of(self, scope: Scope) -> str | None:
        value = self._get.of(scope)
        if value is None:
            return None
        written = value if isinstance(value, str) else self._written(value)
        if len(written) > self._limit or "\0" in written:
            raise Unfit(self._selector, f"longer than {self._limit} characters, or with a NUL")
        return written if written and not written.isspace() else None

    def _written(self, value: object) -> str:
        if isinstance(value, bool) and self._booleans:
            return str(value).lower()
        if isinstance(value, float):
            raise InexactNumber(self._selector, _NO_TEXT)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        raise Unfit(self._selector, _NO_TEXT)


class _Name:
    """What `identifier` gives."""

    def __init__(self, selector: str, levels: Sequence[str]) -> None:
        self._words: Final = _Words(selector, levels, SHORT)

    def of(self, scope: Scope) -> str | None:
        value = self._words.of(scope)
        return None if value is None or _is_filler(value) else value.strip()
