"""Which of a bulk's facts concern which of its members, and since when."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from card_fulfillment.domain.claims import Entry, Scope
from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.parcels import Parcel
from card_fulfillment.domain.serials import Range, Ranges, united


class Numbered(NamedTuple):
    """A fact about a bulk, a range of it or a parcel, as an entry of its members' journeys.

    number: the bulk's when the fact became about it. All that one transaction says has one number.
    """

    entry: Entry
    number: int


def scope_of(fact: Fact) -> Scope:
    """A range of one serial is its card by name."""
    if fact.serials is None:
        return Scope.BULK
    return Scope.OWN if fact.serials[0] == fact.serials[1] else Scope.RANGE


class Sayings:
    """Facts of a bulk, found by the serials that they are about."""

    def __init__(self, facts: Iterable[Numbered], parcels: Mapping[Reference, Parcel]) -> None:
        self._parcels = parcels
        self._singles: defaultdict[int, list[Numbered]] = defaultdict(list)
        self._ranges: list[tuple[Range, Numbered]] = []
        self._boxed: list[tuple[list[Parcel], Numbered]] = []
        self._whole: list[Numbered] = []
        for each in facts:
            self._sort_in(each)

    def _sort_in(self, each: Numbered) -> None:
        fact = each.entry.fact
        boxes = [self._parcels[r] for r in fact.references if r in fact.parcels]
        if fact.serials is not None and fact.serials[0] == fact.serials[1]:
            self._singles[fact.serials[0]].append(each)
        elif fact.serials is not None:
            self._ranges.append((fact.serials, each))
        elif boxes:
            self._boxed.append((boxes, each))
        else:
            self._whole.append(each)

    def all_of(self, serial: int | None) -> list[Entry]:
        """All that concerns a member with that serial."""
        return [each.entry for each in self._about(serial)]

    def groups(self, serial: int | None, after: int) -> dict[int, list[Entry]]:
        """What concerns it since a later number than `after`: by number, the earlier ones first."""
        by_number: defaultdict[int, list[Entry]] = defaultdict(list)
        for entry, since in self._about(serial):
            if since > after:
                by_number[since].append(entry)
        return {number: by_number[number] for number in sorted(by_number)}

    def _about(self, serial: int | None) -> Iterable[Numbered]:
        """Each with the number since when it concerns the member: that of the line, if later."""
        yield from self._whole
        if serial is not None:
            yield from self._singles.get(serial, ())
            yield from (e for (first, last), e in self._ranges if first <= serial <= last)
        for boxes, (entry, number) in self._boxed:
            since = [box.since(serial) for box in boxes]
            if None not in since:
                yield Numbered(entry, max(number, *(s for s in since if s is not None)))

    def reach(self, after: int) -> Ranges | None:
        """The serials of members that something of a later number concerns; null: all members."""
        ranges: list[Range] = [(serial, serial) for serial in self._fresh_singles(after)]
        ranges += [serials for serials, each in self._ranges if each.number > after]
        if any(each.number > after for each in self._whole):
            return None
        for boxes, each in self._boxed:
            lines = [line for box in boxes for line in box.lines]
            fresh = each.number > after or any(line.number > after for line in lines)
            if fresh and any(line.serials is None for line in lines):
                return None
            ranges += [line.serials for line in lines if fresh and line.serials is not None]
        return united(ranges)

    def _fresh_singles(self, after: int) -> Iterable[int]:
        for serial, facts in self._singles.items():
            if any(each.number > after for each in facts):
                yield serial
