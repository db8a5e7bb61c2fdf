"""What is allowed in a profile and probably not meant."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from card_fulfillment.domain.facts import ParcelRole
from card_fulfillment.vendors.language import FactRule, Meaning, ProfileFile, Rule, TimeField
from card_fulfillment.vendors.near_miss import hint
from card_fulfillment.vendors.notation import ANY, KEEP, Condition
from card_fulfillment.vendors.paths import read_though_private
from card_fulfillment.vendors.placing import selectors_of
from card_fulfillment.vendors.references import is_parcel, names_parcel
from card_fulfillment.vendors.selectors import BUILT_IN, keys_of, split
from card_fulfillment.vendors.yaml_text import Location

# In JMESPath, what stands in double quotes is the name of a key.
_COMPARED_KEY: Final = re.compile(
    r'(?:[=<>]|(?:contains|starts_with|ends_with)\([^()]*,)\s*"([^"]*)"'
)

# In YAML it is a blank or the end of a line between double quotes alone.
_UNREAD_ESCAPE: Final = re.compile(r"\\[nrt]")

_ZONE_PART: Final = re.compile(r"%[zZ]")

_NOWHERE: Final = "its formats state none, nor does the profile, so it is always malformed"

_ALL_CARDS: Final = "a parcel that a parcel names has all cards of a bulk issuance, not its cards"

_EVERY_CARTON: Final = "moves all cards of a bulk issuance: no serials, nor the carton's reference"

_ALL_THE_SAME: Final = "what is found by it moves the card"

# Where in the file, and one sentence.
Advice = tuple[Location, str]


def advice(file: ProfileFile) -> Iterator[Advice]:
    """Look at a valid profile for what can never matter, or matters more than it seems."""
    if not file.examples:
        yield (), "no examples: nothing shows that it does what it says"
    yield from ((("when", *at), message) for at, message in _of_condition(file.when))
    yield from _of_examples(file)
    yield from _of_words(file)
    yield from _of_private(file)
    yield from _of_parcels(file)
    yield from _of_cartons(file)
    yield from _of_roles(file)
    yield from _of_zones(file)
    used = {kind for rule in file.rules for kind in rule.references}
    named = (name for rule in file.rules for fact in rule.facts for name in fact.names)
    used |= {name.kind for name in named if name.vendor in (None, file.vendor)}
    for i, kind in enumerate(file.kinds):
        if kind not in used:
            yield ("reference_kinds", i), f"no rule finds anybody by {kind!r}"
    for i, rule in enumerate(file.rules):
        if rule in file.rules[:i]:
            yield ("rules", i), f"says the same as rules[{file.rules.index(rule)}]"
        yield from ((("rules", i, *at), message) for at, message in _of_rule(rule))


def _of_examples(file: ProfileFile) -> Iterator[Advice]:
    """Look for examples that would hold whatever the profile says."""
    expected = [
        (("examples", i, "expect", j), each.fact.model_fields_set)
        for i, example in enumerate(file.examples)
        for j, each in enumerate(example.expect)
        if each.fact is not None
    ]
    for at, fields in expected:
        if not fields:
            yield at, "proves nothing: any fact would do"
    facts = [fact for rule in file.rules for fact in rule.facts]
    if expected and any(map(_times, facts)) and not any("at" in f for _, f in expected):
        yield ("examples",), "none expects a time (`at`): a wrong zone or format would not be seen"


def _of_words(file: ProfileFile) -> Iterator[Advice]:
    """Look for words that are well written and mean something else than it seems."""
    for at, selector in selectors_of(file, ()):
        for key in _COMPARED_KEY.findall(split(selector)[1]):
            yield at, f"\"{key}\" is a key, whose value is compared: a text is written '{key}'"


def _of_private(file: ProfileFile) -> Iterator[Advice]:
    """Look for what is read though it is private; nothing is stored of a plug-in's messages.

    And for what masks nothing, being written as a selector.
    """
    read = {split(selector)[1].partition(".")[0] for _, selector in selectors_of(file, ())}
    for i, path in enumerate(file.private):
        level, _, rest = path.partition(".")
        if level in BUILT_IN and rest and level not in read:
            yield ("private", i), f"paths begin at the root of messages: is it {rest!r}?"
    for at, path in read_though_private(file) if file.plug_in is None else ():
        yield at, f"reads {path}, which is private: of messages in quarantine nothing is stored"


def _of_parcels(file: ProfileFile) -> Iterator[Advice]:
    """Look for a parcel that is named by another name of it, which does not give it its cards."""
    for i, rule in enumerate(file.rules):
        if rule.serials or rule.carton or not any(is_parcel(file, k) for k in rule.references):
            continue
        for j, fact in enumerate(rule.facts):
            for k, name in enumerate(fact.names):
                if names_parcel(file, name) and name.parcel is None:
                    at: Location = ("rules", i, "facts", j, "names", k)
                    yield at, f"{_ALL_CARDS}: say `parcel: false`, or `parcel: true` if it is meant"


def _of_cartons(file: ProfileFile) -> Iterator[Advice]:
    """Look for what is said of a carton by its bulk's reference alone: it moves all cards."""
    for i, rule in enumerate(file.rules):
        if rule.serials or not rule.carton or any(is_parcel(file, k) for k in rule.references):
            continue
        for j, fact in enumerate(rule.facts):
            if any(meaning.status != KEEP for meaning in _meanings(fact)):
                yield ("rules", i, "facts", j), _EVERY_CARTON


