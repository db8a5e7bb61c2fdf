"""One who hears the records as the worker takes them, and says what it must make of them."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from builders import Sent
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Announcement, CardIdentity, Fact, Order, Statement
from card_fulfillment.domain.files import FileLine
from card_fulfillment.domain.naming import Subject, SubjectKind, card
from card_fulfillment.messages.envelope import Ignored, RefusalReason, Refused
from card_fulfillment.pipeline.batch import SEVERITY, Element, Partition, RecordClass
from oracle_whom import About, Said, Whom, whom_all


class _Verdict(NamedTuple):
    """What becomes of an element; where it is new, by the fact that it brings."""

    became: RecordClass | None
    statement: Statement | None = None
    refused: tuple[RefusalReason, str] | None = None


class Witness:
    """Hears the same records as the worker and says what it must have made of them.

    lines: those of files, once each.
    told: the statements that count, copies and contradictions aside; of a card announced again the
        first announcement counts, and all the sizes named of its bulk.
    rebound: whether a fact ever went to others than it was about before.
    """

    def __init__(self) -> None:
        self.told: list[Statement] = []
        self.lines: list[FileLine] = []
        self.counted: defaultdict[Partition, Counter[RecordClass]] = defaultdict(Counter)
        self.refused: list[str] = []
        self.copies: Counter[bytes] = Counter()
        self._contents: dict[bytes, bytes] = {}
        self._repeated: set[bytes] = set()
        self._cards: dict[str, CardIdentity] = {}
        self._whom: dict[bytes, Whom] = {}
        self.rebound = False

    def know(self, whom: Mapping[bytes, Whom]) -> None:
        self._whom = dict(whom)

    def hear(self, batch: Sequence[Sent]) -> None:
        heard = [[self._verdict(e) for e in record.elements] for record in batch]
        before, (self._whom, _) = self._whom, whom_all(Said(self.told))
        self.rebound |= any(
            whom is not None and whom != self._whom[i] for i, whom in before.items()
        )
        for record, verdicts in zip(batch, heard, strict=True):
            became = (self._became(v) for v in verdicts)
            worst = min(became, key=SEVERITY.__getitem__, default=RecordClass.IGNORED)
            self.counted[Partition(record.topic, record.partition)][worst] += 1
            self.refused += [reason for reason, _ in {v.refused for v in verdicts if v.refused}]

    def _verdict(self, element: Element) -> _Verdict:
        if isinstance(element, Ignored):
            return _Verdict(RecordClass.IGNORED)
        if isinstance(element, Refused):
            return _refuse(element.reason, element.field_path)
        if isinstance(element, FileLine):
            return self._line(element)
        stated = _fact_of(element)
        content = self._contents.get(stated.fact_id, stated.content)
        if content != stated.content:
            return _refuse(RefusalReason.EVENT_ID_CONFLICT)
        if stated.fact_id in self._contents:
            self.copies[stated.fact_id] += 1
            self._retime(stated)
            return _Verdict(RecordClass.DUPLICATE)
        return self._again(element) or self._new(element)

    def _line(self, line: FileLine) -> _Verdict:
        if line.key in {each.key for each in self.lines}:
            return _Verdict(RecordClass.DUPLICATE)
        self.lines.append(line)
        return _Verdict(RecordClass.APPLIED)

    def _retime(self, copy: Fact) -> None:
        """Of an untimed fact the copy of the earliest record counts."""
        for place, known in enumerate(self.told):
            if isinstance(known, Fact) and known.fact_id == copy.fact_id:
                if copy.precision is Precision.UNKNOWN and copy.stated < known.stated:
                    self.told[place] = copy
                    self.rebound |= bool(self._whom.get(copy.fact_id))
                return

    def _again(self, statement: Statement) -> _Verdict | None:
        """A card that was announced before, under another event id."""
        if not isinstance(statement, Announcement):
            return None
        known = self._cards.get(statement.card.card_id)
        if known is not None and known != statement.card:
            return _refuse(RefusalReason.CARD_CONFLICT)
        self._cards[statement.card.card_id] = statement.card
        if known is None:
            return None
        if statement.fact.content not in self._repeated:
            self._repeated.add(statement.fact.content)
            self.told.append(statement)
        return _Verdict(RecordClass.DUPLICATE)

    def _new(self, statement: Statement) -> _Verdict:
        stated = _fact_of(statement)
        self._contents[stated.fact_id] = stated.content
        self.copies[stated.fact_id] += 1
        self.told.append(statement)
        return _Verdict(None, statement)

    def _became(self, verdict: _Verdict) -> RecordClass:
        statement = verdict.statement
        if statement is None:
            assert verdict.became is not None
            return verdict.became
        bulks = {c.bulk_issuance_id for c in self._cards.values()}
        announced = (
            s.id in (self._cards if s.kind is SubjectKind.CARD else bulks)
            for s in self.subjects(statement)
        )
        return RecordClass.APPLIED if any(announced) else RecordClass.PARKED

    def subjects(self, statement: Statement) -> Mapping[Subject, About]:
        """Whom a statement is about, each with what of it."""
        match statement:
            case Announcement():
                return {card(statement.card.card_id): About(1)}
            case Order():
                return {statement.subject: About(statement.attempt)}
            case Fact():
                return self._whom[statement.fact_id] or {}


def _refuse(reason: RefusalReason, field_path: str = "event_id") -> _Verdict:
    return _Verdict(RecordClass.QUARANTINED, refused=(reason, field_path))


def _fact_of(statement: Statement) -> Fact:
    return statement if isinstance(statement, Fact) else statement.fact


def fact_id_of(statement: Statement) -> bytes:
    return _fact_of(statement).fact_id
