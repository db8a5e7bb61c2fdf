"""Lines of vendors' files: what they make of the files, and which bulks these are about."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from card_fulfillment.domain.bindings import Bindings
from card_fulfillment.domain.facts import Cause, Order
from card_fulfillment.domain.files import FileLine, FileName, FileTotals, VendorFile, references
from card_fulfillment.domain.naming import Reference, SubjectKind, is_issuers_name
from card_fulfillment.pipeline.view import Need, View


class Filed(NamedTuple):
    """What the files about a bulk say from now on. cause: the line that changed it, if any did."""

    totals: FileTotals
    cause: Cause | None


def want_line(need: Need, line: FileLine) -> None:
    need.files.add(line.file)
    need.lines.add(line.key)
    if line.reference is not None:
        need.references.add(line.reference)


def want_files(need: Need, lines: Iterable[FileLine], orders: Iterable[Order], view: View) -> None:
    """The files that an order can be about, and whom all lines of a file mean."""
    need.files |= view.files.keys()
    need.references |= references(view.files.values())
    for line in lines:
        if line.reference is not None and not view.bindings.get(line.reference):
            need.locked_references |= _lockable(line.reference)
    # Where a reference means a bulk, that bulk is in the view, too.
    for order in orders if view.bulks else ():
        need.file_references.update(r for r in order.references if _means_a_bulk(r, view))


def _lockable(reference: Reference) -> set[Reference]:
    """Whoever binds it locks it, too; of the issuer's own names nothing comes."""
    return set() if is_issuers_name(reference) else {reference}


def _means_a_bulk(reference: Reference, view: View) -> bool:
    held = view.bindings.get(reference, ())
    return any(b.subject.kind is SubjectKind.BULK_ISSUANCE for b in held)


def files_with(lines: Iterable[FileLine], view: View) -> dict[FileName, VendorFile]:
    """The files that get new lines, as they are with them."""
    files: dict[FileName, VendorFile] = {}
    for line in lines:
        known = files.get(line.file) or view.files.get(line.file, VendorFile())
        files[line.file] = known.with_line(line)
    return files


def filed_totals(
    lines: Iterable[FileLine], files: Mapping[FileName, VendorFile], view: View, bindings: Bindings
) -> Mapping[str, Filed]:
    """By bulk, where a file came to be about it or ceases to be, or says another total."""
    touched = {**view.files, **files}
    if not touched:
        return {}
    causes = {line.file: line.cause for line in lines}
    now: defaultdict[str, dict[FileName, frozenset[int]]] = defaultdict(dict)
    for name, file in touched.items():
        bulk_id = file.bulk(bindings)
        if bulk_id is not None and file.totals:
            now[bulk_id][name] = file.totals
    told: dict[str, Filed] = {}
    for bulk_id, bulk in view.bulks.items():
        kept = {name: totals for name, totals in bulk.filed.items() if name not in touched}
        totals = {**kept, **now[bulk_id]}
        if totals != bulk.filed:
            of_lines = (causes[name] for name in now[bulk_id] if name in causes)
            told[bulk_id] = Filed(totals, max(of_lines, key=lambda c: c.order, default=None))
    return told
