"""A profile's examples, run, and what none of them shows."""

from collections.abc import Iterator
from dataclasses import dataclass

from card_fulfillment.messages.times import to_micros
from card_fulfillment.vendors.codes import Sense
from card_fulfillment.vendors.examples import LATER_THAN_ALL, Trial, try_examples
from card_fulfillment.vendors.expectations import Example
from card_fulfillment.vendors.explaining import Tried, Visited, explain
from card_fulfillment.vendors.language import FactRule
from card_fulfillment.vendors.profile import Profile

# An entry of a code table, and the field that has it.
_Entry = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Proved:
    """unshown: entries of code tables that decide in no example, with the field they are of."""

    profile: Profile
    trials: list[Trial]
    unshown: list[tuple[str, str]]

    @property
    def holds(self) -> bool:
        """Without examples nothing is proven."""
        return bool(self.trials) and not any(trial.differences for trial in self.trials)


def prove(profile: Profile) -> Proved:
    shown = {entry for each in profile.examples for entry in _shown(profile, each)}
    entries = (
        entry
        for i, rule in enumerate(profile.source.rules)
        for j, fact in enumerate(rule.facts)
        for entry in _entries(fact, f"rules[{i}].facts[{j}]")
    )
    unshown = [entry for entry in entries if entry not in shown]
    return Proved(profile, try_examples(profile), unshown)


def _entries(fact: FactRule, field: str) -> Iterator[_Entry]:
    yield from ((field, entry) for entry in (*fact.codes, *fact.patterns, *fact.ignore))
    for i, after in enumerate(fact.after):
        yield from ((f"{field}.after[{i}]", entry) for entry in after.codes)


def _shown(profile: Profile, example: Example) -> Iterator[_Entry]:
    """Which entries decide in an example."""
    received_at = to_micros(example.received_at or LATER_THAN_ALL)
    headers = {name: value.encode() for name, value in example.headers.items()}
    for message in example.messages:
        told = explain(profile, message.encode(), received_at=received_at, headers=headers)
        for i, trace in enumerate(told.rules):
            for met in trace.met:
                for tried in met.tried if isinstance(met, Visited) else ():
                    yield from _decided(tried, f"rules[{i}].facts[{tried.statement}]")


def _decided(tried: Tried, field: str) -> Iterator[_Entry]:
    for note in tried.notes:
        if isinstance(note.gave, Sense):
            after = f".after[{note.at[3]}]" if note.at[2] == "turns" else ""
            yield f"{field}{after}", note.gave.entry
