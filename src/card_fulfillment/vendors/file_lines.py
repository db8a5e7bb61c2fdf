"""Lines of a vendor's files, beside what they say: a missing file, line or card is noticed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.files import FileLine, FileName
from card_fulfillment.domain.naming import Reference
from card_fulfillment.vendors.conditions import Holds, compile_conditions
from card_fulfillment.vendors.language import File
from card_fulfillment.vendors.numbers import whole_number
from card_fulfillment.vendors.record import MappedRecord
from card_fulfillment.vendors.references import Kind
from card_fulfillment.vendors.selectors import Scope, Text, Unfit, text

_MOST: Final = 2**31 - 1
_Count = Callable[[Scope], int | None]


@dataclass(frozen=True, slots=True)
class FileReader:
    """How a line is read of an element.

    subjects: of whom it may be, as embossing requests say it, the most general first.
    selectors: where each of its parts stands.
    is_trailer: all must hold; a trailer has a total, and no quantity.
    """

    selectors: Mapping[str, str]
    name: Text
    sequence: _Count | None
    line: _Count
    quantity: _Count | None
    is_trailer: tuple[Holds, ...]
    total: _Count | None
    subjects: tuple[Kind, ...]


def compile_file(
    file: File, quantity: str | None, references: Sequence[Kind], levels: Sequence[str]
) -> FileReader:
    trailer = file.trailer
    return FileReader(
        selectors=_selectors(file, quantity),
        name=text(file.name, levels),
        sequence=_count(file.sequence, levels) if file.sequence else None,
        line=_count(file.line, levels),
        quantity=_count(quantity, levels) if quantity else None,
        is_trailer=compile_conditions(trailer.when, levels).holds if trailer else (),
        total=_count(trailer.total, levels) if trailer else None,
        subjects=tuple(sorted((k for k in references if not k.parcel), key=_level)),
    )


def _level(kind: Kind) -> int:
    return kind.level


def _selectors(file: File, quantity: str | None) -> Mapping[str, str]:
    total = file.trailer.total if file.trailer else None
    parts = {"sequence": file.sequence, "quantity": quantity, "total": total}
    known = {part: selector for part, selector in parts.items() if selector}
    return {"name": file.name, "line": file.line, **known}


def _count(selector: str, levels: Sequence[str]) -> _Count:
    read_text = text(selector, levels)

    def read(scope: Scope) -> int | None:
        raw = read_text(scope)
        return None if raw is None else whole_number(selector, raw, 0, _MOST)

    return read


def file_line(
    reader: FileReader, record: MappedRecord, scope: Scope, first: Fact | None
) -> FileLine | None:
    """Read the line that an element is; null where it is in no file, Unfit where it is no line.

    first: of the facts of the element.
    """
    name = reader.name(scope)
    if name is None:
        return None
    line = reader.line(scope)
    if line is None:
        raise Unfit(reader.selectors["line"], "a line of a file without its number")
    total = None
    if reader.total is not None and all(holds(scope) for holds in reader.is_trailer):
        total = reader.total(scope)
    return FileLine(
        file=FileName(record.vendor, name),
        line=line,
        cause=record.cause,
        received_at=record.received_at,
        sequence=reader.sequence(scope) if reader.sequence is not None else None,
        reference=_reference(reader.subjects, scope),
        stated=first.stated if first and first.precision is not Precision.UNKNOWN else None,
        quantity=reader.quantity(scope) if total is None and reader.quantity is not None else None,
        total=total,
        with_trailer=reader.total is not None,
    )


def _reference(kinds: Sequence[Kind], scope: Scope) -> Reference | None:
    """Read the first one that is there: a file of cards beside a bulk is not the bulk's alone."""
    for kind in kinds:
        value = kind.value(scope)
        if value is not None:
            return Reference(kind.vendor, kind.kind, value)
    return None
