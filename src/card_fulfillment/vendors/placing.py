"""What contradicts the rest of a file though it is well written itself: where, and how."""

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import BaseModel

from card_fulfillment.vendors.language import ProfileFile, Rule
from card_fulfillment.vendors.near_miss import hint
from card_fulfillment.vendors.notation import Level, Written
from card_fulfillment.vendors.patterns import groups_of
from card_fulfillment.vendors.references import level_of
from card_fulfillment.vendors.rules import compile_rule
from card_fulfillment.vendors.selectors import BUILT_IN, getter, keys_of, split
from card_fulfillment.vendors.yaml_text import Location


class Misplaced(NamedTuple):
    """at: in the file, or in the rule that is looked at."""

    at: Location
    message: str


def misplaced(file: ProfileFile) -> Iterator[Misplaced]:
    """Find all such mistakes of a file; where there is none, it compiles."""
    yield from _strays(file.when, ("when",), list(BUILT_IN))
    for i, rule in enumerate(file.rules):
        for at, message in _of_rule(rule, file):
            yield Misplaced(("rules", i, *at), message)


def _of_rule(rule: Rule, file: ProfileFile) -> list[Misplaced]:
    found = [*_levels(rule), *_kinds(rule, file)]
    if found:
        return found
    for i, fact in enumerate(rule.facts):
        try:
            compile_rule(rule.model_copy(update={"facts": [fact]}), file)
        except ValueError as error:
            found.append(Misplaced(("facts", i), str(error)))
    alike = {each.message for each in found}
    if len(found) == len(rule.facts) > 1 == len(alike):
        return [Misplaced((), alike.pop())]
    return found


def _levels(rule: Rule) -> Iterator[Misplaced]:
    """Every selector begins with a level that is above it."""
    levels = list(BUILT_IN)
    for name, level in rule.each.items():
        yield from _strays(level, ("each", name), levels)
        levels.append(name)
        if level.match and not _keys_of(level):
            yield Misplaced(("each", name, "pattern"), "names no group, e.g. (?P<number>[0-9]+)")
    rest = (name for name in Rule.model_fields if name != "each")
    for name in rest:
        yield from _strays(getattr(rule, name), (name,), levels)
    yield from _unknown_keys(rule)


def _keys_of(level: Level) -> tuple[str, ...] | None:
    """Name what a level has, where its message has no say in it."""
    if level.pattern is not None:
        return groups_of(level.pattern)
    return ("key", "value") if level.entries else None


def _unknown_keys(rule: Rule) -> Iterator[Misplaced]:
    """What is read of the groups of a pattern, or of an entry, must be one of its own."""
    known = {name: _keys_of(level) for name, level in rule.each.items()}
    for name in Rule.model_fields:
        for where, selector in selectors_of(getattr(rule, name), (name,)):
            level, path = split(selector)
            known_keys, asked = known.get(level), keys_of(path)
            if known_keys and asked and asked[0] not in known_keys:
                meant = hint(asked[0], known_keys) or f" ({', '.join(known_keys)})"
                yield Misplaced(where, f"{level!r} has no {asked[0]!r}{meant}")


def _strays(part: object, at: Location, levels: list[str]) -> Iterator[Misplaced]:
    for where, selector in selectors_of(part, at):
        try:
            getter(selector, levels)
        except ValueError as error:
            yield Misplaced(where, str(error))


def selectors_of(part: object, at: Location) -> Iterator[tuple[Location, str]]:
    """Find every selector in a part of a profile, and where it is."""
    if isinstance(part, Written):
        yield at, part
    elif isinstance(part, BaseModel):
        for name, field in type(part).model_fields.items():
            yield from selectors_of(getattr(part, name), (*at, field.alias or name))
    elif isinstance(part, dict):
        for key, value in part.items():
            yield from selectors_of(key, (*at, key))
            yield from selectors_of(value, (*at, key))
    elif isinstance(part, list):
        for i, each in enumerate(part):
            yield from selectors_of(each, (*at, i))


def _kinds(rule: Rule, file: ProfileFile) -> Iterator[Misplaced]:
    for kind in rule.references:
        try:
            level_of(file.role, file.kinds, kind)
        except ValueError as error:
            yield Misplaced(("references", kind), str(error))
