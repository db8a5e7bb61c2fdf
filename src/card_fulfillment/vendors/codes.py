"""What a vendor's codes mean: one text, or a pair with a fallback. Never guessed."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, Generic, NamedTuple, TypeVar

from card_fulfillment.domain.detail import Evidence
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.vendors.language import FactRule, Meaning
from card_fulfillment.vendors.notation import ANY, KEEP
from card_fulfillment.vendors.patterns import whole

_PAIR: Final = 2
_EVERY: Final = "would mean every code: none may be guessed"
# Who takes all of these takes any: one of them is of letters that Unicode leaves to private use.
_UNLIKE: Final = ("\ue000\ue001\ue002\ue003", "0", "7143", "a", "OUT FOR-DELIVERY_2.1")
# Codes looked up lately: what a vendor sends is much the same from day to day.
_REMEMBERED: Final = 1024
_T = TypeVar("_T")


class Sense(NamedTuple):
    """A code's meaning, ready for use. status: null keeps what the statement brings.

    entry: of the code table, as the profile writes it.
    times: which of the statement's times tell when, in order.
    alert: a name under which people are told of it.
    """

    status: Status | None = None
    reason: Reason | None = None
    evidence: Evidence | None = None
    ignored: bool = False
    entry: str = ""
    times: tuple[int, ...] = ()
    alert: str | None = None


# (first code, second code or null) -> what the table has for it; null: nothing.
Lookup = Callable[[str, str | None], _T | None]
Find = Lookup[Sense]


class _Half(NamedTuple):
    """One code of a key. open: whatever begins with the text."""

    text: str
    open: bool

    def fits(self, code: str | None) -> bool:
        if code is None:
            return self.open and not self.text
        return code.startswith(self.text) if self.open else code == self.text


class _Wild(NamedTuple, Generic[_T]):
    """A key that stands for many codes."""

    first: _Half
    second: _Half
    found: _T

    def rank(self) -> tuple[bool, int, bool, int]:
        """The nearer to the whole code, the sooner; the first code counts before the second."""
        first, second = self.first, self.second
        return not first.open, len(first.text), not second.open, len(second.text)


def code_text(first: str, second: str | None) -> str:
    return first if second is None else f"{first}/{second}"


def finder(rule: FactRule, senses: Mapping[str, Sense], patterns: Mapping[str, Sense]) -> Find:
    """Compile the code table; ValueError for a key that is no pair, or both mapped and ignored."""
    pair = len(rule.code) == _PAIR
    table = dict(senses)
    for key in rule.ignore:
        if key in senses:
            raise ValueError(f"code {key!r} is both mapped and ignored")
        table[key] = Sense(ignored=True, entry=key)
    for pattern in patterns:
        takes = whole(pattern)
        if all(takes(f"{each}/{each}" if pair else each) for each in _UNLIKE):
            raise ValueError(f"{pattern!r} {_EVERY}")
    return lookup(table, pair=pair, patterns=patterns)


def sense(
    key: str, meaning: Meaning, evidence: Evidence | None, times: tuple[int, ...] = ()
) -> Sense:
    status = None if meaning.status == KEEP else Status(meaning.status)
    return Sense(
        status,
        meaning.reason,
        meaning.evidence or evidence,
        entry=key,
        times=times,
        alert=meaning.alert,
    )


def lookup(
    table: Mapping[str, _T], *, pair: bool, patterns: Mapping[str, _T] | None = None
) -> Lookup[_T]:
    """Compile a table of codes, of beginnings of codes (`A*`), and of patterns of whole codes.

    The whole code counts first, then the longest beginning, then the patterns in their order.
    """
    exact: dict[tuple[str, str | None], _T] = {}
    wild: list[_Wild[_T]] = []
    for key, found in table.items():
        first, second = _halves(key) if pair else (_half(key), _Half("", open=True))
        if first.open or (pair and second.open):
            wild.append(_Wild(first, second, found))
        else:
            exact[first.text, second.text if pair else None] = found
    wild.sort(key=_Wild.rank, reverse=True)
    matching = tuple((whole(pattern), found) for pattern, found in (patterns or {}).items())

    def find(first: str, second: str | None) -> _T | None:
        found = exact.get((first, second))
        if found is not None:
            return found
        for key in wild:
            if key.first.fits(first) and key.second.fits(second):
                return key.found
        written = code_text(first, second)
        return next((found for matches, found in matching if matches(written)), None)

    return lru_cache(_REMEMBERED)(find) if wild or matching else find


def _half(code: str) -> _Half:
    if not code or code == ANY:
        raise ValueError(f"{code!r} {_EVERY}")
    return _open(code)


def _halves(key: str) -> tuple[_Half, _Half]:
    first, _, second = key.partition("/")
    if not first or not second or "/" in second or first == second == ANY:
        raise ValueError(f"{key!r} is no pair of codes: A/B, A/* or */B is expected")
    return _open(first), _open(second)


def _open(code: str) -> _Half:
    return _Half(code.removesuffix(ANY), code.endswith(ANY))
