"""The end state as a function of the set of statements: what is stored once all was said.

No order of arrival, no batches, nothing kept from before: it is written from the rules alone and
shares with the product only the vocabulary (statements, statuses and their standing), so that a
test that compares the two means something. There is at most one announcement of a card and one
content of an event id: what contradicts is not in the set.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from card_fulfillment.domain.facts import Announcement, AttributeValue, Fact, ParcelRole, Statement
from card_fulfillment.domain.naming import Reference, card
from card_fulfillment.domain.status import Status
from oracle_bulk import BulkEnd, BulkSaid, Member
from oracle_claims import PRODUCTION, Claim, claim_of, claim_of_parcel, effective, winner_of
from oracle_whom import About, Meaning, Said, Whom, whom_all


class ParcelEnd(NamedTuple):
    """A parcel beside the one that brings the card: its greatest fact, and what is known of it."""

    fact_id: bytes | None
    known: Mapping[str, AttributeValue]


class CardEnd(NamedTuple):
    status: Status
    attempt: int
    fact_id: bytes
    shown: Mapping[str, AttributeValue]
    parcels: Mapping[ParcelRole, ParcelEnd]


@dataclass(frozen=True)
class EndState:
    """cards: those announced; bulks: those with such cards.

    whom: of every vendor's fact; none: parked, empty: held.
    """

    cards: Mapping[str, CardEnd]
    bulks: Mapping[str, BulkEnd]
    whom: Mapping[bytes, Whom]
    meanings: Mapping[Reference, Collection[Meaning]]

    @property
    def parked(self) -> set[bytes]:
        return {fact_id for fact_id, subjects in self.whom.items() if subjects is None}

    @property
    def held(self) -> set[bytes]:
        return {fact_id for fact_id, subjects in self.whom.items() if subjects == {}}


def end_state(statements: Iterable[Statement]) -> EndState:
    said = Said(statements)
    whom, meanings = whom_all(said)
    bulks = {b: BulkSaid(b, said, whom) for b in said.bulk_of.values() if b is not None}
    cards = {
        card_id: _card(each, said, whom, bulks.get(each.card.bulk_issuance_id or ""))
        for card_id, each in said.announcements.items()
    }
    members = {
        b: [Member(*cards[card_id][:2]) for card_id, bulk in said.bulk_of.items() if bulk == b]
        for b in bulks
    }
    ends = {b: bulk.end(members[b]) for b, bulk in bulks.items()}
    return EndState(cards, ends, whom, meanings)


_Write = tuple[int, int, bytes, Fact]


class _Card:
    """Everything that bears on one card, sorted by what it is to the card."""

    def __init__(self) -> None:
        self.own: list[Claim] = []
        self.bulk: list[Claim] = []
        self.range_production: list[Claim] = []
        self.writes: defaultdict[ParcelRole, list[_Write]] = defaultdict(list)

    def hear(self, fact: Fact, about: About, claims: list[Claim]) -> Claim | None:
        write = (about.attempt, effective(fact), fact.fact_id, fact)
        self.writes[about.side or fact.parcel_role].append(write)
        claim = claim_of(fact, about)
        if claim is not None:
            claims.append(claim)
        return claim

    def hear_of_bulk(self, fact: Fact, about: About) -> None:
        """A range of one serial is the card by name; production of any other counts twice."""
        if fact.serials is not None and fact.serials[0] == fact.serials[1]:
            self.hear(fact, about, self.own)
            return
        claim = self.hear(fact, about, self.bulk)
        if claim is not None and fact.serials is not None and claim.phase == PRODUCTION:
            self.range_production.append(claim)

    def end(self) -> CardEnd:
        winner = winner_of(self.own, self.bulk, self.range_production)
        last = _last(self.writes.pop(ParcelRole.OUTBOUND, []))
        shown = {n: value for n, (attempt, value) in last.items() if attempt == winner.attempt}
        parcels = {role: _parcel(writes) for role, writes in self.writes.items()}
        return CardEnd(winner.status, winner.attempt, winner.fact_id, shown, parcels)


def _last(writes: Iterable[_Write]) -> dict[str, tuple[int, AttributeValue]]:
    """By attribute what was written last, with its attempt."""
    last: dict[str, tuple[int, AttributeValue]] = {}
    for attempt, _, _, fact in sorted(writes, key=lambda w: w[:3]):
        last |= {name: (attempt, value) for name, value in fact.attributes.items()}
    return last


def _parcel(writes: Iterable[_Write]) -> ParcelEnd:
    claims = [claim_of_parcel(fact, attempt) for attempt, _, _, fact in writes]
    greatest = max((claim for claim in claims if claim), default=None)
    known = {name: value for name, (_, value) in _last(writes).items()}
    return ParcelEnd(greatest.fact_id if greatest else None, known)


def _card(
    announcement: Announcement, said: Said, whom: Mapping[bytes, Whom], bulk: BulkSaid | None
) -> CardEnd:
    state = _Card()
    subject = card(announcement.card.card_id)
    state.hear(announcement.fact, About(1), state.own)
    for order in said.orders:
        if order.subject == subject:
            state.hear(order.fact, About(order.attempt), state.own)
    for order in bulk.orders if bulk else ():
        state.hear(order.fact, About(order.attempt), state.bulk)
    for fact in said.facts:
        subjects = whom[fact.fact_id] or {}
        if subject in subjects:
            state.hear(fact, subjects[subject], state.own)
        # A reference may mean a card and its bulk, in different attempts: then it is heard twice.
        if bulk is not None and bulk.moves(fact, subjects, announcement.card.serial_number):
            state.hear_of_bulk(fact, subjects[bulk.subject])
    return state.end()
