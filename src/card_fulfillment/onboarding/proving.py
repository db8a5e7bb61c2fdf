"""A profile's examples, run, and what none of them shows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from card_fulfillment.messages.pan_guard import EACH
from card_fulfillment.messages.times import to_micros
from card_fulfillment.onboarding.story import story
from card_fulfillment.onboarding.unread import asked_for, fields_of, within
from card_fulfillment.vendors.codes import Sense
from card_fulfillment.vendors.examples import LATER_THAN_ALL, Trial, try_examples
from card_fulfillment.vendors.expectations import Example
from card_fulfillment.vendors.explaining import Explanation, Tried, Visited, explain
from card_fulfillment.vendors.language import FactRule
from card_fulfillment.vendors.paths import parse
from card_fulfillment.vendors.profile import Profile

# An entry of a code table, and the field that has it.
_Entry = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Proved:
    """unshown: entries of code tables that decide in no example, with the field they are of.

    absent: selectors that give nothing in any example, conditions and private paths on what none
    has.
    """

    profile: Profile
    trials: list[Trial]
    unshown: list[tuple[str, str]]
    absent: list[tuple[str, str]]

    @property
    def holds(self) -> bool:
        """Without examples nothing is proven."""
        return bool(self.trials) and not any(trial.differences for trial in self.trials)


def prove(profile: Profile) -> Proved:
    asked = [shown for each in profile.examples for shown in _explained(profile, each)]
    shown = {entry for _, told in asked for entry in _shown(told)}
    entries = (
        entry
        for i, rule in enumerate(profile.source.rules)
        for j, fact in enumerate(rule.facts)
        for entry in _entries(fact, f"rules[{i}].facts[{j}]")
    )
    unshown = [entry for entry in entries if entry not in shown]
    there = {within(field) for fields, _ in asked for field in fields}
    absent = [*_silent(profile, [told for _, told in asked])]
    absent += [*_never_there(profile, there)] if asked else []
    return Proved(profile, try_examples(profile), unshown, list(dict.fromkeys(absent)))


def _silent(profile: Profile, asked: Iterable[Explanation]) -> list[_Entry]:
    """Find selectors that were asked and never gave anything: often a slip in a name."""
    gave: dict[_Entry, bool] = {}
    for chapter in (chapter for told in asked for chapter in story(told, profile.source)):
        for met in chapter.met:
            for step in (*met.steps, *(step for fact in met.facts for step in fact.steps)):
                if step.selector and step.part != "when":
                    asked_for = chapter.field, step.selector
                    there = step.refused or step.gave is not None
                    gave[asked_for] = gave.get(asked_for, False) or there
    return [asked_for for asked_for, found in gave.items() if not found]


def _never_there(profile: Profile, there: Iterable[str]) -> Iterator[_Entry]:
    """Find what no example has: a condition on it proves nothing, nor is it what is masked."""
    masked = (("private", each, _plain(each)) for each in profile.source.private)
    asked = [*asked_for(profile), *masked]
    for field, selector, path in asked:
        if not any(each.startswith(within(path)) for each in there):
            yield field, selector


def _plain(private: str) -> str:
    """Write it as fields of messages are written."""
    return ".".join(step for step in parse(private) if step != EACH)


def _entries(fact: FactRule, field: str) -> Iterator[_Entry]:
    yield from ((field, entry) for entry in (*fact.codes, *fact.patterns, *fact.ignore))
    for i, after in enumerate(fact.after):
        yield from ((f"{field}.after[{i}]", entry) for entry in after.codes)


def _explained(profile: Profile, example: Example) -> Iterator[tuple[list[str], Explanation]]:
    """Give of each message its fields, and what becomes of it."""
    received_at = to_micros(example.received_at or LATER_THAN_ALL)
    headers = {name: value.encode() for name, value in example.headers.items()}
    for message in map(str.encode, example.messages):
        fields = list(fields_of(message, headers, profile))
        yield fields, explain(profile, message, received_at=received_at, headers=headers)


def _shown(told: Explanation) -> Iterator[_Entry]:
    """Which entries decide in a message."""
    for i, trace in enumerate(told.rules):
        for met in trace.met:
            for tried in met.tried if isinstance(met, Visited) else ():
                yield from _decided(tried, f"rules[{i}].facts[{tried.statement}]")


def _decided(tried: Tried, field: str) -> Iterator[_Entry]:
    for note in tried.notes:
        if isinstance(note.gave, Sense):
            after = f".after[{note.at[3]}]" if note.at[2] == "turns" else ""
            yield f"{field}{after}", note.gave.entry
