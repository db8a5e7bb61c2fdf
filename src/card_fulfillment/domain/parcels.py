"""What is said of a bulk issuance beside its members: its parcels, and what vendors count.

Everything here is a union or a maximum, so that the order in which it is heard does not matter.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Final, NamedTuple, Self

from card_fulfillment.domain.claims import Claim, Entry, claim, later
from card_fulfillment.domain.facts import Attribute, AttributeValue, Fact, ParcelRole
from card_fulfillment.domain.journey import FactOutcome
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.registers import Registers, written
from card_fulfillment.domain.serials import Range, Ranges, united
from card_fulfillment.domain.status import Phase

_MOST_MISCOUNTED: Final = 100
OUTBOUND_ALONE: Final = frozenset({ParcelRole.OUTBOUND})


class Line(NamedTuple):
    """Serials that a line put into a parcel; null: all of the bulk's.

    number: of the bulk's when the line was heard of first.
    """

    serials: Range | None
    number: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """A box of a bulk issuance.

    named: whether some line named it; else it was only spoken of. facts: found by its reference.
    roles: what it was called; nothing else once it was called the outbound one.
    """

    named: bool = False
    lines: tuple[Line, ...] = ()
    facts: tuple[bytes, ...] = ()
    claim: Claim | None = None
    registers: Registers = field(default_factory=dict)
    carton: tuple[int, int | None] | None = None
    roles: frozenset[ParcelRole] = OUTBOUND_ALONE

    @property
    def role(self) -> ParcelRole:
        """As of a name: the outbound parcel, unless it was never called so."""
        return min(self.roles)

    @property
    def serials(self) -> Ranges | None:
        """Those that are in it; null: all."""
        ranges = [serials for serials, _ in self.lines if serials is not None]
        return united(ranges) if len(ranges) == len(self.lines) else None

    def value(self, name: Attribute) -> str | None:
        register = self.registers.get(name)
        return register.value if register and isinstance(register.value, str) else None

    def since(self, serial: int | None) -> int | None:
        """The bulk's number since when the serial is in the parcel; null: it is not."""
        found = [number for serials, number in self.lines if _has(serials, serial)]
        return min(found, default=None)


def _has(serials: Range | None, serial: int | None) -> bool:
    if serials is None:
        return True
    return serial is not None and serials[0] <= serial <= serials[1]


@dataclass(frozen=True, slots=True)
class Reports:
    """What vendors counted, and what of it is about which attempt.

    totals: of the whole bulk. miscounted: ranges, each with another count that came with it.
    cartons: (attempt, carton, of how many). filled: those of them that left the vendor with serials
    that were told. handed_over: serials by attempt, in ranges.
    """

    reach: int = 0
    totals: frozenset[int] = frozenset()
    miscounted: frozenset[tuple[Range, int]] = frozenset()
    cartons: frozenset[tuple[int, int, int]] = frozenset()
    filled: frozenset[tuple[int, int, int]] = frozenset()
    handed_over: Mapping[int, Ranges] = field(default_factory=dict)

    def with_totals(self, totals: Iterable[frozenset[int]]) -> Self:
        return replace(self, totals=self.totals.union(*totals))


NOTHING_REPORTED: Final = Reports()


@dataclass(frozen=True, slots=True)
class Said:
    """All that the facts about a whole bulk, its ranges and its parcels come to.

    attempt: that of the greatest fact with a status. claim: the greatest about the whole bulk.
    """

    attempt: int = 1
    claim: Claim | None = None
    registers: Registers = field(default_factory=dict)
    parcels: Mapping[Reference, Parcel] = field(default_factory=dict)
    reports: Reports = NOTHING_REPORTED


NOTHING_SAID: Final = Said()


def packing(parcels: Mapping[Reference, Parcel], number: AttributeValue | None) -> str:
    """A digest of the serials, cartons, carriers and numbers of the parcels that lines named.

    number: of the whole as one.
    """
    shown = [_shown(*each) for each in sorted(parcels.items()) if each[1].named]
    if number is not None:
        shown.append((number,))
    return blake2b(repr(shown).encode(), digest_size=8).hexdigest() if shown else ""


def _shown(reference: Reference, parcel: Parcel) -> Sequence[object]:
    carrier, number = parcel.value(Attribute.CARRIER), parcel.value(Attribute.TRACKING_NUMBER)
    role = () if parcel.role is ParcelRole.OUTBOUND else (parcel.role,)
    said = (parcel.serials, parcel.carton, carrier, number or reference.value)
    return (*reference.values(), *said, *role)


