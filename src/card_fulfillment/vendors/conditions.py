"""Conditions: what must be there, or not, and with which value, before anything is read."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from card_fulfillment.vendors.notation import Condition
from card_fulfillment.vendors.selectors import Getter, Scope, Text, getter, is_nothing, word

Holds = Callable[[Scope], bool]
# A selector, and in words what is wanted of its value.
Asked = tuple[str, str]


class Conditions(NamedTuple):
    """asked: of each condition the selector, and what is wanted of it."""

    asked: tuple[Asked, ...]
    holds: tuple[Holds, ...]


def compile_conditions(when: Condition, levels: Sequence[str]) -> Conditions:
    """Compile the conditions, values first: they tell most elements apart."""
    found: list[tuple[Asked, Holds]] = [
        ((s, f"one of {', '.join(values)}"), _among(word(s, levels), frozenset(values)))
        for s, values in when.one_of.items()
    ]
    found += [
        ((s, f"none of {', '.join(values)}"), _not_among(word(s, levels), frozenset(values)))
        for s, values in when.none_of.items()
    ]
    found += [((s, "present"), _there(getter(s, levels))) for s in when.present]
    found += [((s, "absent"), _not_there(getter(s, levels))) for s in when.absent]
    return Conditions(tuple(asked for asked, _ in found), tuple(holds for _, holds in found))


def _there(get: Getter) -> Holds:
    return lambda scope: not is_nothing(get.of(scope))


def _not_there(get: Getter) -> Holds:
    return lambda scope: is_nothing(get.of(scope))


def _among(get: Text, values: frozenset[str]) -> Holds:
    return lambda scope: (get(scope) or "") in values


def _not_among(get: Text, values: frozenset[str]) -> Holds:
    return lambda scope: (get(scope) or "") not in values
