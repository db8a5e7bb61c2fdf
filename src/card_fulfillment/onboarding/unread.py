"""What of a message no selector of a profile reads: often the very thing that is missing in it."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from card_fulfillment.vendors.bodies import opened, parse, written
from card_fulfillment.vendors.language import Rule
from card_fulfillment.vendors.notation import Condition
from card_fulfillment.vendors.placing import selectors_of
from card_fulfillment.vendors.profile import Profile
from card_fulfillment.vendors.selectors import MESSAGE, is_keys, split

# The keys that an expression begins with.
_KEYS: Final = re.compile(r"[\w$:-]+(?:\.[\w$:-]+)*", re.ASCII)


def unread(payload: bytes, headers: Mapping[str, bytes], profile: Profile) -> list[str]:
    """Name the fields in their order, the elements of a list as one: lines[].stage."""
    read = [path for rule in profile.source.rules for path in _of_rule(rule)]
    read += _paths(profile.source.when, {MESSAGE: ""})
    beginnings = tuple(map(within, read))
    fields = dict.fromkeys(path for path, has in _fields(payload, headers, profile) if has)
    return [field for field in fields if not within(field).startswith(beginnings)]


def asked_for(profile: Profile) -> Iterator[tuple[str, str, str]]:
    """Name the fields that conditions ask for: where in the profile, selector, path in messages.

    Of expressions, of headers and of what stands in a text, nothing is known.
    """
    file = profile.source
    yield from (("when", *each) for each in _plainly_read(file.when, {MESSAGE: ""}))
    for i, rule in enumerate(file.rules):
        plain = _plain_levels(rule)
        for when in (rule.when, *(fact.when for fact in rule.facts)):
            yield from ((f"rules[{i}]", *each) for each in _plainly_read(when, plain))


def _plain_levels(rule: Rule) -> dict[str, str]:
    bases = {MESSAGE: ""}
    for name, level in rule.each.items():
        if level.list and is_keys(split(level.list)[1]):
            base = _path(level.list, bases)
            bases |= {} if base is None else {name: f"{base}[]"}
    return bases


def _plainly_read(when: Condition, bases: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for _, selector in selectors_of(when, ()):
        path = _path(selector, bases)
        if path and is_keys(split(selector)[1]):
            yield selector, path


def _of_rule(rule: Rule) -> Iterator[str]:
    bases = {MESSAGE: ""}
    for name, level in rule.each.items():
        selector = next(s for _, s in selectors_of(level, ()))
        base = _path(selector, bases)
        if base is None:
            continue
        if level.list:
            bases[name] = f"{base}[]"
        else:  # what it finds has other paths than the message
            yield base
    for part in Rule.model_fields:
        if part != "each":
            yield from _paths(getattr(rule, part), bases)


def _paths(part: object, bases: Mapping[str, str]) -> Iterator[str]:
    for _, selector in selectors_of(part, ()):
        path = _path(selector, bases)
        if path is not None:
            yield path


def _path(selector: str, bases: Mapping[str, str]) -> str | None:
    level, path = split(selector)
    if level not in bases:
        return None
    keys = _KEYS.match(path)
    return ".".join(filter(None, (bases[level], keys[0] if keys else "")))


def fields_of(payload: bytes, headers: Mapping[str, bytes], profile: Profile) -> Iterator[str]:
    """Name all fields of a message, none of one that cannot be read."""
    return (path for path, _ in _fields(payload, headers, profile))


def _fields(
    payload: bytes, headers: Mapping[str, bytes], profile: Profile
) -> Iterator[tuple[str, bool]]:
    """Name its fields, each with whether there is anything in it to be read."""
    try:
        payload, body = written(payload, headers, profile.body, profile.plug_in)
        message, _ = opened(parse(payload, body), headers, body)
    except ValueError:
        return
    yield from _below(message)


def _below(message: object) -> Iterator[tuple[str, bool]]:
    """Name the fields of a message, which may be nested as deeply as its parser lets it be."""
    pending: list[tuple[str, object]] = [("", message)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict | list) and not value:
            yield path, False
        elif isinstance(value, dict):
            below = [(f"{path}.{name}" if path else name, each) for name, each in value.items()]
            pending += reversed(below)
        elif isinstance(value, list):
            pending += [(f"{path}[]", each) for each in reversed(value)]
        else:
            yield path, True


def within(path: str) -> str:
    """Write a path so that what stands within it begins with it, in a list of one or in an object.

    An object stands for a list of one: both are written alike.
    """
    plain = path.replace("[]", "").lstrip(".")
    return f"{plain}." if plain else ""
