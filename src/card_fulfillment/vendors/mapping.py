"""One message of a vendor -> its facts, each statement failing or being ignored alone."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Final

import orjson

from card_fulfillment.domain.facts import Cause
from card_fulfillment.vendors.outcomes import Ignored, Outcome, Refusal, Unusable
from card_fulfillment.vendors.profile import Profile
from card_fulfillment.vendors.rules import CompiledRule, Statement
from card_fulfillment.vendors.selectors import BUILT_IN, InexactNumber, Scope, Unfit
from card_fulfillment.vendors.statements import NoSubject, Record, fact, said, subject

__all__ = [
    "Ignored",
    "Outcome",
    "Reading",
    "Refusal",
    "Unusable",
    "map_message",
    "place_of",
    "read_message",
]

_ELEMENTS: Final = 1_000
_FIRST_LOOP: Final = len(BUILT_IN)


class _TooMany(Exception):
    """More elements than a message may have."""


@dataclass(slots=True)
class Reading:
    """One message being read. positions: where each loop of the current rule stands."""

    record: Record
    positions: list[int] = field(default_factory=list)
    elements: int = 0
    outcomes: list[Outcome] = field(default_factory=list)


def map_message(
    profile: Profile,
    payload: bytes,
    *,
    received_at: int,
    headers: Mapping[str, bytes],
    cause: Cause,
) -> list[Outcome]:
    """Turn one record into outcomes in the order of its elements, at least one.

    received_at: the record's timestamp, microseconds since the epoch. Never raises for what a
    record holds.
    """
    record = Record(profile.vendor, profile.version, received_at, cause)
    return read_message(profile, record, payload, headers, Reading)


def read_message(
    profile: Profile,
    record: Record,
    payload: bytes,
    headers: Mapping[str, bytes],
    begin: Callable[[Record], Reading],
) -> list[Outcome]:
    """Do what `map_message` does, with a reading of the caller's.

    begin: makes the reading; once more where the message has to be read again exactly.
    """
    try:
        message = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return [Unusable("", Refusal.MALFORMED, "no JSON, or nested too deeply")]
    try:
        return _outcomes(profile, begin(record), [message, headers])
    except InexactNumber:
        exact = partial(begin, replace(record, exact=True))
        return _exactly(profile, exact, payload, headers)
    except _TooMany:
        return [_too_many()]


def _exactly(
    profile: Profile, begin: Callable[[], Reading], payload: bytes, headers: Mapping[str, bytes]
) -> list[Outcome]:
    """Read the message again with the slower parser, which keeps integers beyond 64 bits."""
    try:
        message = json.loads(payload, parse_float=Decimal)
        return _outcomes(profile, begin(), [message, headers])
    except (ValueError, RecursionError):
        return [Unusable("", Refusal.MALFORMED, "a number too long, or nested too deeply")]
    except _TooMany:
        return [_too_many()]


def _too_many() -> Unusable:
    return Unusable("", Refusal.MALFORMED, f"more than {_ELEMENTS} elements")


def _outcomes(profile: Profile, reading: Reading, base: Scope) -> list[Outcome]:
    found = False
    for rule in profile.rules:
        reading.positions = [0] * len(rule.loops)
        found |= _walk(reading, rule, base + reading.positions, 0)
    if reading.outcomes:
        return reading.outcomes
    if found:
        return [Ignored("", "no elements")]
    return [Unusable("", Refusal.MALFORMED, "nothing that a rule of the profile reads")]


def _walk(reading: Reading, rule: CompiledRule, scope: Scope, depth: int) -> bool:
    """Visit every element below; false where not even the outermost list is there."""
    if depth == len(rule.loops):
        _element(reading, rule, scope)
        return True
    try:
        items = _items(rule, scope, depth)
    except Unfit as unfit:
        reading.outcomes.append(_refused(reading, rule, unfit))
        return True
    if not items and depth:
        where = place_of(reading.positions, rule, rule.loops[depth].selector)
        reading.outcomes.append(Ignored(where, "no elements"))
    reading.elements += len(items or ())
    if reading.elements > _ELEMENTS:
        raise _TooMany
    for i, item in enumerate(items or ()):
        scope[_FIRST_LOOP + depth] = item
        reading.positions[depth] = i
        _walk(reading, rule, scope, depth + 1)
    return items is not None


def _items(rule: CompiledRule, scope: Scope, depth: int) -> list[object] | None:
    loop = rule.loops[depth]
    items = loop.items(scope)
    if items is None or isinstance(items, list):
        return items
    raise Unfit(loop.selector, "not a list")


def _element(reading: Reading, rule: CompiledRule, scope: Scope) -> None:
    before = len(reading.outcomes)
    who = None
    for statement in rule.statements:
        try:
            code = said(statement, scope)
            if code is None:
                continue
            what: Outcome | None = None
            if not code.sense.ignored:
                who = who or subject(rule, reading.record, scope)
                what = fact(statement, code, who, reading.record, scope)
            reading.outcomes.append(what or _ignored(reading, rule, statement))
        except NoSubject as unfit:
            reading.outcomes.append(_refused(reading, rule, unfit))
            return
        except Unfit as unfit:
            reading.outcomes.append(_refused(reading, rule, unfit))
    if len(reading.outcomes) == before:
        reading.outcomes.append(
            Ignored(place_of(reading.positions, rule, None), "no statement applies")
        )


def _ignored(reading: Reading, rule: CompiledRule, statement: Statement) -> Ignored:
    where = place_of(reading.positions, rule, statement.code_selectors[-1])
    return Ignored(where, "the code says nothing that is kept")


def _refused(reading: Reading, rule: CompiledRule, unfit: Unfit) -> Unusable:
    reading.record.settle(unfit)
    where = place_of(reading.positions, rule, unfit.selector)
    return Unusable(where, unfit.reason, unfit.message, unfit.code)


def place_of(positions: Sequence[int], rule: CompiledRule, selector: str | None) -> str:
    """Tell where a selector points in this message, e.g. notifications[0].detail.state.

    Without a selector: where the innermost element stands.
    """
    bases = {"message": "", "header": "header"}
    innermost = ""
    for loop, position in zip(rule.loops, positions, strict=True):
        innermost = f"{_joined(bases, loop.selector)}[{position}]"
        bases[loop.name] = innermost
    return innermost if selector is None else _joined(bases, selector)


def _joined(bases: Mapping[str, str], selector: str) -> str:
    level, _, path = selector.partition(".")
    base = bases[level]
    return f"{base}.{path}" if base and path else base or path
