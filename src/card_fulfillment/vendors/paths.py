"""Where a value stands in a payload: keys from its root, and `[]` for each element of a list."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from card_fulfillment.messages.pan_guard import EACH, Path
from card_fulfillment.vendors.language import FactRule, ProfileFile, Rule
from card_fulfillment.vendors.placing import selectors_of
from card_fulfillment.vendors.selectors import MESSAGE, keys_of, split
from card_fulfillment.vendors.yaml_text import Location

_TOP: Final[Mapping[str, Path]] = {MESSAGE: ()}
_STEPS = re.compile(r'"([^"]+)"|(\[\]|[^."\[\]]+)')


def parse(path: str) -> Path:
    """Read `notifications[].detail."Full name"` into its steps."""
    return tuple(quoted or plain for quoted, plain in _STEPS.findall(path))


def identifiers(rules: Iterable[Rule]) -> frozenset[Path]:
    """Where references and tracking numbers stand: digits there need be no card number.

    An expression may be a choice of keys, `a.b || c`; of other ones, of headers, and of what stands
    in a text, nothing is known. A CloudEvent in structured mode has all of it in its data.
    """
    paths = [path for rule in rules for path in _of_rule(rule)]
    return frozenset((*paths, *(("data", *path) for path in paths)))


def read_though_private(file: ProfileFile) -> Iterator[tuple[Location, str]]:
    """Find what is read and masked, but for what asks no more than whether something is there.

    Tells where in the profile, and what of its `private`. Of expressions nothing is known.
    """
    masked = [_keys(parse(path)) for path in file.private]
    for at, path in _read(file):
        keys = _keys(path)
        asks_whether = at[-1] == "signature" or bool({"present", "absent"} & set(at))
        for i, private in enumerate(masked):
            if keys[: len(private)] == private and not (asks_whether and keys == private):
                yield at, file.private[i]


def _keys(path: Path) -> Path:
    return tuple(step for step in path if step != EACH)


def _read(file: ProfileFile) -> Iterator[tuple[Location, Path]]:
    selectors = [(at, selector, _TOP) for at, selector in selectors_of(file.when, ("when",))]
    for i, rule in enumerate(file.rules):
        bases = _bases(rule)
        selectors += ((at, each, bases) for at, each in selectors_of(rule, ("rules", i)))
    return ((at, path) for at, each, bases in selectors for path in _choices(each, bases))


def _of_rule(rule: Rule) -> Iterable[Path]:
    bases = _bases(rule)
    selectors = [*rule.references.values(), *(s for fact in rule.facts for s in _of_fact(fact))]
    return [path for s in selectors for path in _choices(s, bases)]


def _bases(rule: Rule) -> Mapping[str, Path]:
    bases = dict(_TOP)
    for name, level in rule.each.items():
        base = _path(level.list, bases) if level.list else None
        if base is not None:
            bases[name] = (*base, EACH)
    return bases


def _of_fact(fact: FactRule) -> list[str]:
    named = [name.value for name in fact.names]
    number = fact.attributes.tracking_number
    return named if number is None else [*named, number]


def _choices(selector: str, bases: Mapping[str, Path]) -> list[Path]:
    level, path = split(selector)
    choices = [keys_of(each.strip()) for each in path.split("||")]
    if level not in bases or None in choices:
        return []
    return [(*bases[level], *keys) for keys in choices if keys is not None]


def _path(selector: str, bases: Mapping[str, Path]) -> Path | None:
    level, path = split(selector)
    keys = keys_of(path)
    return None if level not in bases or keys is None else (*bases[level], *keys)
