"""One who hears the records as the worker takes them, and says what it must make of them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from builders import Sent
from card_fulfillment.domain.facts import (
    Announcement,
    CardIdentity,
    Fact,
    Order,
    Statement,
    Subject,
    card,
)
from card_fulfillment.messages.envelope import Ignored, RefusalReason, Refused
from card_fulfillment.pipeline.batch import SEVERITY, Element, Partition, RecordClass
from oracle_whom import Said, Whom, whom_all


class _Verdict(NamedTuple):
    """What becomes of an element; where it is new, by the fact that it brings."""

    became: RecordClass | None
    statement: Statement | None = None
    refused: tuple[RefusalReason, str] | None = None


class Witness:
    """Hears the same records as the worker and says what it must have made of them.

    told: the statements that count, copies and contradictions aside.
    """

    def __init__(self) -> None:
        self.told: list[Statement] = []
        self.counted: defaultdict[Partition, Counter[RecordClass]] = defaultdict(Counter)
        self.refused: list[str] = []
        self.copies: Counter[bytes] = Counter()
        self._contents: dict[bytes, bytes] = {}
        self._cards: dict[str, CardIdentity] = {}
        self._whom: dict[bytes, Whom] = {}

    def know(self, whom: Mapping[bytes, Whom]) -> None:
        self._whom = dict(whom)

    def hear(self, batch: Iterable[Sent]) -> list[Sent]:
        """Returns the records without those that are left out; the worker gets these."""
        kept: list[tuple[Sent, list[_Verdict]]] = []
        whom = self._whom
        for record in batch:
            new = _new_statements(record, self._contents)
            after, _ = whom_all(Said([*self.told, *new]))
            if not _left_out(self._whom, after):
                kept.append((record, [self._verdict(e) for e in record.elements]))
                whom = after
        self._whom = dict(whom)
        for record, verdicts in kept:
            became = min((self._became(v) for v in verdicts), key=SEVERITY.__getitem__)
            self.counted[Partition(record.topic, record.partition)][became] += 1
            self.refused += [reason for reason, _ in {v.refused for v in verdicts if v.refused}]
        return [record for record, _ in kept]

    def _verdict(self, element: Element) -> _Verdict:
        if isinstance(element, Ignored):
            return _Verdict(RecordClass.IGNORED)
        if isinstance(element, Refused):
            return _refuse(element.reason, element.field_path)
        stated = _fact_of(element)
        content = self._contents.get(stated.fact_id, stated.content)
        if content != stated.content:
            return _refuse(RefusalReason.EVENT_ID_CONFLICT)
        if stated.fact_id in self._contents:
            self.copies[stated.fact_id] += 1
            return _Verdict(RecordClass.DUPLICATE)
        return self._again(element) or self._new(element)

    def _again(self, statement: Statement) -> _Verdict | None:
        """A card that was announced before, under another event id."""
        if not isinstance(statement, Announcement):
            return None
        known = self._cards.get(statement.card.card_id)
        if known is not None and known != statement.card:
            return _refuse(RefusalReason.CARD_CONFLICT)
        self._cards[statement.card.card_id] = statement.card
        return None if known is None else _Verdict(RecordClass.DUPLICATE)

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
        announced = any(s.id in self._cards for s in self.subjects(statement))
        return RecordClass.APPLIED if announced else RecordClass.PARKED

    def subjects(self, statement: Statement) -> Mapping[Subject, int]:
        """Whom a statement is about, each with the attempt."""
        match statement:
            case Announcement():
                return {card(statement.card.card_id): 1}
            case Order():
                return {statement.subject: statement.attempt}
            case Fact():
                return self._whom[statement.fact_id] or {}


def _refuse(reason: RefusalReason, field_path: str = "event_id") -> _Verdict:
    return _Verdict(RecordClass.QUARANTINED, refused=(reason, field_path))


def _fact_of(statement: Statement) -> Fact:
    return statement if isinstance(statement, Fact) else statement.fact


def _new_statements(record: Sent, contents: Mapping[bytes, bytes]) -> list[Statement]:
    """The first of each event id that was not heard before."""
    new: dict[bytes, Statement] = {}
    for element in record.elements:
        if not isinstance(element, Ignored | Refused):
            new.setdefault(_fact_of(element).fact_id, element)
    return [statement for fact_id, statement in new.items() if fact_id not in contents]


def _left_out(before: Mapping[bytes, Whom], after: Mapping[bytes, Whom]) -> bool:
    """Whether it takes a refold, or a fact's references would have nobody in common."""
    refold = any(whom is not None and whom != after[i] for i, whom in before.items())
    return refold or any(whom == {} for whom in after.values())
