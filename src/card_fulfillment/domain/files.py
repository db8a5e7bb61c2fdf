"""Files that vendors send line by line: which of them came, which bulk issuance each is about.

All of it is a function of the set of lines, whatever their order and repetition.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, NamedTuple

from card_fulfillment.domain.bindings import Bindings, in_force
from card_fulfillment.domain.facts import Cause
from card_fulfillment.domain.naming import Reference, Subject, SubjectKind, is_issuers_name

# A file that speaks of more than these is about no single bulk.
_MOST_REFERENCES: Final = 16


class FileName(NamedTuple):
    vendor: str
    name: str


# Of a bulk issuance, what the trailers of the files about it say.
FileTotals = Mapping[FileName, frozenset[int]]


class LineKey(NamedTuple):
    """A line is the same one again where it says the same; else both stand."""

    file: FileName
    line: int
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLine:
    """One line of a file.

    sequence: of the file, among those of its vendor.
    reference: by which an embossing request means what the line is about.
    stated: the time that the line states; see `Fact.stated`.
    quantity: how many cards it counts. total: of a trailer, the sum of all lines' quantities.
    with_trailer: whether files of its vendor end with one; no part of what the line says.
    """

    file: FileName
    line: int
    cause: Cause
    received_at: int
    sequence: int | None = None
    reference: Reference | None = None
    stated: int | None = None
    quantity: int | None = None
    total: int | None = None
    with_trailer: bool = False

    @property
    def key(self) -> LineKey:
        said = (self.sequence, self.reference, self.stated, self.quantity, self.total)
        return LineKey(self.file, self.line, blake2b(repr(said).encode(), digest_size=16).digest())


class Span(NamedTuple):
    """The first and the last time that lines state; null: none states any."""

    first: int | None = None
    last: int | None = None

    def with_time(self, time: int | None) -> "Span":
        if time is None:
            return self
        if self.first is None or self.last is None:
            return Span(time, time)
        return Span(min(self.first, time), max(self.last, time))


@dataclass(frozen=True, slots=True)
class VendorFile:
    """What is kept of a file beside its lines.

    totals: those of its trailers. mentioned: the references of its lines; null: too many.
    """

    sequence: int | None = None
    totals: frozenset[int] = frozenset()
    mentioned: Mapping[Reference, Span] | None = field(default_factory=dict)
    with_trailer: bool = False

    def with_line(self, line: FileLine) -> "VendorFile":
        """Most lines say nothing that is new."""
        with_it = VendorFile(
            _greater(self.sequence, line.sequence),
            self.totals if line.total is None else self.totals | {line.total},
            self._mentioning(line),
            self.with_trailer or line.with_trailer,
        )
        return self if with_it == self else with_it

    def _mentioning(self, line: FileLine) -> Mapping[Reference, Span] | None:
        if self.mentioned is None or line.reference is None:
            return self.mentioned
        known = self.mentioned.get(line.reference)
        span = (known or Span()).with_time(line.stated)
        if span == known:
            return self.mentioned
        mentioned = {**self.mentioned, line.reference: span}
        return mentioned if len(mentioned) <= _MOST_REFERENCES else None

    def bulk(self, bindings: Bindings) -> str | None:
        """The bulk issuance that all its references mean, and mean alone."""
        meant: set[Subject] = set()
        for reference, span in (self.mentioned or {}).items():
            found = [_meant(reference, time, bindings) for time in set(span)]
            if not all(found):
                return None
            meant.update(*found)
        bulks = [s.id for s in meant if s.kind is SubjectKind.BULK_ISSUANCE]
        return bulks[0] if len(meant) == len(bulks) == 1 else None


def _greater(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _meant(reference: Reference, time: int | None, bindings: Bindings) -> Collection[Subject]:
    """What embossing requests say; nothing comes of the issuer's own names."""
    if is_issuers_name(reference):
        return ()
    held = bindings.get(reference, ())
    return {b.subject for b in (held if time is None else in_force(held, time))}


def references(files: Iterable[VendorFile]) -> set[Reference]:
    return {r for file in files for r in file.mentioned or ()}