def _of_roles(file: ProfileFile) -> Iterator[Advice]:
    """Look for a name of a PIN letter, say, by which the card is found all the same."""
    for i, rule in enumerate(file.rules):
        for j, fact in enumerate(rule.facts):
            for k, name in enumerate(fact.names):
                if fact.parcel is not ParcelRole.OUTBOUND and name.parcel is False:
                    at: Location = ("rules", i, "facts", j, "names", k)
                    yield at, f"binds, but not as the {fact.parcel} parcel's: {_ALL_THE_SAME}"


def _of_zones(file: ProfileFile) -> Iterator[Advice]:
    """Look for times of which nothing says where: they can never be read."""
    if file.zone or file.assumed_zone:
        return
    for i, rule in enumerate(file.rules):
        for j, fact in enumerate(rule.facts):
            for field in filter(_is_nowhere, _times(fact)):
                yield ("rules", i, "facts", j), f"{field.at} has no zone: {_NOWHERE}"


def _is_nowhere(field: TimeField) -> bool:
    if field.zone or field.assumed_zone or field.override_zone or field.offset:
        return False
    return all("%" in each and not _ZONE_PART.search(each) for each in field.format)


def _of_rule(rule: Rule) -> Iterator[Advice]:
    yield from ((("when", *at), message) for at, message in _of_condition(rule.when))
    said = {*_texts(rule.model_dump(exclude={"each"}))}
    said |= {text for level in rule.each.values() for text in _texts(level.model_dump())}
    for level in rule.each:
        if not any(text == level or text.startswith(f"{level}.") for text in said):
            yield ("each", level), f"nothing is read from {level!r}: each element says the same"
        if _UNREAD_ESCAPE.search(rule.each[level].by or ""):
            yield (
                ("each", level, "by"),
                'a backslash and a letter: the end of a line is "\\n", quoted',
            )
    if rule.event_id in rule.references.values():
        yield ("event_id",), "is a reference too: it must name one event, and nothing else"
    elements = _lists(rule)
    if rule.event_id and elements and not _is_of(rule, rule.event_id, elements[-1]):
        message = f"is the same for each {elements[-1]!r}: two of them with one code and time clash"
        yield ("event_id",), message
    yield from _of_history(rule)
    for i, fact in enumerate(rule.facts):
        if fact in rule.facts[:i]:
            yield ("facts", i), f"says the same as facts[{rule.facts.index(fact)}]"
        yield from ((("facts", i, *at), message) for at, message in _of_fact(fact))


def _of_history(rule: Rule) -> Iterator[Advice]:
    """Look at elements that are all about the same: what they say comes again with every message.

    A list that an expression cuts is none: whoever writes one tells its elements apart.
    """
    whom = (rule.serials and rule.serials.first, rule.carton and rule.carton.number, rule.quantity)
    elements = [(name, rule.each[name].list) for name in _lists(rule)]
    last, listed = elements[-1] if elements else ("", None)
    if listed is None or keys_of(split(listed)[1]) is None:
        return
    if any(_is_of(rule, each, last) for each in (*rule.references.values(), *whom) if each):
        return
    for i, fact in enumerate(rule.facts):
        if not (rule.event_id or _times(fact)):
            yield ("facts", i), f"no time: all of {last!r} is told anew whenever it comes again"
        for at, selector in (*_changing(fact), *_own_times(rule, fact, last)):
            if not _is_of(rule, selector, last):
                message = f"is the same for each {last!r}: when it changes, all are other facts"
                yield ("facts", i, *at), message


