"""Taking a batch in: which statements are new, which were seen, which contradict what is known."""

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final, assert_never

from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Announcement, CardIdentity, Fact, Order
from card_fulfillment.domain.files import FileLine, LineKey
from card_fulfillment.domain.value import Value
from card_fulfillment.messages.dead_letter import DeadLetter, Mask
from card_fulfillment.messages.envelope import Ignored, Record, RefusalReason, Refused
from card_fulfillment.pipeline.batch import Decoded, Element, RecordClass
from card_fulfillment.pipeline.view import Seen

# What became of an element: known at once, or later by the fact that it brought.
Verdict = RecordClass | Fact


class Admitted(Value):
    __match_args__ = ("record", "verdicts")

    def __init__(self, record: Record, verdicts: list[Verdict]) -> None:
        self.record: Final = record
        self.verdicts: Final = verdicts


class Admission:
    """The elements of a batch, one by one in the order of their records.

    seen: what is stored of the facts already; identities: of cards already announced.
    seen_lines: lines of files that are stored.
    retimed: earlier copies of stored facts that have no time of their own.
    repeated: announcements of known cards under other event ids; they can name a bulk's size.
    """

    def __init__(
        self,
        seen: dict[bytes, Seen],
        identities: Mapping[str, CardIdentity],
        seen_lines: AbstractSet[LineKey],
        masks: Mapping[str, Mask],
    ) -> None:
        self._stored, self._lines, self._masks = seen, seen_lines, masks
        self.identities = dict(identities)
        self.announcements: list[Announcement] = []
        self.repeated: list[Announcement] = []
        self.orders: list[Order] = []
        self._tracked: list[bytes] = []
        self.new: dict[bytes, Fact] = {}
        self.copies: Counter[bytes] = Counter()
        self.retimed: dict[bytes, Fact] = {}
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
        letter = DeadLetter.of(record, refused, self._masks.get(record.topic))
        self.dead_letters.setdefault(letter.dead_letter_id, letter)
        return RecordClass.QUARANTINED

    def _seen(self, record: Record, fact: Fact) -> RecordClass | None:
        """What becomes of another copy; nothing where the fact is new."""
        known = self.new.get(fact.fact_id) or self._stored.get(fact.fact_id)
        if known is None:
            return None
        if known.content != fact.content:
            return self._contradiction(record, fact, RefusalReason.EVENT_ID_CONFLICT, "event_id")
        self.copies[fact.fact_id] += 1
        if fact.precision is Precision.UNKNOWN:
            self._retime(fact)
        return RecordClass.DUPLICATE

    def _retime(self, copy: Fact) -> None:
        """A fact without a time of its own has that of its earliest record."""
        new, stored = self.new.get(copy.fact_id), self._stored.get(copy.fact_id)
        if new is not None:
            self.new[copy.fact_id] = min(new, copy, key=_stated)
        elif stored is not None and stored.since is not None and copy.stated < stored.since:
            earlier = self.retimed.get(copy.fact_id, copy)
            self.retimed[copy.fact_id] = min(earlier, copy, key=_stated)

    def _contradiction(
        self, record: Record, fact: Fact, reason: RefusalReason, field: str
    ) -> RecordClass:
        message = {
            RefusalReason.EVENT_ID_CONFLICT: "the same event id came before with other content",
            RefusalReason.CARD_CONFLICT: "the card was announced before with other properties",
        }[reason]
        refused = Refused(reason, field, message, fact.vendor, fact.mapping_version)
        return self._quarantine(record, refused)

    def _file(self, line: FileLine) -> RecordClass:
        key = line.key
        if key in self._lines or key in self.lines:
            return RecordClass.DUPLICATE
        self.lines[key] = line
        return RecordClass.APPLIED

    def _track(self, fact: Fact) -> Fact:
        self.new[fact.fact_id] = fact
        self._tracked.append(fact.fact_id)
        return fact

    @property
    def tracking(self) -> list[Fact]:
        """The vendors' new facts."""
        return [self.new[fact_id] for fact_id in self._tracked]

    def _order(self, order: Order) -> Fact:
        self.new[order.fact.fact_id] = order.fact
        self.orders.append(order)
        return order.fact

    def _announce(self, record: Record, announcement: Announcement) -> Verdict:
        """Announced again under another event id: the same is a duplicate, another a conflict."""
        known = self.identities.get(announcement.card.card_id)
        if known is not None and known != announcement.card:
            field = _first_difference(known, announcement.card)
            return self._contradiction(
                record, announcement.fact, RefusalReason.CARD_CONFLICT, field
            )
        if known is not None:
            self.repeated.append(announcement)
            return RecordClass.DUPLICATE
        self.identities[announcement.card.card_id] = announcement.card
        self.new[announcement.fact.fact_id] = announcement.fact
        self.announcements.append(announcement)
        return announcement.fact


def _first_difference(one: CardIdentity, other: CardIdentity) -> str:
    """The first property in which they differ, as card-created calls it."""
    fields = zip(CardIdentity.__match_args__, one.values(), other.values(), strict=True)
    return next(name for name, ours, theirs in fields if ours != theirs)


def _stated(fact: Fact) -> int:
    return fact.stated
