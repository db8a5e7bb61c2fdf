"""Which bulk issuance each file is about, as a function of the sets of lines and statements."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from card_fulfillment.domain.files import FileLine, FileName
from card_fulfillment.domain.naming import ISSUER, Reference, Subject, SubjectKind
from oracle_whom import Meaning, Said, meant, whom_all
from snapshot import Snapshot
from witness import Witness

_MOST = 16


def filed(
    lines: Iterable[FileLine], meanings: Mapping[Reference, Collection[Meaning]]
) -> dict[str, dict[FileName, frozenset[int]]]:
    """By bulk, the totals of the files about it alone."""
    by_file: defaultdict[FileName, list[FileLine]] = defaultdict(list)
    for line in lines:
        by_file[line.file].append(line)
    found: defaultdict[str, dict[FileName, frozenset[int]]] = defaultdict(dict)
    for name, of_file in by_file.items():
        totals = frozenset(line.total for line in of_file if line.total is not None)
        subjects = _about(of_file, meanings)
        if totals and len(subjects) == 1 and None not in subjects:
            (subject,) = subjects
            if subject is not None and subject.kind is SubjectKind.BULK_ISSUANCE:
                found[subject.id][name] = totals
    return dict(found)


def _about(
    lines: list[FileLine], meanings: Mapping[Reference, Collection[Meaning]]
) -> set[Subject | None]:
    """Whom the file's references mean; null among them: one that nobody is meant by."""
    mentioned = {line.reference for line in lines if line.reference is not None}
    if len(mentioned) > _MOST:
        return set()
    subjects: set[Subject | None] = set()
    for reference in mentioned:
        times = {x.stated for x in lines if x.reference == reference and x.stated is not None}
        known = () if reference.vendor == ISSUER else meanings.get(reference, ())
        each = [meant(known, t) for t in {min(times), max(times)}] if times else [set(known)]
        for found in each:
            subjects |= {m.subject for m in found} or {None}
    return subjects


def assert_filed(snapshot: Snapshot, witness: Witness) -> None:
    """Whether each bulk knows the totals of the files that are about it."""
    _, meanings = whom_all(Said(witness.told))
    known = {i: dict(bulk.filed) for i, bulk in snapshot.bulks.items() if bulk.filed}
    assert known == filed(witness.lines, meanings)
    assert snapshot.lines == {line.key for line in witness.lines}
