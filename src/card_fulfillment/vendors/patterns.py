"""Regular expressions of profiles: RE2, whose matching takes time linear in the text, always.

It has neither look-around nor back-references, which is what makes others loop.
"""

from collections.abc import Callable, Mapping
from typing import Final

import re2

MOST_CHARACTERS: Final = 2048
_MOST_PATTERN: Final = 256
_MOST_MEMORY: Final = 1 << 20

# Text -> its named groups; null where it does not match. Groups that took no part are left out.
Match = Callable[[str], Mapping[str, str] | None]


def _compiled(pattern: str) -> "re2._Regexp":
    if len(pattern) > _MOST_PATTERN:
        raise ValueError(f"a pattern of more than {_MOST_PATTERN} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MOST_MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        told = error.args[0] if error.args else "not understood"
        told = told.decode() if isinstance(told, bytes) else told
        raise ValueError(f"{pattern!r} is no pattern of RE2: {told}") from None


def check_pattern(pattern: str) -> None:
    """Raise ValueError where it is no pattern."""
    _compiled(pattern)


def groups_of(pattern: str) -> tuple[str, ...]:
    """Name the groups of a pattern."""
    return tuple(_compiled(pattern).groupindex)


def finder(pattern: str) -> Match:
    """Find the pattern anywhere in a text."""
    search = _compiled(pattern).search

    def find(text: str) -> Mapping[str, str] | None:
        match = search(text)
        if match is None:
            return None
        return {name: value for name, value in match.groupdict().items() if value is not None}

    return find


def whole(pattern: str) -> Callable[[str], bool]:
    """Tell whether a text is of the pattern, from its first to its last character."""
    matches = _compiled(pattern).fullmatch
    return lambda text: matches(text) is not None