class Hearing:
    """Hears facts about a bulk and keeps what they come to. outcomes: what each was to the bulk."""

    def __init__(self, said: Said) -> None:
        self._attempt, self._claim = said.attempt, said.claim
        self._registers = said.registers
        self._parcels = dict(said.parcels)
        self._reports = said.reports
        self.outcomes: dict[bytes, FactOutcome] = {}

    def said(self) -> Said:
        return Said(self._attempt, self._claim, self._registers, self._parcels, self._reports)

    def hear_all(self, entries: Iterable[tuple[Entry, int]]) -> None:
        """Hear entries, each with its number, in key order."""
        for each, number in sorted(entries, key=lambda e: e[0].order):
            self._hear(each, number)

    def _hear(self, each: Entry, number: int) -> None:
        fact = each.fact
        new = None if each.key is None else claim(each.key, fact)
        if new is not None:
            self._attempt = max(self._attempt, each.attempt)
        own = [r for r in fact.references if r in fact.parcels]
        self.outcomes[fact.fact_id] = self._outcome(new, fact, own)
        for reference in fact.parcels:
            self._parcels[reference] = self._packed(reference, each, number, own)
        if not fact.serials and not own:
            self._claim = later(self._claim, new)
            if each.parcel_role is ParcelRole.OUTBOUND:
                self._registers = written(self._registers, each)
        self._reports = _reported(self._reports, each, own)

    def _outcome(self, new: Claim | None, fact: Fact, own: list[Reference]) -> FactOutcome:
        """Against the greatest of what it is about: the bulk or a parcel; a range tells always."""
        if new is None:
            return FactOutcome.ENRICHMENT
        known = self._parcels.get(own[0], Parcel()).claim if own else self._claim
        if fact.serials is not None or known is None:
            return FactOutcome.PUBLISHED
        if new.key < known.key:
            return FactOutcome.LATE
        now, before = new.key, known.key
        same = (now.attempt, now.rank) == (before.attempt, before.rank)
        return FactOutcome.UNCHANGED if same else FactOutcome.PUBLISHED

    def _packed(
        self, reference: Reference, each: Entry, number: int, own: list[Reference]
    ) -> Parcel:
        """The parcel after a fact that was found by it (`own`) or that names it."""
        fact, parcel = each.fact, self._parcels.get(reference, Parcel(roles=frozenset()))
        new = None if each.key is None else claim(each.key, fact)
        packed = replace(
            parcel,
            claim=later(parcel.claim, new),
            registers=written(parcel.registers, each),
            carton=max(filter(None, (parcel.carton, fact.carton)), key=_carton, default=None),
            roles=_called(parcel.roles, each.parcel_role),
        )
        if reference in own:
            return replace(packed, facts=tuple(sorted({*parcel.facts, fact.fact_id})))
        if not any(name == reference and level > fact.level for level, name in fact.names):
            return packed  # it is only spoken of: a fact binds what is above its own references
        return replace(packed, named=True, lines=_with_line(parcel.lines, fact, number))


def _called(roles: frozenset[ParcelRole], role: ParcelRole) -> frozenset[ParcelRole]:
    more = roles | {role}
    return OUTBOUND_ALONE if ParcelRole.OUTBOUND in more else more


def _carton(carton: tuple[int, int | None]) -> tuple[int, int]:
    return (carton[1] or 0, carton[0])


def _with_line(lines: tuple[Line, ...], fact: Fact, number: int) -> tuple[Line, ...]:
    """A line without serials gives the parcel all, unless it says that there are several."""
    if fact.serials is None and fact.is_one_of_several:
        return lines
    least = dict(lines)
    least[fact.serials] = min(least.get(fact.serials, number), number)
    return tuple(sorted((Line(*line) for line in least.items()), key=_serials_of))


def _serials_of(line: Line) -> Range:
    return line.serials or (0, 0)


def _reported(reports: Reports, each: Entry, own: list[Reference]) -> Reports:
    fact = each.fact
    if fact.serials is None and fact.quantity is None and fact.carton is None:
        return reports
    heard = replace(
        reports,
        reach=max(reports.reach, fact.serials[1] if fact.serials else 0),
        miscounted=_least(reports.miscounted | _miscounted(fact)),
    )
    if each.parcel_role is not ParcelRole.OUTBOUND:
        return heard  # boxes that come back are no part of what was sent
    return replace(
        heard,
        totals=reports.totals | _total(fact, own),
        cartons=reports.cartons | _cartons(each),
        filled=reports.filled | _cartons(each) if _hands_over(each) else reports.filled,
        handed_over=_handed_over(reports.handed_over, each),
    )


def _total(fact: Fact, own: list[Reference]) -> frozenset[int]:
    """A count that comes without serials or a parcel is one of the whole bulk."""
    if fact.quantity is None or fact.serials or own or fact.carton:
        return frozenset()
    return frozenset({fact.quantity})


def _miscounted(fact: Fact) -> frozenset[tuple[Range, int]]:
    if fact.serials is None or fact.quantity is None:
        return frozenset()
    first, last = fact.serials
    differs = fact.quantity != last - first + 1
    return frozenset({(fact.serials, fact.quantity)}) if differs else frozenset()


def _least(miscounted: frozenset[tuple[Range, int]]) -> frozenset[tuple[Range, int]]:
    return frozenset(sorted(miscounted)[:_MOST_MISCOUNTED])


def _cartons(each: Entry) -> frozenset[tuple[int, int, int]]:
    if each.fact.carton is None:
        return frozenset()
    carton, of_how_many = each.fact.carton
    return frozenset() if of_how_many is None else frozenset({(each.attempt, carton, of_how_many)})


def _handed_over(handed_over: Mapping[int, Ranges], each: Entry) -> Mapping[int, Ranges]:
    """Serials that left the vendor, as ranges say; a card by name says nothing of a shipment."""
    serials = each.fact.serials
    if serials is None or not _hands_over(each):
        return handed_over
    known = handed_over.get(each.attempt, ())
    return {**handed_over, each.attempt: united((*known, serials))}


def _hands_over(each: Entry) -> bool:
    """Whether it says of a range that it left the vendor."""
    has_left = each.key is not None and each.key.phase >= Phase.TRANSIT
    return has_left and each.fact.serials is not None
