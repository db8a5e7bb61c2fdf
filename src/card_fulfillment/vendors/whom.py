"""Whom an element is about: its references, and which cards of a bulk."""

from typing import Final, TypeVar

from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.value import Value
from card_fulfillment.vendors.numbers import Read
from card_fulfillment.vendors.record import MappedRecord
from card_fulfillment.vendors.rules import CompiledRule
from card_fulfillment.vendors.selectors import Scope, Unfit

_ABSENT: Final = (None, "")
_T = TypeVar("_T")


class NoSubject(Unfit):
    """The element names nobody, so that none of its statements can be used."""


class Which(Value):
    """Which cards of a bulk, or how many. raw: as a part of identities."""

    __match_args__ = ("serials", "carton", "quantity", "raw")

    def __init__(
        self,
        serials: tuple[int, int] | None,
        carton: tuple[int, int | None] | None,
        quantity: int | None,
        raw: str,
    ) -> None:
        self.serials: Final = serials
        self.carton: Final = carton
        self.quantity: Final = quantity
        self.raw: Final = raw

    @property
    def is_some_of_many(self) -> bool:
        return self.serials is not None or self.carton is not None or self.quantity is not None


_ALL: Final = Which(None, None, None, "")


class Who(Value):
    """Whom an element is about. raw: the references as a part of identities."""

    __match_args__ = ("references", "level", "raw", "event_id", "parcels", "which")

    def __init__(
        self,
        references: tuple[Reference, ...],
        level: int,
        raw: str,
        event_id: str | None,
        parcels: tuple[Reference, ...],
        which: Which,
    ) -> None:
        self.references: Final = references
        self.level: Final = level
        self.raw: Final = raw
        self.event_id: Final = event_id
        self.parcels: Final = parcels
        self.which: Final = which


def subject(rule: CompiledRule, record: MappedRecord, scope: Scope) -> Who:
    """Find whom the element is about; NoSubject where it names nobody."""
    try:
        event_id = rule.event_id(scope) if rule.event_id is not None else None
        references, parcels, level, named = _references(rule, scope)
        which = _which(rule, scope) if rule.says_which else _ALL
    except Unfit as unfit:
        record.settle(unfit)
        raise NoSubject(unfit.selector, unfit.message) from None
    if not references:
        raise NoSubject(None, "no reference that says whom it is about")
    raw = f"{record.vendor}{named}{which.raw}"
    return Who(references, level, raw, event_id, parcels, which)


def _references(
    rule: CompiledRule, scope: Scope
) -> tuple[tuple[Reference, ...], tuple[Reference, ...], int, str]:
    """Read the references, those of parcels, the highest level, and all as a part of identities."""
    references: tuple[Reference, ...] = ()
    parcels: tuple[Reference, ...] = ()
    level = 0
    raw = ""
    for kind in rule.references:
        value = kind.value(scope)
        if value is not None:
            reference = Reference(kind.vendor, kind.kind, value)
            references += (reference,)
            raw += kind.token + value
            level = max(level, kind.level)
            if kind.parcel:
                parcels += (reference,)
    return references, parcels, level, raw


def _which(rule: CompiledRule, scope: Scope) -> Which:
    serials, first = _number(rule.serials.read, scope) if rule.serials else _ABSENT
    carton, second = _number(rule.carton.read, scope) if rule.carton else _ABSENT
    quantity, third = _number(rule.quantity.read, scope) if rule.quantity else _ABSENT
    return Which(serials, carton, quantity, first + second + third)


def _number(read: Read[_T], scope: Scope) -> tuple[_T | None, str]:
    return read(scope) or _ABSENT
