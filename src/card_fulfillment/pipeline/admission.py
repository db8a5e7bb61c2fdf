"""Taking a batch in: which statements are new, which were seen, which contradict what is known."""

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple, assert_never

from card_fulfillment.domain.facts import Announcement, CardIdentity, Fact, Order
from card_fulfillment.domain.files import FileLine, LineKey
from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.messages.envelope import Ignored, Record, RefusalReason, Refused
from card_fulfillment.pipeline.batch import Decoded, Element, RecordClass

# What became of an element: known at once, or later by the fact that it brought.
Verdict = RecordClass | Fact


class Admitted(NamedTuple):
    record: Record
    verdicts: list[Verdict]


class Admission:
    """The elements of a batch, one by one in the order of their records.

    contents: content digests of stored facts; identities: of cards already announced. lines: lines
    of files that are stored.
    repeated: announcements of known cards under other event ids; they can name a bulk's size.
    """

    def __init__(
        self,
        contents: Mapping[bytes, bytes],
        identities: Mapping[str, CardIdentity],
        lines: AbstractSet[LineKey],
    ) -> None:
        self._contents, self._lines = contents, lines
        self.identities = dict(identities)
        self.announcements: list[Announcement] = []
        self.repeated: list[Announcement] = []
        self.orders: list[Order] = []
        self.tracking: list[Fact] = []
        self.new: dict[bytes, Fact] = {}
        self.copies: Counter[bytes] = Counter()
        self.lines: dict[LineKey, FileLine] = {}
        self.dead_letters: dict[str, DeadLetter] = {}
        self.records: list[Admitted] = []

    def take(self, decoded: Decoded) -> None:
        verdicts = [self._verdict(decoded.record, element) for element in decoded.elements]
        self.records.append(Admitted(decoded.record, verdicts))

    def _verdict(self, record: Record, element: Element) -> Verdict:
        match element:
            case Fact():
                return self._seen(record, element) or self._track(element)
            case Order():
                return self._seen(record, element.fact) or self._order(element)
            case Announcement():
                return self._seen(record, element.fact) or self._announce(record, element)
            case FileLine():
                return self._file(element)
            case Ignored():
                return RecordClass.IGNORED
            case Refused():
                return self._quarantine(record, element)
            case _:
                assert_never(element)

    def _quarantine(self, record: Record, refused: Refused) -> RecordClass:
        """Elements of one record that fail alike at one place are one dead letter."""
        letter = DeadLetter.of(record, refused)
        self.dead_letters.setdefault(letter.dead_letter_id, letter)
        return RecordClass.QUARANTINED

    def _seen(self, record: Record, fact: Fact) -> RecordClass | None:
        """What becomes of another copy; nothing where the fact is new."""
        new = self.new.get(fact.fact_id)
        content = new.content if new else self._contents.get(fact.fact_id)
        if content is None:
            return None
        if content != fact.content:
            return self._contradiction(record, fact, RefusalReason.EVENT_ID_CONFLICT)
        self.copies[fact.fact_id] += 1
        return RecordClass.DUPLICATE

    def _contradiction(self, record: Record, fact: Fact, reason: RefusalReason) -> RecordClass:
        message = {
            RefusalReason.EVENT_ID_CONFLICT: "the same event id came before with other content",
            RefusalReason.CARD_CONFLICT: "the card was announced before with other properties",
        }[reason]
        refused = Refused(reason, "event_id", message, fact.vendor, fact.mapping_version)
        return self._quarantine(record, refused)

    def _file(self, line: FileLine) -> RecordClass:
        if line.key in self._lines or line.key in self.lines:
            return RecordClass.DUPLICATE
        self.lines[line.key] = line
        return RecordClass.APPLIED

    def _track(self, fact: Fact) -> Fact:
        self.new[fact.fact_id] = fact
        self.tracking.append(fact)
        return fact

    def _order(self, order: Order) -> Fact:
        self.new[order.fact.fact_id] = order.fact
        self.orders.append(order)
        return order.fact

    def _announce(self, record: Record, announcement: Announcement) -> Verdict:
        """Announced again under another event id: the same is a duplicate, another a conflict."""
        known = self.identities.get(announcement.card.card_id)
        if known is not None and known != announcement.card:
            return self._contradiction(record, announcement.fact, RefusalReason.CARD_CONFLICT)
        if known is not None:
            self.repeated.append(announcement)
            return RecordClass.DUPLICATE
        self.identities[announcement.card.card_id] = announcement.card
        self.new[announcement.fact.fact_id] = announcement.fact
        self.announcements.append(announcement)
        return announcement.fact
