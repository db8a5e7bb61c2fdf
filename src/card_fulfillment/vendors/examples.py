"""A profile's examples, run: what its messages become against what the profile says they become."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, assert_never

from card_fulfillment.domain.facts import Cause, Fact
from card_fulfillment.vendors.language import KEEP, Example, Expected, ExpectedFact
from card_fulfillment.vendors.mapping import map_message
from card_fulfillment.vendors.outcomes import Ignored, Outcome, Unusable
from card_fulfillment.vendors.profile import Profile
from card_fulfillment.vendors.times import microseconds

_LATER_THAN_ALL: Final = datetime(2100, 1, 1, tzinfo=UTC)


def check_examples(profile: Profile) -> list[str]:
    """Run every example; one sentence per difference, none where all is as it says."""
    return [
        f"{profile.vendor}: {example.name}: {difference}"
        for example in profile.examples
        for difference in _differences(profile, example)
    ]


def _differences(profile: Profile, example: Example) -> Iterable[str]:
    outcomes = _outcomes(profile, example)
    if len(outcomes) != len(example.expect):
        told = ", ".join(map(_told, outcomes))
        yield f"{len(example.expect)} outcomes expected, {len(outcomes)} came: {told}"
        return
    for i, (expected, outcome) in enumerate(zip(example.expect, outcomes, strict=True)):
        yield from (f"outcome {i}: {difference}" for difference in _compare(expected, outcome))
    yield from _taken_for_one(outcomes)
    distinct = len({outcome.fact_id for outcome in outcomes if isinstance(outcome, Fact)})
    if example.distinct_facts not in (None, distinct):
        yield f"{example.distinct_facts} distinct facts expected, {distinct} came"


def _outcomes(profile: Profile, example: Example) -> list[Outcome]:
    received_at = microseconds(example.received_at or _LATER_THAN_ALL)
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


def _taken_for_one(outcomes: Iterable[Outcome]) -> Iterable[str]:
    """Facts of one identity must say the same, or one of them would be lost as a copy."""
    seen: dict[bytes, Fact] = {}
    for outcome in outcomes:
        if isinstance(outcome, Fact):
            first = seen.setdefault(outcome.fact_id, outcome)
            if first.status != outcome.status:
                yield f"{_told(first)} and {_told(outcome)} would count as one fact"


def _told(outcome: Outcome) -> str:
    match outcome:
        case Fact():
            return f"fact {outcome.status or KEEP} ({outcome.code})"
        case Ignored():
            return f"ignored {outcome.path}"
        case Unusable():
            return f"unusable {outcome.path} ({outcome.reason}: {outcome.message})"
        case _:
            assert_never(outcome)


def _compare(expected: Expected, outcome: Outcome) -> list[str]:
    if expected.fact is not None and isinstance(outcome, Fact):
        return _compare_fact(expected.fact, outcome)
    if expected.ignored is not None and isinstance(outcome, Ignored):
        return _unequal("path", expected.ignored, outcome.path)
    if expected.unusable is not None and isinstance(outcome, Unusable):
        wanted = expected.unusable.model_dump(exclude_unset=True)
        return [d for name in wanted for d in _unequal(name, wanted[name], getattr(outcome, name))]
    return [f"{_told(outcome)} came"]


def _compare_fact(expected: ExpectedFact, fact: Fact) -> list[str]:
    found: dict[str, object] = {
        "status": fact.status or KEEP,
        "at": fact.stated,
        "references": {reference.kind: reference.value for reference in fact.references},
        "names": {f"{name.vendor}/{name.kind}": name.value for _, name in fact.names},
        "attributes": dict(fact.attributes),
    }
    wanted = {name: getattr(expected, name) for name in expected.model_fields_set}
    if expected.at is not None:
        wanted["at"] = microseconds(expected.at)
    return [
        difference
        for name, value in wanted.items()
        for difference in _unequal(name, value, found.get(name, getattr(fact, name, None)))
    ]


def _unequal(name: str, expected: object, found: object) -> list[str]:
    return [] if expected == found else [f"{name} is {found!r}, expected {expected!r}"]
