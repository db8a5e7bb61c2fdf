"""One message of a vendor -> its facts, each statement failing or being ignored alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from card_fulfillment.domain.facts import Cause, Fact
from card_fulfillment.messages.envelope import Ignored
from card_fulfillment.messages.times import LATEST_RECORD
from card_fulfillment.vendors.bodies import Body, opened, parse, parse_exactly, written
from card_fulfillment.vendors.file_lines import FileReader, file_line
from card_fulfillment.vendors.outcomes import Outcome, Refusal, Unusable
from card_fulfillment.vendors.plug_ins import Unreadable
from card_fulfillment.vendors.profile import Profile
from card_fulfillment.vendors.record import MappedRecord
from card_fulfillment.vendors.rules import CompiledRule, Statement
from card_fulfillment.vendors.selectors import (
    BUILT_IN,
    HEADER,
    MESSAGE,
    InexactNumber,
    Scope,
    Unfit,
)
from card_fulfillment.vendors.statements import fact, said
from card_fulfillment.vendors.whom import NoSubject, Who, subject

_ELEMENTS: Final = 1_000
_FIRST_LOOP: Final = len(BUILT_IN)
_BASES: Final = {MESSAGE: "", HEADER: "header"}
_FILTERED: Final = "not what `when` lets through"
_TOO_MANY: Final = f"more than {_ELEMENTS} elements"


class _TooMany(Exception):
    """More elements than a message may have."""


class Reading:
    """One message being read.

    positions: where each loop of the current rule stands.
    who: whom the elements here are about, once one of them has asked.
    tell: called with each outcome when it comes.
    """

    def __init__(self, record: MappedRecord, tell: Callable[[Outcome], None] | None = None) -> None:
        self.record: Final = record
        self.positions: list[int] = []
        self.elements = 0
        self.who: Who | None = None
        self.outcomes: Final[list[Outcome]] = []
        self.tell: Final = tell

    def add(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        if self.tell is not None:
            self.tell(outcome)


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
    record = MappedRecord(profile.vendor, profile.version, received_at, cause)
    return read_message(profile, record, payload, headers)


def read_message(
    profile: Profile,
    record: MappedRecord,
    payload: bytes,
    headers: Mapping[str, bytes],
    begin: Callable[[MappedRecord], Reading] = Reading,
) -> list[Outcome]:
    """Do what `map_message` does, where need be with a reading of the caller's.

    begin: makes the reading; once more where the message has to be read again exactly.
    """
    if not 0 <= record.received_at < LATEST_RECORD:
        return _malformed("the record's timestamp is before 1970 or after 2100")
    try:
        payload, body = written(payload, headers, profile.body, profile.plug_in)
    except Unreadable as why:
        return _malformed(str(why))
    try:
        document, told = opened(parse(payload, body), headers, body)
    except ValueError:
        return _malformed(f"not written as {body}, or nested too deeply")
    try:
        return _outcomes(profile, begin(record), [document, told])
    except InexactNumber:
        return _exactly(profile, begin(record.read_exactly()), payload, headers, body)
    except _TooMany:
        return _malformed(_TOO_MANY)


def _exactly(
    profile: Profile, reading: Reading, payload: bytes, headers: Mapping[str, bytes], body: Body
) -> list[Outcome]:
    """Read the message again so that integers beyond 64 bits are kept."""
    try:
        document, told = opened(parse_exactly(payload, body), headers, body)
    except ValueError:
        return _malformed("a number too long, or nested too deeply")
    try:
        return _outcomes(profile, reading, [document, told])
    except _TooMany:
        return _malformed(_TOO_MANY)


def _malformed(why: str) -> list[Outcome]:
    return [Unusable("", Refusal.MALFORMED, why)]


def _outcomes(profile: Profile, reading: Reading, base: Scope) -> list[Outcome]:
    filtered = _filtered(profile, reading.record, base) if profile.conditions else None
    if filtered is not None:
        return [filtered]
    found = False
    for rule in profile.rules:
        reading.positions = [0] * len(rule.loops)
        reading.who = None
        scope = base + reading.positions
        if rule.has_turns:
            scope.append(set())
        found |= _walk(reading, rule, scope, 0)
    if reading.outcomes:
        return reading.outcomes
    if found:
        return [Ignored("", "no elements")]
    return _malformed("nothing that a rule of the profile reads")


def _filtered(profile: Profile, record: MappedRecord, base: Scope) -> Outcome | None:
    """Look whether the profile wants the message at all."""
    try:
        if all(holds(base) for holds in profile.conditions):
            return None
    except Unfit as unfit:
        record.settle(unfit)
        return Unusable(_joined(_BASES, unfit.selector or MESSAGE), unfit.reason, unfit.message)
    return Ignored("", _FILTERED)


def _walk(reading: Reading, rule: CompiledRule, scope: Scope, depth: int) -> bool:
    """Visit every element below; false where not even the outermost list is there."""
    if depth == len(rule.loops):
        _element(reading, rule, scope)
        return True
    loop = rule.loops[depth]
    try:
        items = loop.items(scope)
    except Unfit as unfit:
        reading.add(_refused(reading, rule, unfit))
        return True
    if not items and depth:
        where = place_of(reading.positions, rule, loop.selector)
        reading.add(Ignored(where, "no elements"))
    if not items:
        return items is not None
    if not loop.one:
        _count(reading, rule, scope, len(items))
    for place in range(len(items)):
        i = len(items) - 1 - place if loop.newest_first else place
        scope[_FIRST_LOOP + depth] = items[i]
        reading.positions[depth] = i
        if depth < rule.whom_depth:
            reading.who = None
        _walk(reading, rule, scope, depth + 1)
    return True


def _count(reading: Reading, rule: CompiledRule, scope: Scope, elements: int) -> None:
    """Keep the bound on elements; what came before in a list begins anew with each list."""
    reading.elements += elements
    if reading.elements > _ELEMENTS:
        raise _TooMany
    if rule.has_turns:
        scope[-1] = set()


def _element(reading: Reading, rule: CompiledRule, scope: Scope) -> None:
    before = len(reading.outcomes)
    if rule.conditions and not _wanted(reading, rule, scope):
        return
    for statement in rule.statements:
        if not _tried(reading, rule, statement, scope):
            break
    if rule.file is not None:
        _line(reading, rule, rule.file, scope, before)
    if len(reading.outcomes) == before:
        reading.add(Ignored(place_of(reading.positions, rule, None), "no statement applies"))


def _tried(reading: Reading, rule: CompiledRule, statement: Statement, scope: Scope) -> bool:
    """Tell what comes of one statement; false where the element names nobody."""
    try:
        outcome = _outcome(reading, rule, statement, scope)
        if outcome is not None:
            reading.add(outcome)
    except NoSubject as nobody:
        reading.add(_refused(reading, rule, nobody))
        return False
    except Unfit as unfit:
        reading.add(_refused(reading, rule, unfit))
    if spoilt := reading.record.spoilt:
        for each in spoilt:
            reading.add(_refused(reading, rule, each))
        spoilt.clear()
    return True


def _outcome(
    reading: Reading, rule: CompiledRule, statement: Statement, scope: Scope
) -> Outcome | None:
    """Read one statement of an element; null where it does not apply."""
    code = said(statement, scope)
    if code is None:
        return None
    if code.sense.ignored:
        return _ignored(reading, rule, statement)
    who = reading.who
    if who is None:
        who = reading.who = subject(rule, reading.record, scope)
    what = fact(statement, code, who, reading.record, scope)
    return what or _ignored(reading, rule, statement)


def _line(
    reading: Reading, rule: CompiledRule, file: FileReader, scope: Scope, before: int
) -> None:
    """Tell of the line of a file that the element is, beside what it says."""
    facts = (each for each in reading.outcomes[before:] if isinstance(each, Fact))
    try:
        line = file_line(file, reading.record, scope, next(facts, None))
    except Unfit as unfit:
        reading.add(_refused(reading, rule, unfit))
        return
    if line is not None:
        reading.add(line)


def _wanted(reading: Reading, rule: CompiledRule, scope: Scope) -> bool:
    """Look whether the rule wants the element; if not, tell so."""
    try:
        if all(holds(scope) for holds in rule.conditions):
            return True
        outcome: Outcome = Ignored(place_of(reading.positions, rule, None), _FILTERED)
    except Unfit as unfit:
        outcome = _refused(reading, rule, unfit)
    reading.add(outcome)
    return False


def _ignored(reading: Reading, rule: CompiledRule, statement: Statement) -> Ignored:
    selector = statement.code_selectors[-1] if statement.code_selectors else None
    where = place_of(reading.positions, rule, selector)
    return Ignored(where, "the code says nothing that is kept")


def _refused(reading: Reading, rule: CompiledRule, unfit: Unfit) -> Unusable:
    reading.record.settle(unfit)
    where = place_of(reading.positions, rule, unfit.selector)
    return Unusable(where, unfit.reason, unfit.message, unfit.code)


def place_of(positions: Sequence[int], rule: CompiledRule, selector: str | None) -> str:
    """Tell where a selector points in this message, e.g. notifications[0].detail.state.

    Without a selector: where the innermost element stands.
    """
    bases = dict(_BASES)
    innermost = ""
    for loop, position in zip(rule.loops, positions, strict=True):
        here = _joined(bases, loop.selector)
        if not loop.one:
            here = innermost = f"{here}[{position}]"
        bases[loop.name] = here
    return innermost if selector is None else _joined(bases, selector)


def _joined(bases: Mapping[str, str], selector: str) -> str:
    level, _, path = selector.partition(".")
    base = bases[level]
    return f"{base}.{path}" if base and path else base or path
