"""What a rule goes through, level by level: lists, objects, texts with more in them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from card_fulfillment.vendors.notation import Level
from card_fulfillment.vendors.patterns import MOST_CHARACTERS, finder
from card_fulfillment.vendors.selectors import BUILT_IN, Getter, Scope, Unfit, getter, text

Items = Callable[[Scope], list[object] | None]
# What a text with more in it may have: all of a message.
_MOST_TEXT: Final = 65_536


@dataclass(frozen=True, slots=True)
class Loop:
    """One level of a rule. items: what it stands at in turn, null where it is not there.

    one: it is no list, but a single thing found in a text, or null.
    newest_first: the list is gone through from its end, so that what is told is in order.
    """

    name: str
    selector: str
    items: Items
    one: bool = False
    newest_first: bool = False


def compile_levels(each: Mapping[str, Level]) -> tuple[Loop, ...]:
    """Compile the levels of a rule; ValueError for a selector that begins with no level above."""
    names = (*BUILT_IN, *each)
    return tuple(
        _loop(name, level, names[: len(BUILT_IN) + i])
        for i, (name, level) in enumerate(each.items())
    )


def _loop(name: str, level: Level, above: Sequence[str]) -> Loop:
    if level.list:
        items = _listed(level.list, getter(level.list, above))
        return Loop(name, level.list, items, newest_first=level.newest_first)
    if level.entries:
        return Loop(name, level.entries, _entries(level.entries, getter(level.entries, above)))
    if level.split:
        return Loop(name, level.split, _parts(level.split, str(level.by), above))
    if level.json_text:
        return Loop(name, level.json_text, _json(level.json_text, above), one=True)
    selector, pattern = str(level.match), str(level.pattern)
    return Loop(name, selector, _match(selector, pattern, above), one=True)


def _listed(selector: str, get: Getter) -> Items:
    """Let an object stand for a list of one: some senders write it so."""

    def items(scope: Scope) -> list[object] | None:
        found = get.of(scope)
        if found is None or isinstance(found, list):
            return found
        if isinstance(found, dict):
            return [found]
        raise Unfit(selector, "not a list")

    return items


def _entries(selector: str, get: Getter) -> Items:
    def items(scope: Scope) -> list[object] | None:
        found = get.of(scope)
        if found is None:
            return None
        if isinstance(found, dict):
            return [{"key": key, "value": value} for key, value in found.items()]
        raise Unfit(selector, "not an object")

    return items


def _parts(selector: str, by: str, above: Sequence[str]) -> Items:
    read = text(selector, above, _MOST_TEXT)

    def parts(found: str) -> list[object]:
        return [part for each in found.split(by) if (part := each.strip())]

    opened = _once(parts)

    def items(scope: Scope) -> list[object] | None:
        found = read(scope)
        return None if found is None else opened(found)

    return items


def _json(selector: str, above: Sequence[str]) -> Items:
    read = text(selector, above, _MOST_TEXT)
    opened = _once(_parsed)

    def items(scope: Scope) -> list[object] | None:
        found = read(scope)
        if found is None:
            return [None]
        held = opened(found)
        if held is None:
            raise Unfit(selector, "no JSON in this text, or nested too deeply")
        return held

    return items


def _once(opened: Callable[[str], list[object] | None]) -> Callable[[str], list[object] | None]:
    """Open a text once, though all elements of a list beside it ask for it.

    Else a message of many would cost the square of its size.
    """
    last: tuple[str, list[object] | None] = ("", None)

    def open_once(found: str) -> list[object] | None:
        nonlocal last
        if found is not last[0]:
            last = (found, opened(found))
        return last[1]

    return open_once


def _parsed(found: str) -> list[object] | None:
    """Let the strict parser decide what is JSON, and the exact one read its integers."""
    try:
        orjson.loads(found)
        return [json.loads(found)]
    except (ValueError, RecursionError):
        return None


def _match(selector: str, pattern: str, above: Sequence[str]) -> Items:
    read, find = text(selector, above, MOST_CHARACTERS), finder(pattern)

    def items(scope: Scope) -> list[object] | None:
        found = read(scope)
        return [None if found is None else find(found)]

    return items
