"""Telling somebody that a vendor's file is not whole, or does not agree with itself."""

from collections.abc import Iterable
from typing import Final

from card_fulfillment.domain.file_accounts import FileDiscrepancy, FileDiscrepancyName
from card_fulfillment.domain.files import FileName
from card_fulfillment.domain.serials import Ranges
from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.messages.envelope import Record, RefusalReason, Refused

FILE_ALERTS: Final = tuple(RefusalReason(name.value) for name in FileDiscrepancyName)
_MOST_SHOWN: Final = 20


def file_alert(name: FileName, found: FileDiscrepancy, record: Record) -> DeadLetter:
    """The same whenever and wherever it is found. record: some line's, without its bytes.

    A gap is one of the vendor's files: it is the same before whichever file it stands.
    """
    about = name.vendor if found.name is FileDiscrepancyName.FILE_GAP else name
    reason = RefusalReason(found.name.value)
    what = (about, reason, found.expected, found.reported, found.numbers)
    said = Refused(reason, f"file:{name.name}", file_sentence(found), name.vendor)
    return DeadLetter.of_file(name, said, record, what)


def file_sentence(found: FileDiscrepancy) -> str:
    numbers = _ranges(found.numbers)
    match found.name:
        case FileDiscrepancyName.FILE_TOTAL_MISMATCH:
            totals = _listed(map(str, found.reported))
            return f"its trailer says {totals}, its lines come to {found.expected}"
        case FileDiscrepancyName.FILE_LINES_MISSING:
            return f"lines that did not come: {numbers}"
        case FileDiscrepancyName.FILE_LINE_CONFLICT:
            return f"lines that came with different contents: {numbers}"
        case FileDiscrepancyName.FILE_TRAILER_MISSING:
            return "its trailer did not come"
        case FileDiscrepancyName.FILE_GAP:
            return f"before it files did not come: {numbers}"


def _ranges(ranges: Ranges) -> str:
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
    shown = texts[:_MOST_SHOWN]
    return _listed(shown if len(texts) == len(shown) else [*shown, "…"])


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(texts)
