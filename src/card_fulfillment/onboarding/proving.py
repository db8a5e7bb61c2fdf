"""A profile's examples, run, and what none of them shows."""

from collections.abc import Iterable
from dataclasses import dataclass

from card_fulfillment.vendors.codes import Sense
from card_fulfillment.vendors.examples import LATER_THAN_ALL, Trial, try_examples
from card_fulfillment.vendors.expectations import Example
from card_fulfillment.vendors.explaining import Visited, explain
from card_fulfillment.vendors.profile import Profile
from card_fulfillment.vendors.times import microseconds

# A fact of a rule, and an entry of its code table.
_Entry = tuple[int, int, str]


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
    unshown = [
        (f"rules[{i}].facts[{j}]", entry)
        for i, rule in enumerate(profile.source.rules)
        for j, fact in enumerate(rule.facts)
        for entry in (*fact.codes, *fact.ignore)
        if (i, j, entry) not in shown
    ]
    return Proved(profile, try_examples(profile), unshown)


def _shown(profile: Profile, example: Example) -> Iterable[_Entry]:
    """Which entries decide in an example."""
    received_at = microseconds(example.received_at or LATER_THAN_ALL)
    headers = {name: value.encode() for name, value in example.headers.items()}
    for message in example.messages:
        told = explain(profile, message.encode(), received_at=received_at, headers=headers)
        for i, trace in enumerate(told.rules):
            for met in trace.met:
                for tried in met.tried if isinstance(met, Visited) else ():
                    yield from (
                        (i, tried.statement, note.gave.entry)
                        for note in tried.notes
                        if isinstance(note.gave, Sense)
                    )