def _own_times(rule: Rule, fact: FactRule, element: str) -> Iterator[tuple[Location, str]]:
    """Find the time of what an element's own code says, where no time is of the element."""
    selectors = [each.at for each in _times(fact)]
    says_more = any(_is_of(rule, code, element) for code in fact.code)
    if says_more and selectors and not any(_is_of(rule, each, element) for each in selectors):
        yield ("time",), selectors[0]


def _times(fact: FactRule) -> list[TimeField]:
    return [*fact.time, *(each for meaning in _meanings(fact) for each in meaning.time)]


def _meanings(fact: FactRule) -> list[Meaning]:
    always = [] if fact.status is None else [fact.status]
    return [*fact.codes.values(), *fact.patterns.values(), *always]


def _changing(fact: FactRule) -> Iterator[tuple[Location, str]]:
    """Find what is said of a parcel as it stands now, and is a part of a fact's identity."""
    expected = fact.attributes.estimated_delivery
    if expected is not None:
        yield ("attributes", "estimated_delivery"), expected.at
    if fact.reason is not None:
        yield ("reason",), fact.reason.at


def _lists(rule: Rule) -> list[str]:
    """Name the levels that stand at several things in turn."""
    return [n for n, level in rule.each.items() if level.list or level.entries or level.split]


def _is_of(rule: Rule, selector: str, element: str) -> bool:
    """Whether a selector begins at the level of the element, or below it."""
    levels = (*BUILT_IN, *rule.each)
    return levels.index(split(selector)[0]) >= levels.index(element)


def _of_keys(fact: FactRule) -> Iterator[Advice]:
    """Look for keys that no code can be.

    Digits are padded before any table is asked: fewer of them are no code any more.
    """
    tables: list[tuple[Location, Iterable[str]]] = [
        (("codes",), fact.codes),
        (("ignore",), fact.ignore),
    ]
    for i, after in enumerate(fact.after):
        tables += [(("after", i, "seen"), after.seen), (("after", i, "codes"), after.codes)]
    for at, keys in tables:
        for key in keys:
            halves = key.split("/") if len(fact.code) > 1 else [key]
            if any(half.isdecimal() and len(half) < fact.pad_codes for half in halves):
                yield at, f"no code is {key!r}: with pad_codes, digits are {fact.pad_codes} or more"
            if any(ANY in half[:-1] for half in halves):
                yield at, f"{key!r} has an asterisk that stands for itself: it is not at the end"


def _of_fact(fact: FactRule) -> Iterator[Advice]:
    yield from _of_keys(fact)
    yield from ((("when", *at), message) for at, message in _of_condition(fact.when))
    for key in sorted({key.casefold() for key in fact.codes} & {k.casefold() for k in fact.ignore}):
        yield ("codes",), f"code {key!r} is mapped in one spelling and ignored in another"
    yield from _of_wildcards(fact)
    for i, after in enumerate(fact.after):
        for key in after.seen:
            if key not in {*fact.codes, *fact.ignore, *after.codes}:
                yield ("after", i, "seen"), f"no table has {key!r}{hint(key, fact.codes)}"


def _of_wildcards(fact: FactRule) -> Iterator[Advice]:
    """Find what looks like the beginning of a code where there are whole texts alone."""
    tables: list[tuple[Location, Iterable[str]]] = []
    if fact.reason is not None:
        tables.append((("reason", "codes"), fact.reason.codes))
    if fact.attributes.carrier is not None:
        tables.append((("attributes", "carrier", "names"), fact.attributes.carrier.names))
    for at, keys in tables:
        for key in keys:
            if key.endswith(ANY):
                yield (*at, key), "stands for itself, with its asterisk: beginnings are for codes"


def _of_condition(when: Condition) -> Iterator[Advice]:
    for selector in sorted(set(when.present) & set(when.absent)):
        yield (), f"never holds: {selector} cannot be both present and absent"
    for selector, values in when.one_of.items():
        if set(values) <= set(when.none_of.get(selector, ())):
            yield ("one_of", selector), f"never holds: {selector} may have none of these values"
        if selector in when.absent and "" not in values:
            yield ("one_of", selector), f"never holds: {selector} is absent"


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(key)
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
