"""Rules of a profile, compiled: plain getters and tables, nothing to validate per message."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from card_fulfillment.domain.facts import (
    OWN_KIND,
    Attribute,
    Evidence,
    Role,
    reference_level,
)
from card_fulfillment.domain.status import Reason
from card_fulfillment.vendors.codes import Find, finder
from card_fulfillment.vendors.language import (
    Attributes,
    Condition,
    FactRule,
    NamedReference,
    ProfileFile,
    ReasonTable,
    Rule,
    TimeField,
)
from card_fulfillment.vendors.selectors import (
    BUILT_IN,
    LONG,
    Getter,
    Scope,
    Text,
    Unfit,
    getter,
    text,
)
from card_fulfillment.vendors.times import ReadTime, date_reader, time_reader, zone_of

Holds = Callable[[Scope], bool]
Asked = tuple[str, str]
# A value that stands for its absence: null, and the empty text of flat files.
NOTHING: Final = (None, "")


@dataclass(frozen=True, slots=True)
class Loop:
    """One level of a rule: the list whose elements it stands at in turn."""

    name: str
    selector: str
    items: Getter


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of reference and where its value stands. token: what tags it in an identity."""

    vendor: str
    kind: str
    level: int
    token: str
    selector: str
    value: Text


@dataclass(frozen=True, slots=True)
class Register:
    attribute: Attribute
    token: str
    selector: str
    value: Text


@dataclass(frozen=True, slots=True)
class Statement:
    """How one fact is read from an element.

    asked: of each condition the selector, and what is wanted of it.
    second: the other half of a pair of codes.
    time_selectors: where each of the times stands.
    """

    asked: tuple[Asked, ...]
    conditions: tuple[Holds, ...]
    first: Text
    second: Text | None
    code_selectors: tuple[str, ...]
    find: Find
    reason_selector: str | None
    reason: tuple[Text, Mapping[str, Reason]] | None
    times: tuple[ReadTime, ...]
    time_selectors: tuple[str, ...]
    registers: tuple[Register, ...]
    names: tuple[Kind, ...]
    text_selector: str | None
    text: Text | None


@dataclass(frozen=True, slots=True)
class CompiledRule:
    loops: tuple[Loop, ...]
    event_id_selector: str | None
    event_id: Text | None
    references: tuple[Kind, ...]
    statements: tuple[Statement, ...]


def level_of(role: Role, kinds: Sequence[str], kind: str) -> int:
    """Return the layer of a reference kind; the subject's own id is of the lowest one."""
    if kind in kinds:
        return reference_level(role, kinds.index(kind))
    if kind == OWN_KIND:
        return 0
    raise ValueError(f"{kind!r} is none of reference_kinds ({', '.join(kinds)})")


def compile_rule(rule: Rule, file: ProfileFile) -> CompiledRule:
    """Compile one rule; ValueError where a selector, a kind or a code contradicts the rest."""
    levels = (*BUILT_IN, *rule.each)
    loops = tuple(
        Loop(name, selector, getter(selector, levels[: len(BUILT_IN) + i]))
        for i, (name, selector) in enumerate(rule.each.items())
    )
    references = tuple(
        _kind(file, kind, rule.references[kind], levels) for kind in sorted(rule.references)
    )
    top = max(kind.level for kind in references)
    event_id = text(rule.event_id, levels) if rule.event_id else None
    statements = tuple(_statement(fact, file, levels, top) for fact in rule.facts)
    return CompiledRule(loops, rule.event_id, event_id, references, statements)


def _kind(file: ProfileFile, kind: str, selector: str, levels: Sequence[str]) -> Kind:
    level = level_of(file.role, file.reference_kinds, kind)
    return Kind(file.vendor, kind, level, f"\0r{kind}\0=", selector, text(selector, levels))


