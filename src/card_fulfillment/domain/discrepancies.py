"""Where what was announced, ordered and reported of a bulk issuance does not agree.

Computed from what is stored, never a silent correction: nothing here moves a card.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple

from card_fulfillment.domain.parcels import Reports
from card_fulfillment.domain.serials import Ranges, count, missing


class DiscrepancyName(StrEnum):
    """What does not agree; the published event tells what its fields mean for each."""

    SIZE_CONFLICT = "size_conflict"
    SERIAL_PAST_SIZE = "serial_past_size"
    SERIAL_TAKEN_TWICE = "serial_taken_twice"
    RANGE_PAST_SIZE = "range_past_size"
    QUANTITY_MISMATCH = "quantity_mismatch"
    TOTAL_MISMATCH = "total_mismatch"
    CARTON_MISSING = "carton_missing"
    SHORT_SHIPMENT = "short_shipment"


class Discrepancy(NamedTuple):
    """expected: a number of cards, or of cartons. reported: what was said instead.

    serials, cartons: those that are meant, as ranges.
    """

    name: DiscrepancyName
    expected: int | None
    reported: tuple[int, ...] = ()
    serials: Ranges = ()
    cartons: Ranges = ()


class Sizes(NamedTuple):
    """What announcements and orders say. named: numbers of cards; the greatest is the size."""

    named: frozenset[int]
    greatest_serial: int
    taken_twice: Ranges


def discrepancies(sizes: Sizes, reports: Reports, attempt: int) -> tuple[Discrepancy, ...]:
    """In the order of their names above. attempt: of the bulk; shipments of others are history."""
    found = [*_of_announcements(sizes), *_of_counts(sizes, reports)]
    return (*found, *_of_cartons(sizes, reports, attempt))


def _of_announcements(sizes: Sizes) -> Iterable[Discrepancy]:
    size = max(sizes.named, default=None)
    if len(sizes.named) > 1:
        others = tuple(sorted(sizes.named))[:-1]
        yield Discrepancy(DiscrepancyName.SIZE_CONFLICT, size, others)
    if size is not None and sizes.greatest_serial > size:
        yield Discrepancy(DiscrepancyName.SERIAL_PAST_SIZE, size, (sizes.greatest_serial,))
    if sizes.taken_twice:
        yield Discrepancy(DiscrepancyName.SERIAL_TAKEN_TWICE, None, (), sizes.taken_twice)


def _of_counts(sizes: Sizes, reports: Reports) -> Iterable[Discrepancy]:
    size = max(sizes.named, default=None)
    if size is not None and reports.reach > size:
        yield Discrepancy(DiscrepancyName.RANGE_PAST_SIZE, size, (reports.reach,))
    for (first, last), quantity in sorted(reports.miscounted):
        expected = last - first + 1
        yield Discrepancy(
            DiscrepancyName.QUANTITY_MISMATCH, expected, (quantity,), ((first, last),)
        )
    totals = tuple(sorted(total for total in reports.totals if total != size))
    if size is not None and totals:
        yield Discrepancy(DiscrepancyName.TOTAL_MISMATCH, size, totals)


def _of_cartons(sizes: Sizes, reports: Reports, attempt: int) -> Iterable[Discrepancy]:
    """Some of n cartons are reported and others are not.

    Or all left the vendor, each with serials that were told, and some are in none of them.
    """
    for n, cartons in _sets(reports.cartons, attempt).items():
        gap = missing(_ranges(cartons), n)
        if gap:
            reported = tuple(sorted(cartons))
            yield Discrepancy(DiscrepancyName.CARTON_MISSING, n, reported, cartons=gap)
    yield from _shortage(sizes, reports, attempt)


def _sets(cartons: Iterable[tuple[int, int, int]], attempt: int) -> Mapping[int, set[int]]:
    """By how many there are, which of them."""
    by_set: defaultdict[int, set[int]] = defaultdict(set)
    for of_attempt, carton, of_how_many in sorted(cartons, key=itemgetter(2)):
        if of_attempt == attempt:
            by_set[of_how_many].add(carton)
    return by_set


def _shortage(sizes: Sizes, reports: Reports, attempt: int) -> Iterable[Discrepancy]:
    size = max(sizes.named, default=None)
    complete = any(len(cartons) == n for n, cartons in _sets(reports.filled, attempt).items())
    handed_over = reports.handed_over.get(attempt, ())
    if size is not None and complete and (absent := missing(handed_over, size)):
        reported = size - count(absent)
        yield Discrepancy(DiscrepancyName.SHORT_SHIPMENT, size, (reported,), absent)


def _ranges(numbers: Iterable[int]) -> Ranges:
    return tuple((n, n) for n in sorted(numbers))
