"""What a vendor's codes mean: one text, or a pair with a fallback. Never guessed."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from card_fulfillment.domain.facts import Evidence
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.vendors.language import ANY, KEEP, FactRule, Meaning

_PAIR: Final = 2


class Sense(NamedTuple):
    """A code's meaning, ready for use.

    entry: the key of the profile that says so. status: null keeps what the statement brings.
    """

    entry: str
    status: Status | None = None
    reason: Reason | None = None
    evidence: Evidence | None = None
    ignored: bool = False


# (first code, second code or null) -> its sense; null: not mapped.
Find = Callable[[str, str | None], Sense | None]


def code_text(first: str, second: str | None) -> str:
    return first if second is None else f"{first}/{second}"


def finder(rule: FactRule, evidence: Evidence) -> Find:
    """Compile the code table; ValueError for a key that is no pair, or both mapped and ignored."""
    evidence = rule.evidence or evidence
    table = {key: _sense(key, meaning, evidence) for key, meaning in rule.codes.items()}
    for key in rule.ignore:
        if key in table:
            raise ValueError(f"code {key!r} is both mapped and ignored")
        table[key] = Sense(key, ignored=True)
    return _pairs(table) if len(rule.code) == _PAIR else _single(table)


def _sense(key: str, meaning: Meaning, evidence: Evidence) -> Sense:
    status = None if meaning.status == KEEP else Status(meaning.status)
    return Sense(key, status, meaning.reason, meaning.evidence or evidence)


def _single(table: Mapping[str, Sense]) -> Find:
    def find(first: str, _second: str | None) -> Sense | None:
        return table.get(first)

    return find


def _pairs(table: Mapping[str, Sense]) -> Find:
    """Look for the pair, then for its first code alone (`A/*`), then its second (`*/B`)."""
    exact: dict[tuple[str, str | None], Sense] = {}
    firsts: dict[str, Sense] = {}
    seconds: dict[str | None, Sense] = {}
    for key, sense in table.items():
        first, second = _halves(key)
        if second == ANY:
            firsts[first] = sense
        elif first == ANY:
            seconds[second] = sense
        else:
            exact[first, second] = sense

    def find(first: str, second: str | None) -> Sense | None:
        return exact.get((first, second)) or firsts.get(first) or seconds.get(second)

    return find


def _halves(key: str) -> tuple[str, str]:
    first, _, second = key.partition("/")
    if not first or not second or "/" in second or first == second == ANY:
        raise ValueError(f"{key!r} is no pair of codes: A/B, A/* or */B is expected")
    return first, second