def _statement(rule: FactRule, file: ProfileFile, levels: Sequence[str], top: int) -> Statement:
    evidence = Evidence.CARRIER_SCAN if file.role is Role.CARRIER else Evidence.VENDOR_CLAIM
    zone = zone_of(file, None)
    named = [_named(name, file, levels, top) for name in rule.names]
    conditions = _conditions(rule.when, levels)
    return Statement(
        asked=tuple(asked for asked, _ in conditions),
        conditions=tuple(holds for _, holds in conditions),
        first=text(rule.code[0], levels),
        second=text(rule.code[1], levels) if rule.code[1:] else None,
        code_selectors=tuple(rule.code),
        find=finder(rule, evidence),
        reason_selector=rule.reason.at if rule.reason else None,
        reason=_reasons(rule.reason, levels),
        times=tuple(time_reader(field, levels, zone) for field in rule.time),
        time_selectors=tuple(field.at for field in rule.time),
        registers=tuple(_registers(rule.attributes, levels)),
        names=tuple(sorted(named, key=lambda name: name.token)),
        text_selector=rule.text,
        text=text(rule.text, levels, LONG) if rule.text else None,
    )


def _conditions(when: Condition, levels: Sequence[str]) -> list[tuple[Asked, Holds]]:
    """Compile the conditions, each with what it asks."""
    present = [((s, "present"), _is_there(getter(s, levels))) for s in when.present]
    absent = [((s, "absent"), _is_absent(getter(s, levels))) for s in when.absent]
    one_of = [
        ((s, f"one of {', '.join(values)}"), _is_one_of(text(s, levels), frozenset(values)))
        for s, values in when.one_of.items()
    ]
    return one_of + present + absent


def _is_there(get: Getter) -> Holds:
    return lambda scope: get(scope) not in NOTHING


def _is_absent(get: Getter) -> Holds:
    return lambda scope: get(scope) in NOTHING


def _is_one_of(get: Text, values: frozenset[str]) -> Holds:
    return lambda scope: get(scope) in values


def _reasons(
    table: ReasonTable | None, levels: Sequence[str]
) -> tuple[Text, Mapping[str, Reason]] | None:
    return None if table is None else (text(table.at, levels), table.codes)


def _registers(attributes: Attributes, levels: Sequence[str]) -> list[Register]:
    """Sort them by name: an identity must not hang on the order in a file."""
    readers: dict[Attribute, Text] = {}
    for attribute in (Attribute.METHOD, Attribute.CARRIER, Attribute.TRACKING_NUMBER):
        selector = getattr(attributes, attribute.value)
        if selector is not None:
            readers[attribute] = text(selector, levels)
    if attributes.tracking_url is not None:
        readers[Attribute.TRACKING_URL] = _url(attributes.tracking_url, levels)
    if attributes.estimated_delivery is not None:
        readers[Attribute.ESTIMATED_DELIVERY] = date_reader(attributes.estimated_delivery, levels)
    return [
        Register(name, f"\0a{name}\0=", _selector(attributes, name), readers[name])
        for name in sorted(readers)
    ]


def _selector(attributes: Attributes, name: Attribute) -> str:
    field: TimeField | str = getattr(attributes, name.value)
    return field if isinstance(field, str) else field.at


def _url(selector: str, levels: Sequence[str]) -> Text:
    read = text(selector, levels, LONG)

    def read_url(scope: Scope) -> str | None:
        value = read(scope)
        if value is not None and not value.startswith(("https://", "http://")):
            raise Unfit(selector, "no http or https address")
        return value

    return read_url


def _named(name: NamedReference, file: ProfileFile, levels: Sequence[str], top: int) -> Kind:
    level = reference_level(name.role, name.place)
    if level <= top:
        raise ValueError(
            f"names {name.vendor}/{name.kind}, which is not above the references of the rule:"
            f" a statement binds only what is nearer to the carrier"
        )
    if name.vendor == file.vendor and level_of(file.role, file.reference_kinds, name.kind) != level:
        raise ValueError(f"names {name.kind!r} with another role or place than this profile's")
    token = f"\0n{name.vendor}\0{name.kind}\0="
    return Kind(name.vendor, name.kind, level, token, name.value, text(name.value, levels))
