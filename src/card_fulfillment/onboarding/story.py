"""What was noted while a message was mapped, in the words of the profile that maps it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Fact
from card_fulfillment.vendors.codes import Sense, code_text
from card_fulfillment.vendors.conditions import Asked
from card_fulfillment.vendors.examples import moment
from card_fulfillment.vendors.explaining import Explanation, Looked, Noted, Tried, Visited
from card_fulfillment.vendors.language import FactRule, ProfileFile, TimeField
from card_fulfillment.vendors.mapping import place_of
from card_fulfillment.vendors.near_miss import hint
from card_fulfillment.vendors.notation import KEEP
from card_fulfillment.vendors.outcomes import Outcome
from card_fulfillment.vendors.rules import CompiledRule, Statement
from card_fulfillment.vendors.times import Stated

DECIDED: Final = "decided by"
EACH: Final = "each"
_OTHERS: Final = {"present": "absent", "absent": "present", "one": "none", "none": "one"}
_NUMBERS: Final = ("serials", "carton", "quantity")
_MOST_SHOWN: Final = 120
_NOTHING_FOUND: Final = "no such text, or not of the pattern"
_PRECISE: Final = {
    Precision.SECOND: "exact",
    Precision.DAY: "a day: it counts as its first instant",
    Precision.ZONE_ASSUMED: "exact, in a zone that is assumed",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was asked. gave: null where it is absent. says: what follows from it.

    path: where in the message, empty where nothing of it was read.
    refused: something is there, and cannot be read.
    """

    part: str
    selector: str
    gave: str | None
    says: str = ""
    path: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Attempted:
    """A fact of a rule. field: its place in the file. applies: else a condition did not hold."""

    field: str
    applies: bool
    steps: list[Step]
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Met:
    """A list that is looped over, or an element. path: where in the message."""

    path: str
    steps: list[Step]
    facts: list[Attempted]
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Chapter:
    """A rule. field: its place in the file."""

    field: str
    met: list[Met]


def story(told: Explanation, file: ProfileFile) -> list[Chapter]:
    wanted = [_when(note, told.asked[int(note.at[0])]) for note in told.wanted]
    first = [Chapter("when", [Met("", wanted, [], None)])] if wanted else []
    return first + [
        Chapter(f"rules[{i}]", [_met(each, trace.rule, file, i) for each in trace.met])
        for i, trace in enumerate(told.rules)
    ]


def _when(note: Noted, asked: Asked) -> Step:
    selector, wanted = asked
    return Step("when", selector, note.refused or f"is {wanted if note.gave else _other(wanted)}")


def _other(wanted: str) -> str:
    """Say what holds where the condition does not."""
    kind, of, values = wanted.partition(" of ")
    return f"{_OTHERS[kind]}{of}{values}"


def _met(met: Looked | Visited, rule: CompiledRule, file: ProfileFile, index: int) -> Met:
    def placed(steps: Iterable[Step]) -> list[Step]:
        return [
            replace(step, path=place_of(met.positions, rule, step.selector))
            if _is_read(step)
            else step
            for step in steps
        ]

    if isinstance(met, Looked):
        step = _marked(_look(met.note, rule), met.note)
        path = place_of(met.positions, rule, step.selector)
        return Met(path, placed([step]), [], met.outcome)
    whom = placed(_marked(_of_whom(note, rule), note) for note in met.whom)
    facts = [_attempted(each, rule, file, index) for each in met.tried]
    facts = [replace(each, steps=placed(each.steps)) for each in facts]
    return Met(place_of(met.positions, rule, None), whom, facts, met.outcome)


def _marked(step: Step, note: Noted) -> Step:
    return replace(step, refused=True) if note.refused else step


def _is_read(step: Step) -> bool:
    of_message = step.selector and not step.part.startswith((DECIDED, EACH))
    return bool(of_message) and step.gave is not None


def _look(note: Noted, rule: CompiledRule) -> Step:
    loop = rule.loops[int(note.at[1])]
    found = note.gave
    if loop.one and isinstance(found, list):
        gave = _shown(found[0])
        if gave is None:
            return Step(f"{EACH} {loop.name}", loop.selector, None, _NOTHING_FOUND)
    else:
        gave = f"{len(found)} elements" if isinstance(found, list) else None
    return Step(f"{EACH} {loop.name}", loop.selector, gave, note.refused or "")


def _of_whom(note: Noted, rule: CompiledRule) -> Step:
    if note.at[0] == "event_id":
        return Step("event_id", rule.event_id_selector or "", _shown(note.gave), note.refused or "")
    if note.at[0] == "conditions":
        return _when(note, rule.asked[int(note.at[1])])
    if note.at[0] == "file":
        part = str(note.at[1])
        selector = rule.file.selectors.get(part, "") if rule.file else ""
        return Step(f"file {part}", selector, _shown(note.gave), note.refused or "")
    if note.at[0] in _NUMBERS:
        read = getattr(rule, str(note.at[0]))
        return Step(read.name, read.selector, _number(note.gave), note.refused or "")
    kind = rule.references[int(note.at[1])]
    return Step(f"reference {kind.kind}", kind.selector, _shown(note.gave), note.refused or "")


