"""Whether a vendor's file is whole, and agrees with its own trailer.

Like all discrepancies computed from what is stored; see `discrepancies`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from card_fulfillment.domain.files import FileName
from card_fulfillment.domain.serials import Ranges


class FileDiscrepancyName(StrEnum):
    FILE_TOTAL_MISMATCH = "file_total_mismatch"
    FILE_LINES_MISSING = "file_lines_missing"
    FILE_LINE_CONFLICT = "file_line_conflict"
    FILE_TRAILER_MISSING = "file_trailer_missing"
    FILE_GAP = "file_gap"


class FileDiscrepancy(NamedTuple):
    """expected: the sum of the lines' quantities. reported: the totals of trailers beside it.

    numbers: the lines, or of a gap the files, that are meant, as ranges.
    """

    name: FileDiscrepancyName
    expected: int | None = None
    reported: tuple[int, ...] = ()
    numbers: Ranges = ()


@dataclass(frozen=True, slots=True)
class FileAccount:
    """What came of a file.

    sequence: its number; previous: the greatest number before it of a file that came.
    lines: how many came; quantity: what they come to. totals: what its trailers say.
    missing: lines between the first and the last that did not come, the first ones of them.
    conflicting: lines that came with several contents, the first ones of them.
    """

    name: FileName
    sequence: int | None
    previous: int | None
    lines: int
    quantity: int
    totals: frozenset[int]
    with_trailer: bool
    missing: Ranges
    conflicting: Ranges

    @property
    def discrepancies(self) -> tuple[FileDiscrepancy, ...]:
        """Of the file itself, in the order of their names above; then the gap before it."""
        return (*self._of_its_own(), *gap(self.previous, self.sequence))

    def _of_its_own(self) -> Iterable[FileDiscrepancy]:
        wrong = tuple(sorted(self.totals - {self.quantity}))
        if wrong:
            name = FileDiscrepancyName.FILE_TOTAL_MISMATCH
            yield FileDiscrepancy(name, self.quantity, wrong)
        if self.missing:
            yield FileDiscrepancy(FileDiscrepancyName.FILE_LINES_MISSING, numbers=self.missing)
        if self.conflicting:
            name = FileDiscrepancyName.FILE_LINE_CONFLICT
            yield FileDiscrepancy(name, numbers=self.conflicting)
        if self.with_trailer and not self.totals:
            yield FileDiscrepancy(FileDiscrepancyName.FILE_TRAILER_MISSING)


def gap(previous: int | None, sequence: int | None) -> Iterable[FileDiscrepancy]:
    """Numbers of files between two that came, one after the other."""
    if previous is not None and sequence is not None and sequence > previous + 1:
        numbers = ((previous + 1, sequence - 1),)
        yield FileDiscrepancy(FileDiscrepancyName.FILE_GAP, numbers=numbers)
