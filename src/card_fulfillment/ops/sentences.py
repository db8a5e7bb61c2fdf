"""What does not agree about a bulk issuance, in sentences."""

from collections.abc import Callable, Mapping
from typing import Final

from card_fulfillment.domain.discrepancies import Discrepancy, DiscrepancyName
from card_fulfillment.domain.serials import Ranges, count
from card_fulfillment.ops.look import number

_MOST_RANGES: Final = 20


def sentence(found: Discrepancy) -> str:
    return _SENTENCES[found.name](found)


def ranges(serials: Ranges) -> str:
    """`1-2400, 2502`; of very many the first."""
    said = [str(a) if a == b else f"{a}-{b}" for a, b in serials[:_MOST_RANGES]]
    more = count(serials[_MOST_RANGES:])
    return ", ".join(said) + (f" and {more} more" if more else "")


def _nos(serials: Ranges) -> str:
    return f"{'no.' if count(serials) == 1 else 'nos.'} {ranges(serials)}"


def _reported(found: Discrepancy) -> str:
    return " and ".join(map(str, found.reported))


def _are(found: Discrepancy) -> str:
    verb = "is" if found.expected == 1 else "are"
    return f"{verb} {number(found.expected or 0, 'card')}"


_SENTENCES: Final[Mapping[DiscrepancyName, Callable[[Discrepancy], str]]] = {
    DiscrepancyName.SIZE_CONFLICT: lambda d: (
        f"announcements and orders name {d.expected} cards, and also {_reported(d)}"
    ),
    DiscrepancyName.SERIAL_PAST_SIZE: lambda d: (
        f"there {_are(d)}, and one is announced as no. {_reported(d)}"
    ),
    DiscrepancyName.SERIAL_TAKEN_TWICE: lambda d: (
        f"several cards are announced with the same serial: {_nos(d.serials)}"
    ),
    DiscrepancyName.RANGE_PAST_SIZE: lambda d: (
        f"there {_are(d)}, and a vendor speaks of no. {_reported(d)}"
    ),
    DiscrepancyName.QUANTITY_MISMATCH: lambda d: (
        f"of {_nos(d.serials)}, which {_are(d)}, a vendor counts {_reported(d)}"
    ),
    DiscrepancyName.TOTAL_MISMATCH: lambda d: (
        f"there {_are(d)}, and a vendor counts {_reported(d)} in all"
    ),
    DiscrepancyName.CARTON_MISSING: lambda d: (
        f"of {number(d.expected or 0, 'carton')} not reported so far: {_nos(d.cartons)}"
    ),
    DiscrepancyName.SHORT_SHIPMENT: lambda d: (
        f"all cartons are reported, with {_reported(d)} of {d.expected} cards; in none of them: "
        f"{_nos(d.serials)}"
    ),
}
