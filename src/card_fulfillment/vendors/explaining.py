"""How a message becomes what it becomes: told by the code that maps, not by another like it.

Every compiled piece of a profile is put into one that notes what the piece gave, and the message is
mapped with these.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Final, NamedTuple

from card_fulfillment.domain.facts import Cause
from card_fulfillment.vendors.conditions import Asked
from card_fulfillment.vendors.mapping import Reading, read_message
from card_fulfillment.vendors.outcomes import Outcome
from card_fulfillment.vendors.profile import Profile
from card_fulfillment.vendors.record import MappedRecord
from card_fulfillment.vendors.rules import CompiledRule
from card_fulfillment.vendors.selectors import Unfit

# Where a piece is in a compiled rule, e.g. ("statements", 0, "times", 1).
At = tuple[str | int, ...]
_OF_STATEMENT: Final = "statements"


class Noted(NamedTuple):
    """What a piece gave. arguments: that it was asked with, beside the scope.

    refused: why it gave nothing, where the value is not what the profile says.
    """

    at: At
    arguments: tuple[object, ...]
    gave: object
    refused: str | None = None


@dataclass(slots=True)
class Tried:
    """One statement of a rule, tried on an element. outcome: null where it does not apply."""

    statement: int
    notes: list[Noted] = field(default_factory=list)
    outcome: Outcome | None = None

    @property
    def applies(self) -> bool:
        last = self.notes[-1]
        return last.at[2] != "conditions" or last.gave is not False


@dataclass(slots=True)
class Visited:
    """One element.

    positions: where it stands. whom: what its references gave, once they were asked.
    outcome: of the element as a whole, where none of its statements applies.
    """

    positions: tuple[int, ...]
    whom: list[Noted] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    outcome: Outcome | None = None


@dataclass(slots=True)
class Looked:
    """One list that a rule loops over, or something else where a list is wanted."""

    positions: tuple[int, ...]
    note: Noted
    outcome: Outcome | None = None


@dataclass(slots=True)
class RuleTrace:
    """A rule, and all that it met in the order of the message."""

    rule: CompiledRule
    met: list[Looked | Visited] = field(default_factory=list)


class Explanation(NamedTuple):
    """outcomes: of the message. rules: how each came about.

    asked, wanted: the conditions of the whole profile, and what they gave.
    """

    outcomes: list[Outcome]
    rules: list[RuleTrace]
    asked: tuple[Asked, ...]
    wanted: list[Noted]


def explain(
    profile: Profile, payload: bytes, *, received_at: int, headers: Mapping[str, bytes]
) -> Explanation:
    """Map a message as `map_message` does, and tell how. received_at: microseconds."""
    trace = _Trace(profile)
    watched = tuple(trace.watched(i, rule) for i, rule in enumerate(profile.rules))
    record = MappedRecord(
        profile.vendor, profile.version, received_at, Cause(None, "explain", 0, 0)
    )
    conditions = _watched(profile.conditions, (), trace.wanted.append)
    watching = replace(profile, rules=watched, conditions=conditions)
    outcomes = read_message(watching, record, payload, headers, trace.begin)
    return Explanation(outcomes, trace.rules, profile.asked, trace.wanted)


class _Trace:
    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._positions: list[int] = []
        self._reading: Reading | None = None
        self._visiting: tuple[int, tuple[int, ...]] | None = None
        self.rules: list[RuleTrace] = []
        self.wanted: list[Noted] = []

    def begin(self, record: MappedRecord) -> Reading:
        """Begin anew: what was noted of a first reading does not count."""
        self.rules = [RuleTrace(rule) for rule in self._profile.rules]
        self._visiting = None
        self.wanted.clear()
        self._reading = Reading(record, tell=self._came)
        return self._reading

    def watched(self, index: int, rule: CompiledRule) -> CompiledRule:
        def tell(note: Noted) -> None:
            self._note(index, note)

        watched: CompiledRule = _watched(rule, (), tell)
        return replace(watched, whom_depth=len(rule.loops))

    def _note(self, index: int, note: Noted) -> None:
        met = self.rules[index].met
        kind = note.at[0]
        if kind == "loops":
            met.append(Looked(self._now(), note))
            self._visiting = None
            return
        visited = self._visited(index)
        if kind != _OF_STATEMENT:
            visited.whom.append(note)
            return
        statement = int(note.at[1])
        if not visited.tried or visited.tried[-1].statement != statement:
            visited.tried.append(Tried(statement))
        visited.tried[-1].notes.append(note)

    def _now(self) -> tuple[int, ...]:
        return tuple(self._reading.positions) if self._reading else ()

    def _visited(self, index: int) -> Visited:
        """Find the element that is being read, or the next one."""
        met, now = self.rules[index].met, (index, self._now())
        if self._visiting != now:
            self._visiting = now
            met.append(Visited(self._now()))
        last = met[-1]
        assert isinstance(last, Visited)  # noqa: S101 - appended just now, or the one before
        return last

    def _came(self, outcome: Outcome) -> None:
        """Lay an outcome beside what was looked at last."""
        met = next(rule.met for rule in reversed(self.rules) if rule.met)
        last = met[-1]
        if isinstance(last, Visited) and last.tried and _is_of(last.tried[-1]):
            last.tried[-1].outcome = outcome
        else:
            last.outcome = outcome


def _is_of(tried: Tried) -> bool:
    return tried.outcome is None and tried.applies


def _watched(piece: Any, at: At, tell: Callable[[Noted], None]) -> Any:  # noqa: ANN401 - any part of a rule
    if is_dataclass(piece) and not isinstance(piece, type):
        parts = {f.name: getattr(piece, f.name) for f in fields(piece)}
        return replace(piece, **{n: _watched(p, (*at, n), tell) for n, p in parts.items()})
    if type(piece) is tuple:
        return tuple(_watched(each, (*at, i), tell) for i, each in enumerate(piece))
    return _noting(piece, at, tell) if callable(piece) else piece


def _noting(
    piece: Callable[..., object], at: At, tell: Callable[[Noted], None]
) -> Callable[..., object]:
    def ask(*arguments: object) -> object:
        told = tuple(each for each in arguments if not isinstance(each, list))
        try:
            gave = piece(*arguments)
        except Unfit as unfit:
            tell(Noted(at, told, None, unfit.message))
            raise
        tell(Noted(at, told, gave))
        return gave

    return ask
