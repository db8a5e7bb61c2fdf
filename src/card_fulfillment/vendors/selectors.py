"""Where a value stands in a message: `<level>.<path>`, compiled once to a getter.

A level is `message` (the whole payload), `header` (of the record) or a loop that the rule names.
The path is a dotted list of keys or, where it is more than that, a JMESPath expression evaluated at
the level.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

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

# A scope holds what the levels stand at: the message, the headers, then one element per loop.
Scope = list[object]
Getter = Callable[[Scope], object]
Text = Callable[[Scope], str | None]

_SELECTOR = re.compile(r"([A-Za-z_]\w*)(?:\.(.+))?", re.ASCII | re.DOTALL)
_KEYS = re.compile(r"[\w@$:-]+(?:\.[\w@$:-]+)*", re.ASCII)
_NO_TEXT: Final = "neither text nor an integer"
_QUOTED: Final = """ (a key with blanks or other characters is quoted: message."Tracking No")"""
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
    elif not is_keys(path):
        _jmespath(path)
    return level, path


def is_keys(path: str) -> bool:
    """Tell a dotted list of keys, or the level itself, from an expression."""
    return not path or _KEYS.fullmatch(path) is not None


def _jmespath(path: str) -> ParsedResult:
    try:
        return jmespath.compile(path)
    except JMESPathError as error:
        why = str(error).partition("\n")[0].rstrip(":")
        raise ValueError(f"{path!r} is no JMESPath expression: {why}{_QUOTED}") from None


def getter(selector: str, levels: Sequence[str]) -> Getter:
    """Compile a getter: null where the value or a parent is absent, Unfit for a wrong parent."""
    level, path = split(selector)
    if level not in levels:
        known = hint(level, levels) or f" ({', '.join(levels)})"
        raise ValueError(f"{selector!r} begins with no level of this rule{known}")
    index = levels.index(level)
    if level == HEADER:
        return _header(selector, index, path)
    if not path:
        return lambda scope: scope[index]
    if is_keys(path):
        return _keys(selector, index, tuple(path.split(".")))
    return _expression(selector, index, _jmespath(path))


def _keys(selector: str, index: int, keys: tuple[str, ...]) -> Getter:
    def get(scope: Scope) -> object:
        node = scope[index]
        for key in keys:
            if isinstance(node, dict):
                node = node.get(key)
            elif node is None:
                return None
            else:
                raise Unfit(selector, "a parent of the value is no object")
        return node

    return get


def _expression(selector: str, index: int, compiled: ParsedResult) -> Getter:
    """Evaluate once for each value of the level: elements of inner loops do not pay for it again.

    Else a message of many elements would cost the square of its size.
    """
    last: tuple[object, object] = (object(), None)

    def get(scope: Scope) -> object:
        nonlocal last
        at, found = last
        if at is scope[index]:
            return found
        try:
            found = compiled.search(scope[index])
        except _UNFIT:
            raise Unfit(selector, "the expression does not fit the value") from None
        last = (scope[index], found)
        return found

    return get


def _header(selector: str, index: int, name: str) -> Getter:
    def get(scope: Scope) -> object:
        headers = scope[index]
        value = headers.get(name) if isinstance(headers, Mapping) else None
        if value is None:
            return None
        try:
            return str(value, "utf-8")
        except (TypeError, UnicodeDecodeError):
            raise Unfit(selector, "the header is no UTF-8 text") from None

    return get


def is_nothing(value: object) -> bool:
    """Tell a value that stands for its absence: null, and the empty field of flat files."""
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def text(selector: str, levels: Sequence[str], limit: int = SHORT) -> Text:
    """Compile a getter of text of 1..limit characters, of an integer its digits.

    It gives null where the value is absent or blank, and raises Unfit for anything else.
    """
    return _reader(selector, levels, limit, _digits)


def identifier(selector: str, levels: Sequence[str]) -> Text:
    """Compile a getter of a text that names something: without blanks around it, null for a filler.

    A filler that counted would make one thing of all that have no number yet.
    """
    read = text(selector, levels)

    def named(scope: Scope) -> str | None:
        value = read(scope)
        return None if value is None or is_filler(value) else value.strip()

    return named


def is_filler(value: object) -> bool:
    """Tell a value that is absent, or a text that is written where there is none."""
    if not isinstance(value, str):
        return value is None
    return not value.strip(_FILLERS) or value.strip().lower() in _NOBODY


def denies(value: object) -> bool:
    """Tell a value that says that something is not there: false, as a text too, zero, or empty."""
    if isinstance(value, str):
        return value.strip().lower() == "false"
    return not value


def word(selector: str, levels: Sequence[str]) -> Text:
    """Compile a getter of a code: as `text`, of a boolean `true` or `false`."""
    return _reader(selector, levels, SHORT, _digits_or_boolean)


def _reader(
    selector: str, levels: Sequence[str], limit: int, written: Callable[[str, object], str]
) -> Text:
    get = getter(selector, levels)

    def read(scope: Scope) -> str | None:
        value = get(scope)
        if value is None:
            return None
        if not isinstance(value, str):
            value = written(selector, value)
        if len(value) > limit or "\0" in value:
            raise Unfit(selector, f"longer than {limit} characters, or with a NUL")
        return value if value and not value.isspace() else None

    return read


def _digits_or_boolean(selector: str, value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else _digits(selector, value)


def _digits(selector: str, value: object) -> str:
    if isinstance(value, float):
        raise InexactNumber(selector, _NO_TEXT)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Unfit(selector, _NO_TEXT)