def _number(gave: object) -> str | None:
    """Write serials as 1-2400, a carton as 1-3, a quantity as it is."""
    if not isinstance(gave, tuple):
        return None
    return str(gave[0]).strip("()").replace(", None", "").replace(", ", "-")


def _attempted(tried: Tried, rule: CompiledRule, file: ProfileFile, index: int) -> Attempted:
    field = f"rules[{index}].facts[{tried.statement}]"
    source = file.rules[index].facts[tried.statement]
    statement = rule.statements[tried.statement]
    steps = list(_steps(tried, statement, source, file))
    return Attempted(field, tried.applies, steps, tried.outcome)


def _steps(
    tried: Tried, statement: Statement, source: FactRule, file: ProfileFile
) -> Iterator[Step]:
    if statement.always is not None:
        yield Step(DECIDED, "", "status", _meaning(statement.always))
    for note in tried.notes:
        match str(note.at[2]):
            case "conditions":
                step = _when(note, statement.asked[int(note.at[3])])
            case "find":
                step = _decided(note, source)
            case "turns":
                yield from _turned(note, source)
                continue
            case "times":
                step = _time(note, _missed(tried, statement), statement, file)
            case _:
                step = _value(note, statement)
        yield _marked(step, note)
    if isinstance(tried.outcome, Fact) and tried.outcome.precision is Precision.UNKNOWN:
        none = "none is there" if statement.times else "the profile names none"
        yield Step("time", "", None, f"{none}: the record's own, precision unknown")


def _turned(note: Noted, source: FactRule) -> Iterator[Step]:
    """Tell of what came before in a list, as far as it matters."""
    after = source.after[int(note.at[3])]
    seen = ", ".join(after.seen)
    if isinstance(note.gave, Sense):
        yield Step(f"{DECIDED} after", "", note.gave.entry, f"{_meaning(note.gave)}, after {seen}")
    elif note.at[4] == "seen" and note.gave:
        yield Step("after", "", seen, "was seen: what follows it in the list means otherwise")


def _value(note: Noted, statement: Statement) -> Step:
    part, refused = str(note.at[2]), note.refused or ""
    gave = _shown(note.gave)
    match part:
        case "first":
            return Step("code", statement.code_selectors[0], gave, refused)
        case "second":
            return Step("code, 2nd", statement.code_selectors[-1], gave, refused)
        case "registers":
            register = statement.registers[int(note.at[3])]
            return Step(register.attribute.value, register.selector, gave, refused)
        case "names":
            name = statement.names[int(note.at[3])]
            return Step(f"names {name.vendor}/{name.kind}", name.selector, gave, refused)
        case "reason":
            says = refused or _reason(gave, statement)
            return Step("reason", statement.reason_selector or "", gave, says)
        case _:
            selector = getattr(statement, f"{part}_selector", None)
            return Step(part, selector or "", gave, refused)


def _reason(gave: str | None, statement: Statement) -> str:
    if gave is None or statement.reason is None:
        return ""
    _, codes = statement.reason
    return f"means {codes[gave]}" if gave in codes else f"is no reason known{hint(gave, codes)}"


def _decided(note: Noted, source: FactRule) -> Step:
    """Tell which entry of the table decided."""
    sense = note.gave
    if isinstance(sense, Sense):
        return Step(DECIDED, "", sense.entry, _meaning(sense))
    first, second = (str(each) if each is not None else None for each in note.arguments)
    code = code_text(first or "", second)
    return Step(DECIDED, "", None, f"no entry is for {code!r}{hint(code, source.codes)}")


def _meaning(sense: Sense) -> str:
    said = "ignored" if sense.ignored else sense.status or KEEP
    more = (sense.reason, sense.alert and f"alert {sense.alert}")
    return f"means {', '.join(map(str, filter(None, (said, *more))))}"


def _missed(tried: Tried, statement: Statement) -> list[str]:
    """Name the times that were asked for and are absent: they count before the one that is not."""
    asked = (note for note in tried.notes if note.at[2] == "times" and note.gave is None)
    return [statement.time_fields[int(note.at[3])].at for note in asked]


def _time(note: Noted, missed: list[str], statement: Statement, file: ProfileFile) -> Step:
    place = int(note.at[3])
    selector = statement.time_fields[place].at
    if note.refused:
        return Step("time", selector, None, note.refused)
    if not isinstance(note.gave, Stated):
        return Step("time", selector, None)
    stated = note.gave
    zone = _zone(statement.time_fields[place], file)
    fallback = f"; there is no {', '.join(missed)}" if missed else ""
    says = f"{_written(stated.at)}, {_PRECISE[stated.precision]}{zone}{fallback}"
    return Step("time", selector, stated.raw, says)


def _written(at: int) -> str:
    """Write a time, also where the zone moves the last day of 9999, an "always", past the end."""
    try:
        return moment(at)
    except ValueError:
        return "after the year 9999"


def _zone(field: TimeField, file: ProfileFile) -> str:
    if field.override_zone:
        return f" ({field.override_zone}, whatever the text states)"
    name = field.zone or field.assumed_zone or file.zone or file.assumed_zone
    return f" ({name}, unless the text states a zone)" if name else ""


def _shown(value: object) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else str(value)[:_MOST_SHOWN]
