"""A profile's examples, run: what its messages become against what the profile says they become."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, Final, NamedTuple, assert_never

from card_fulfillment.domain.facts import SECOND, AttributeValue, Cause, Fact
from card_fulfillment.domain.files import FileLine
from card_fulfillment.messages.envelope import Ignored
from card_fulfillment.messages.times import to_micros
from card_fulfillment.vendors.expectations import (
    Example,
    Expected,
    ExpectedFact,
    ExpectedLine,
)
from card_fulfillment.vendors.mapping import map_message
from card_fulfillment.vendors.notation import KEEP
from card_fulfillment.vendors.outcomes import Outcome, Unusable
from card_fulfillment.vendors.profile import Profile

LATER_THAN_ALL: Final = datetime(2100, 1, 1, tzinfo=UTC)
_NOTHING: Final = "nothing"
_CONFLICT: Final = "have one event id and say different things: the second would be quarantined"


class Difference(NamedTuple):
    """where: which outcome, from 0, or the example as a whole. field: of the outcome."""

    where: str
    field: str
    expected: object
    found: object

    def __str__(self) -> str:
        return f"{self.where}: {self.field} is {self.found!r}, expected {self.expected!r}"


@dataclass(frozen=True, slots=True)
class Trial:
    """An example that was run, and all that differs; none where all is as it says."""

    example: Example
    outcomes: list[Outcome]
    differences: list[Difference]


def try_examples(profile: Profile) -> list[Trial]:
    """Run every example."""
    return [_tried(profile, example) for example in profile.examples]


def as_expected(outcome: Outcome) -> dict[str, Any]:
    """Write an outcome as an example would expect it, with all that can be said of it."""
    match outcome:
        case Fact():
            return {"fact": _said(outcome)}
        case FileLine():
            said = {n: getattr(outcome, n) for n in ExpectedLine.model_fields}
            return {"line": said | {"file": outcome.file.name}}
        case Ignored():
            return {"ignored": outcome.path}
        case Unusable():
            reason = {"path": outcome.path, "reason": outcome.reason.value}
            return {"unusable": reason | ({"code": outcome.code} if outcome.code else {})}
        case _:
            assert_never(outcome)


def _tried(profile: Profile, example: Example) -> Trial:
    outcomes = _outcomes(profile, example)
    differences = [
        difference
        for i, (expected, outcome) in enumerate(zip_longest(example.expect, outcomes))
        for difference in _compare(f"outcome {i}", expected, outcome)
    ]
    facts = [outcome for outcome in outcomes if isinstance(outcome, Fact)]
    differences += _taken_for_one(facts)
    distinct = len({fact.fact_id for fact in facts})
    if example.distinct_facts not in (None, distinct):
        differences.append(Difference("all", "distinct_facts", example.distinct_facts, distinct))
    return Trial(example, outcomes, differences)


def _outcomes(profile: Profile, example: Example) -> list[Outcome]:
    received_at = to_micros(example.received_at or LATER_THAN_ALL)
    headers = {name: value.encode() for name, value in example.headers.items()}
    return [
        outcome
        for offset, message in enumerate(example.messages)
        for outcome in map_message(
            profile,
            message.encode(),
            received_at=received_at,
            headers=headers,
            cause=Cause(None, "example", 0, offset),
        )
    ]


def _taken_for_one(facts: Iterable[Fact]) -> Iterable[Difference]:
    """Facts of one identity must say the same, or one of them would be lost.

    With other words of the vendor it is a conflict of event ids, else a copy.
    """
    seen: dict[bytes, Fact] = {}
    for fact in facts:
        first = seen.setdefault(fact.fact_id, fact)
        if first.content != fact.content:
            becomes = _CONFLICT
        elif first.status != fact.status:
            becomes = "would count as one fact"
        else:
            continue
        both = f"{_told(first)} and {_told(fact)}"
        yield Difference("all", "identity", "two facts", f"{both} {becomes}")


def _told(outcome: Outcome | None) -> str:
    match outcome:
        case None:
            return _NOTHING
        case Fact():
            return f"fact {outcome.status or KEEP} ({outcome.code})"
        case FileLine():
            return f"line {outcome.line} of {outcome.file.name}"
        case Ignored():
            return f"ignored {outcome.path}"
        case Unusable():
            return f"unusable {outcome.path} ({outcome.reason}: {outcome.message})"
        case _:
            assert_never(outcome)


def _wanted(expected: Expected | None) -> str:
    if expected is None:
        return _NOTHING
    if expected.fact is not None:
        return f"fact {expected.fact.status or 'of any status'}"
    if expected.line is not None:
        return f"line {expected.line.line} of {expected.line.file}"
    if expected.ignored is not None:
        return f"ignored {expected.ignored}"
    return f"unusable {expected.unusable.path if expected.unusable else ''}"


def _compare(
    where: str, expected: Expected | None, outcome: Outcome | None
) -> Iterable[Difference]:
    found = as_expected(outcome) if outcome is not None else {}
    wanted = expected.model_dump(exclude_unset=True) if expected is not None else {}
    if found.keys() != wanted.keys():
        yield Difference(where, "outcome", _wanted(expected), _told(outcome))
        return
    for kind, value in wanted.items():
        yield from _unequal(where, value, found[kind])


def _unequal(where: str, wanted: object, found: object) -> Iterable[Difference]:
    if not isinstance(wanted, Mapping) or not isinstance(found, Mapping):
        if wanted != found:
            yield Difference(where, "path", wanted, found)
        return
    for name, value in wanted.items():
        if isinstance(value, Mapping):
            yield from _parts(where, name, value, found[name])
            continue
        expected = _moment(value) if isinstance(value, datetime) else value
        if expected != found.get(name):
            yield Difference(where, name, expected, found.get(name))


def _parts(
    where: str, name: str, wanted: Mapping[str, str], found: Mapping[str, str]
) -> Iterable[Difference]:
    """All of them are expected, and no other ones."""
    for part in sorted({*wanted, *found}):
        if wanted.get(part) != found.get(part):
            yield Difference(where, f"{name}.{part}", wanted.get(part), found.get(part))


def _said(fact: Fact) -> dict[str, object]:
    """Say all of a fact that an example can expect."""
    said: dict[str, object] = {
        "status": (fact.status or KEEP),
        "at": moment(fact.stated),
        "references": {reference.kind: reference.value for reference in fact.references},
        "names": {f"{name.vendor}/{name.kind}": name.value for _, name in fact.names},
        "parcels": {parcel.kind: parcel.value for parcel in fact.parcels},
        "serials": None if fact.serials is None else "-".join(map(str, fact.serials)),
        "carton": _carton(fact),
        "attributes": {name.value: _text(value) for name, value in fact.attributes.items()},
    }
    return {n: said[n] if n in said else getattr(fact, n) for n in ExpectedFact.model_fields}


def _text(value: AttributeValue) -> str:
    """Every scalar of an example is text."""
    return value if isinstance(value, str) else str(value).lower()


def _carton(fact: Fact) -> str | None:
    """Write it as `1/3`, or `1` of unknown how many."""
    if fact.carton is None:
        return None
    return "/".join(str(each) for each in fact.carton if each is not None)


def moment(at: int) -> str:
    """Write microseconds since the epoch as ISO 8601 in UTC."""
    return _moment(datetime.fromtimestamp(at // SECOND, UTC).replace(microsecond=at % SECOND))


def _moment(at: datetime) -> str:
    text = at.astimezone(UTC).isoformat().replace("+00:00", "")
    return f"{text.rstrip('0') if '.' in text else text}Z"
