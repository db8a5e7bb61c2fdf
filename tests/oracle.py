"""The end state as a function of the set of statements: what is stored once all was said.

No order of arrival, no batches, nothing kept from before: it is written from the rules alone and
shares with the product only the vocabulary (statements, statuses and their standing), so that a
test that compares the two means something. There is at most one announcement of a card and one
content of an event id: what contradicts is not in the set.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from card_fulfillment.domain.facts import (
    DAY,
    Announcement,
    AttributeValue,
    Fact,
    Precision,
    Reference,
    Statement,
    Subject,
    bulk_issuance,
    card,
)
from card_fulfillment.domain.status import STANDING, Status
from oracle_whom import Meaning, Said, Whom, whom_all

LevelOf = Callable[[Reference], int]


class Claim(NamedTuple):
    """A fact as a candidate for a card's status; the greatest wins."""

    attempt: int
    phase: int
    time: int
    rank: int
    fact_id: bytes
    status: Status


class CardEnd(NamedTuple):
    status: Status
    attempt: int
    fact_id: bytes
    shown: Mapping[str, AttributeValue]


@dataclass(frozen=True)
class EndState:
    """cards: those announced. whom: of every vendor's fact; none: parked, empty: held."""

    cards: Mapping[str, CardEnd]
    whom: Mapping[bytes, Whom]
    meanings: Mapping[Reference, Collection[Meaning]]

    @property
    def parked(self) -> set[bytes]:
        return {fact_id for fact_id, subjects in self.whom.items() if subjects is None}

    @property
    def held(self) -> set[bytes]:
        return {fact_id for fact_id, subjects in self.whom.items() if subjects == {}}


def end_state(statements: Iterable[Statement], level_of: LevelOf) -> EndState:
    """`level_of` tells the layer of a reference: above 0 a bulk's reference is that of a parcel."""
    said = Said(statements)
    whom, meanings = whom_all(said)
    bulks = {b: _Bulk(b, said, whom, level_of) for b in said.bulk_of.values() if b is not None}
    cards = {
        card_id: _card(each, said, whom, bulks.get(each.card.bulk_issuance_id or ""))
        for card_id, each in said.announcements.items()
    }
    return EndState(cards, whom, meanings)


class _Bulk:
    """What is said of a whole bulk, and which of its members that moves."""

    def __init__(
        self, bulk_id: str, said: Said, whom: Mapping[bytes, Whom], level_of: LevelOf
    ) -> None:
        self.subject = bulk_issuance(bulk_id)
        self._level_of = level_of
        self._serials: defaultdict[Reference, list[range | None]] = defaultdict(list)
        for fact in said.facts:
            if self.subject in (whom[fact.fact_id] or {}):
                self._pack(fact)

    def _pack(self, fact: Fact) -> None:
        """A line tells which serials are in the parcel that it names; nothing said: all of them."""
        for level, parcel in fact.names:
            if level <= fact.level:
                continue
            if fact.serials is not None:
                self._serials[parcel].append(_serials(fact))
            elif not fact.is_one_of_several:
                self._serials[parcel].append(None)

    def moves(self, fact: Fact, subjects: Collection[Subject], serial: int | None) -> bool:
        if self.subject not in subjects:
            return False
        if fact.serials is not None:
            return serial is not None and serial in _serials(fact)
        parcels = [r for r in fact.references if self._level_of(r) > 0]
        return all(self._holds(parcel, serial) for parcel in parcels)

    def _holds(self, parcel: Reference, serial: int | None) -> bool:
        lines = self._serials.get(parcel, [])
        return any(line is None or (serial is not None and serial in line) for line in lines)


def _serials(fact: Fact) -> range:
    first, last = fact.serials or (0, -1)
    return range(first, last + 1)


class _Card:
    """Everything that bears on one card, sorted by what it is to the card."""

    def __init__(self) -> None:
        self.own: list[Claim] = []
        self.bulk: list[Claim] = []
        self.range_production: list[Claim] = []
        self.writes: list[tuple[int, int, bytes, Fact]] = []

    def hear(self, fact: Fact, attempt: int, claims: list[Claim]) -> Claim | None:
        time = _effective(fact)
        self.writes.append((attempt, time, fact.fact_id, fact))
        if fact.status is None:
            return None
        standing = STANDING[fact.status]
        claim = Claim(attempt, standing.phase, time, standing.rank, fact.fact_id, fact.status)
        claims.append(claim)
        return claim

    def hear_of_bulk(self, fact: Fact, attempt: int) -> None:
        """A range of one serial is the card by name; production of any other counts twice."""
        if fact.serials is not None and fact.serials[0] == fact.serials[1]:
            self.hear(fact, attempt, self.own)
            return
        claim = self.hear(fact, attempt, self.bulk)
        if claim is not None and fact.serials is not None and claim.phase == _PRODUCTION:
            self.range_production.append(claim)

    def end(self) -> CardEnd:
        winner = winner_of(self.own, self.bulk, self.range_production)
        last: dict[str, tuple[int, AttributeValue]] = {}
        for attempt, _, _, fact in sorted(self.writes, key=lambda w: w[:3]):
            last |= {name: (attempt, value) for name, value in fact.attributes.items()}
        shown = {n: value for n, (attempt, value) in last.items() if attempt == winner.attempt}
        return CardEnd(winner.status, winner.attempt, winner.fact_id, shown)


_PRODUCTION = STANDING[Status.PRODUCED].phase
_ENDED = (Status.REJECTED, Status.CANCELLED)


def winner_of(
    own: Collection[Claim], bulk: Collection[Claim], range_production: Collection[Claim]
) -> Claim:
    """The greatest claim, but a card whose production was ended by name or by range stays ended."""
    candidates = [max(own)] if own else []
    of_bulk = [max(bulk)] if bulk else []
    if range_production and of_bulk and _ends(max(range_production), of_bulk[0]):
        of_bulk = [max(range_production)]
    if own and of_bulk and _ends(max(own), of_bulk[0]):
        of_bulk = []
    return max(candidates + of_bulk)


def _ends(claim: Claim, of_bulk: Claim) -> bool:
    return claim.status in _ENDED and claim.attempt == of_bulk.attempt


def _card(
    announcement: Announcement, said: Said, whom: Mapping[bytes, Whom], bulk: _Bulk | None
) -> CardEnd:
    state = _Card()
    subject = card(announcement.card.card_id)
    state.hear(announcement.fact, 1, state.own)
    for order in said.orders:
        if order.subject == subject:
            state.hear(order.fact, order.attempt, state.own)
        elif bulk is not None and order.subject == bulk.subject:
            state.hear(order.fact, order.attempt, state.bulk)
    for fact in said.facts:
        subjects = whom[fact.fact_id] or {}
        if subject in subjects:
            state.hear(fact, subjects[subject], state.own)
        # A reference may mean a card and its bulk, in different attempts: then it is heard twice.
        if bulk is not None and bulk.moves(fact, subjects, announcement.card.serial_number):
            state.hear_of_bulk(fact, subjects[bulk.subject])
    return state.end()


def _effective(fact: Fact) -> int:
    """A day counts as its first instant, but an outcome that closes it comes at its end."""
    closes = fact.status in (Status.RETURNED, Status.LOST)
    return fact.stated + DAY - 1 if closes and fact.precision is Precision.DAY else fact.stated
