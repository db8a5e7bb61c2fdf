"""What of a message no selector of a profile reads: often the very thing that is missing in it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

import jmespath

from card_fulfillment.vendors.bodies import opened, parse, written
from card_fulfillment.vendors.language import Rule
from card_fulfillment.vendors.notation import Condition
from card_fulfillment.vendors.placing import selectors_of
from card_fulfillment.vendors.profile import Profile
from card_fulfillment.vendors.selectors import MESSAGE, keys_of, split

# What a level stands at: paths in messages, several where an expression makes one of them.
_Bases = Mapping[str, Sequence[str]]
_TOP: Final[_Bases] = {MESSAGE: ("",)}
# All parts of such an expression look at the same thing, of another one the first part alone.
_BESIDE: Final = frozenset(
    {
        "and_expression",
        "comparator",
        "function_expression",
        "key_val_pair",
        "multi_select_dict",
        "multi_select_list",
        "not_expression",
        "or_expression",
    }
)


def unread(payload: bytes, headers: Mapping[str, bytes], profile: Profile) -> list[str]:
    """Name the fields in their order, the elements of a list as one: lines[].stage."""
    read = [path for rule in profile.source.rules for path in _of_rule(rule)]
    read += _paths(profile.source.when, _TOP)
    beginnings = tuple(map(within, read))
    fields = dict.fromkeys(path for path, has in _fields(payload, headers, profile) if has)
    return [field for field in fields if not within(field).startswith(beginnings)]


def asked_for(profile: Profile) -> Iterator[tuple[str, str, str]]:
    """Name the fields that conditions ask for: where in the profile, selector, path in messages.

    Of expressions, of headers and of what stands in a text, nothing is known.
    """
    file = profile.source
    yield from (("when", *each) for each in _plainly_read(file.when, _TOP))
    for i, rule in enumerate(file.rules):
        plain = _plain_levels(rule)
        for when in (rule.when, *(fact.when for fact in rule.facts)):
            yield from ((f"rules[{i}]", *each) for each in _plainly_read(when, plain))


def _plain_levels(rule: Rule) -> _Bases:
    bases = dict(_TOP)
    for name, level in rule.each.items():
        if level.list and keys_of(split(level.list)[1]) is not None:
            found = _found_at(level.list, bases)
            bases |= _elements(name, found)
    return bases


def _elements(name: str, found: Sequence[str]) -> _Bases:
    """What a level stands at of which the lists are found there; no level where none is known."""
    return {name: [f"{path}[]" for path in found]} if found else {}


def _plainly_read(when: Condition, bases: _Bases) -> Iterator[tuple[str, str]]:
    for _, selector in selectors_of(when, ()):
        if keys_of(split(selector)[1]) is not None:
            yield from ((selector, path) for path in _found_at(selector, bases) if path)


def _of_rule(rule: Rule) -> Iterator[str]:
    bases = dict(_TOP)
    for name, level in rule.each.items():
        selector = next(s for _, s in selectors_of(level, ()))
        found = _found_at(selector, bases)
        if level.list:
            bases |= _elements(name, found)
        else:  # what it finds has other paths than the message
            yield from found
    for part in Rule.model_fields:
        if part != "each":
            yield from _paths(getattr(rule, part), bases)


def _paths(part: object, bases: _Bases) -> Iterator[str]:
    for _, selector in selectors_of(part, ()):
        yield from _found_at(selector, bases)


def _found_at(selector: str, bases: _Bases) -> list[str]:
    """Name what of a message a selector reads, as far as that is known."""
    level, path = split(selector)
    if level not in bases:
        return []
    keys = keys_of(path)
    found = _read_by(jmespath.compile(path).parsed) if keys is None else [keys]
    return [".".join(filter(None, (base, *each))) for base in bases[level] for each in found]


def _read_by(node: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    """Name the keys that an expression begins with: of `a.b || c` there are two."""
    kind, parts = node["type"], node["children"]
    if kind in ("literal", "expref"):
        return ()
    if kind in _BESIDE:
        return [keys for part in parts for keys in _read_by(part)]
    fields = parts if kind == "subexpression" else [node]
    keys = tuple(each["value"] for each in takewhile(_is_field, fields))
    if keys or not parts:
        return (keys,)
    return _read_by(parts[0])


def _is_field(node: Mapping[str, Any]) -> bool:
    return bool(node["type"] == "field")


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
