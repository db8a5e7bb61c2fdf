"""Rules of a profile, compiled: plain getters and tables, nothing to validate per message."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from card_fulfillment.domain.detail import Evidence
from card_fulfillment.domain.facts import ParcelRole
from card_fulfillment.domain.naming import Role
from card_fulfillment.domain.status import Reason
from card_fulfillment.vendors.attributes import AttributeReader, compile_attributes
from card_fulfillment.vendors.codes import Find, Lookup, Sense, finder, lookup, sense
from card_fulfillment.vendors.conditions import Asked, Holds, compile_conditions
from card_fulfillment.vendors.file_lines import FileReader, compile_file
from card_fulfillment.vendors.language import (
    After,
    FactRule,
    Meaning,
    ProfileFile,
    ReasonTable,
    Rule,
    TimeField,
)
from card_fulfillment.vendors.levels import Loop, compile_levels
from card_fulfillment.vendors.numbers import (
    CartonReader,
    QuantityReader,
    SerialsReader,
    carton_reader,
    quantity_reader,
    serials_reader,
)
from card_fulfillment.vendors.references import Kind, compile_kind, compile_names
from card_fulfillment.vendors.selectors import (
    BUILT_IN,
    LONG,
    MESSAGE,
    Scope,
    Text,
    getter,
    split,
    text,
    word,
)
from card_fulfillment.vendors.times import Clocks, ReadTime, clocks, time_reader


@dataclass(frozen=True, slots=True)
class Turn:
    """Once `seen` has an entry for an earlier code of the list, `find` counts before the table."""

    seen: Lookup[bool]
    find: Find


@dataclass(frozen=True, slots=True)
class Statement:
    """How one fact is read from an element.

    asked: of each condition the selector, and what is wanted of it.
    always: what it says where it has no code.
    second: the other half of a pair of codes.
    times: all that may tell when; a sense says which of them do.
    time_fields: each of the times as the profile has it.
    """

    asked: tuple[Asked, ...]
    conditions: tuple[Holds, ...]
    always: Sense | None
    first: Text | None
    second: Text | None
    code_selectors: tuple[str, ...]
    find: Find
    turns: tuple[Turn, ...]
    reason_selector: str | None
    reason: tuple[Text, Mapping[str, Reason]] | None
    times: tuple[ReadTime, ...]
    time_fields: tuple[TimeField, ...]
    registers: tuple[AttributeReader, ...]
    names: tuple[Kind, ...]
    parcel_role: ParcelRole
    signature_selector: str | None
    signature: Callable[[Scope], object] | None
    text_selector: str | None
    text: Text | None


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule, ready for use.

    asked: of each condition the selector, and what is wanted of it.
    whom_depth: how many of the loops say whom an element is about; below them it is the same.
    says_which: whether it may say which cards of a bulk an element is about, or how many.
    has_turns: whether what came before in a list may change what a code means.
    """

    loops: tuple[Loop, ...]
    asked: tuple[Asked, ...]
    conditions: tuple[Holds, ...]
    event_id_selector: str | None
    event_id: Text | None
    references: tuple[Kind, ...]
    serials: SerialsReader | None
    carton: CartonReader | None
    quantity: QuantityReader | None
    file: FileReader | None
    whom_depth: int
    says_which: bool
    has_turns: bool
    statements: tuple[Statement, ...]


class _Context(NamedTuple):
    """What the parts of a rule have in common. top: the highest level of its references."""

    file: ProfileFile
    levels: tuple[str, ...]
    known: Clocks
    top: int


def compile_rule(rule: Rule, file: ProfileFile) -> CompiledRule:
    """Compile one rule; ValueError where a selector, a kind or a code contradicts the rest."""
    levels = (*BUILT_IN, *rule.each)
    references = tuple(
        compile_kind(file, kind, rule.references[kind], levels) for kind in sorted(rule.references)
    )
    context = _Context(file, levels, clocks(file), max(kind.level for kind in references))
    asked, conditions = compile_conditions(rule.when, levels)
    return CompiledRule(
        loops=compile_levels(rule.each),
        asked=asked,
        conditions=conditions,
        event_id_selector=rule.event_id,
        event_id=text(rule.event_id, levels) if rule.event_id else None,
        references=references,
        serials=serials_reader(rule.serials, levels) if rule.serials else None,
        carton=carton_reader(rule.carton, levels) if rule.carton else None,
        quantity=quantity_reader(rule.quantity, levels) if rule.quantity else None,
        file=compile_file(rule.file, rule.quantity, references, levels) if rule.file else None,
        whom_depth=max(map(levels.index, _levels_of_whom(rule))) - len(BUILT_IN) + 1,
        says_which=bool(rule.serials or rule.carton or rule.quantity),
        has_turns=any(fact.after for fact in rule.facts),
        statements=tuple(_statement(fact, context) for fact in rule.facts),
    )


def _levels_of_whom(rule: Rule) -> Iterable[str]:
    """Name the levels of all that says whom an element is about."""
    selectors = [MESSAGE, rule.event_id, rule.quantity, *rule.references.values()]
    if rule.serials:
        selectors += [rule.serials.first, rule.serials.last]
    if rule.carton:
        selectors += [rule.carton.number, rule.carton.of]
    return (split(selector)[0] for selector in selectors if selector)


def _statement(rule: FactRule, context: _Context) -> Statement:
    levels = context.levels
    asked, conditions = compile_conditions(rule.when, levels)
    tables = _Tables(rule, context.file)
    find, turns = tables.find(), tuple(tables.turn(after) for after in rule.after)
    codes = [_code(selector, rule.pad_codes, levels) for selector in rule.code]
    return Statement(
        asked=asked,
        conditions=conditions,
        always=tables.always(),
        first=codes[0] if codes else None,
        second=codes[1] if codes[1:] else None,
        code_selectors=tuple(rule.code),
        find=find,
        turns=turns,
        reason_selector=rule.reason.at if rule.reason else None,
        reason=_reasons(rule.reason, levels),
        times=tuple(
            time_reader(field, levels, context.known, is_first=place in tables.first_times)
            for place, field in enumerate(tables.times)
        ),
        time_fields=tuple(tables.times),
        registers=compile_attributes(rule.attributes, levels, context.known),
        names=compile_names(rule.names, context.file, levels, context.top),
        parcel_role=rule.parcel,
        signature_selector=rule.signature,
        signature=getter(rule.signature, levels).of if rule.signature else None,
        text_selector=rule.text,
        text=text(rule.text, levels, LONG) if rule.text else None,
    )


def _code(selector: str, digits: int, levels: Sequence[str]) -> Text:
    read = word(selector, levels)

    def padded(scope: list[object]) -> str | None:
        value = read(scope)
        return value.zfill(digits) if value is not None and value.isdecimal() else value

    return padded if digits else read


class _Tables:
    """The code tables of a statement, and all times that one of their codes goes by.

    first_times: the places of those that some code prefers to all others.
    """

    def __init__(self, rule: FactRule, file: ProfileFile) -> None:
        claim = Evidence.CARRIER_SCAN if file.role is Role.CARRIER else Evidence.VENDOR_CLAIM
        self._rule = rule
        self._evidence = rule.evidence or claim
        self._pair = len(rule.code) > 1
        self.times = list(rule.time)
        self.first_times = {0}
        self._usual = tuple(range(len(rule.time)))

    def always(self) -> Sense | None:
        said = self._rule.status
        return None if said is None else self._sense(said.status, said)

    def find(self) -> Find:
        rule = self._rule
        return finder(rule, self._senses(rule.codes), self._senses(rule.patterns))

    def turn(self, after: After) -> Turn:
        seen = lookup(dict.fromkeys(after.seen, True), pair=self._pair)
        return Turn(seen, lookup(self._senses(after.codes), pair=self._pair))

    def _senses(self, meanings: Mapping[str, Meaning]) -> dict[str, Sense]:
        return {key: self._sense(key, meaning) for key, meaning in meanings.items()}

    def _sense(self, key: str, meaning: Meaning) -> Sense:
        times = self._usual
        if meaning.time:
            self.first_times.add(len(self.times))
            times = tuple(range(len(self.times), len(self.times) + len(meaning.time)))
            self.times += meaning.time
        return sense(key, meaning, self._evidence, times)


def _reasons(
    table: ReasonTable | None, levels: Sequence[str]
) -> tuple[Text, Mapping[str, Reason]] | None:
    return None if table is None else (text(table.at, levels), table.codes)
