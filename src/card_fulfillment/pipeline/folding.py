"""Folding what cards and bulk issuances gain into what is stored of them and what is published."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from card_fulfillment.domain.claims import Entry, entry
from card_fulfillment.domain.facts import CardIdentity, Cause
from card_fulfillment.domain.fold import fold, refold
from card_fulfillment.domain.journey import Folded
from card_fulfillment.domain.naming import Subject, SubjectKind, bulk_issuance, card
from card_fulfillment.pipeline.admission import Admission
from card_fulfillment.pipeline.bulks import NOTHING_ANNOUNCED, Announced, Turn, turn_of
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.filing import Filed
from card_fulfillment.pipeline.placement import Gain, Placement
from card_fulfillment.pipeline.publishing import Publishing
from card_fulfillment.pipeline.view import NOWHERE, CardState, Place, View

AnnouncedBulks = Mapping[str, Announced]

_NO_GAIN: Final = Gain([], None)
# What the transaction says itself has no number among the stored ones, and is folded after them.
_NOW: Final = -1


@dataclass
class Folding:
    """One transaction's folding.

    identities: of all cards that are announced, by this batch too.
    """

    effects: Effects
    view: View
    placement: Placement
    identities: dict[str, CardIdentity]
    publishing: Publishing
    now: int

    def fold(
        self, announced: AnnouncedBulks, lagging: Collection[str] = (), *, tick: bool = False
    ) -> None:
        """Fold all that cards and bulks gain; `lagging` members are folded though they gain none.

        tick: publish counts of the bulks, too.
        """
        gains = self.placement.gains()
        cards = {s: gain for s, gain in gains.items() if s.kind is SubjectKind.CARD}
        cards |= {s: _NO_GAIN for s in map(card, lagging) if s not in cards}
        turns = {
            bulk_id: turn_of(
                bulk_id,
                self.view,
                self.placement,
                gains.get(bulk_issuance(bulk_id)),
                announced.get(bulk_id, NOTHING_ANNOUNCED),
            )
            for bulk_id in sorted({*announced, *_bulks_of(gains), *self._bulks_of_members(cards)})
        }
        for subject, gain in cards.items():
            identity = self.identities.get(subject.id)
            if identity is not None:  # else it waits for its announcement
                turn = turns.get(identity.bulk_issuance_id or "")
                self._fold_card(subject, identity, gain, turn)
        for each in turns.values():
            self._tell_bulk(each, tick=tick)

    def _bulks_of_members(self, cards: Iterable[Subject]) -> Iterable[str]:
        identities = [self.identities.get(s.id) for s in cards]
        return {i.bulk_issuance_id for i in identities if i and i.bulk_issuance_id is not None}

    def _fold_card(
        self, subject: Subject, identity: CardIdentity, gain: Gain, turn: Turn | None
    ) -> None:
        state = self.view.cards.get(identity.card_id) or CardState()
        folded = self._folded(subject, identity.serial_number, state, gain, turn)
        number = turn.number if turn else 0
        self.effects.cards[identity.card_id] = CardState(identity, folded.journey, number)
        if turn:
            turn.count(state.journey, folded.journey, folded.changes)
        for change in folded.changes:
            outgoing = self.publishing.encoder.card(identity, change, self.now)
            self.effects.changes.append(self.publishing.change(outgoing, subject, change.version))
        for fact_id, outcome in folded.outcomes.items():
            places = self.placement.places.get(fact_id, NOWHERE)
            place = places.get(subject)
            if place is not None:
                places[subject] = Place(place.attempt, outcome, side=place.side)

    def _folded(
        self, subject: Subject, serial: int | None, state: CardState, gain: Gain, turn: Turn | None
    ) -> Folded:
        updates, moved = self.publishing.updates, self.placement.moved
        if self.placement.is_announced(subject):
            said = turn.sayings.all_of(serial) if turn else []
            waited = self._entries(subject, touch=True)
            return fold(state.journey, [*waited, *gain.entries, *said], updates=updates)
        cause = gain.lost or (_reset(turn, state) if turn else None)
        if cause is not None:
            kept, new = _split(turn, serial)
            kept += self._entries(subject)
            gained = [*gain.entries, *new]
            return refold(state.journey, kept, gained, cause, updates=updates, moved=moved)
        if turn is None or state.folded == turn.number:
            return fold(state.journey, gain.entries, updates=updates, moved=moved)
        groups = turn.sayings.groups(serial, state.folded)
        latest = groups.pop(turn.number, []) if turn.news else []
        groups[_NOW] = [*gain.entries, *latest]
        return fold(state.journey, *groups.values(), updates=updates, moved=moved)

    def _entries(self, subject: Subject, *, touch: bool = False) -> list[Entry]:
        """What the card had and keeps. touch: what it was to the card is to be written anew."""
        kept: list[Entry] = []
        for stored in self.placement.kept(subject):
            if touch:
                self.placement.touch(stored)
            place = stored.places[subject]
            kept.append(entry(stored.fact, place.attempt, side=place.side))
        return kept

    def _tell_bulk(self, each: Turn, *, tick: bool) -> None:
        bulk, changes = each.told(tick=tick)
        self.effects.bulks[each.bulk_id] = bulk
        self.effects.parcels |= {(each.bulk_id, r): parcel for r, parcel in each.parcels()}
        subject = bulk_issuance(each.bulk_id)
        for change in changes:
            outgoing = self.publishing.encoder.bulk(each.bulk_id, bulk, change, self.now)
            self.effects.changes.append(self.publishing.change(outgoing, subject, change.version))


def announced_bulks(admission: Admission, filed: Mapping[str, Filed]) -> AnnouncedBulks:
    """What a batch announces and orders of bulks, and what files say of them, by bulk."""
    by_bulk: defaultdict[str, Announced] = defaultdict(lambda: Announced([], [], []))
    for announcement in admission.announcements:
        if announcement.card.bulk_issuance_id is not None:
            by_bulk[announcement.card.bulk_issuance_id].announcements.append(announcement)
    for bulk_id, size in _sizes(admission):
        by_bulk[bulk_id].sizes.append(size)
    for again in admission.repeated:
        known, named = again.card.bulk_issuance_id, again.number_of_cards
        if known is not None and named is not None:
            by_bulk[known].repeated.append((named, again.fact.cause))
    for bulk_id, of_files in filed.items():
        by_bulk[bulk_id] = by_bulk[bulk_id]._replace(filed=of_files)
    return by_bulk


def _sizes(admission: Admission) -> Iterable[tuple[str, int]]:
    for announcement in (*admission.announcements, *admission.repeated):
        bulk_id, size = announcement.card.bulk_issuance_id, announcement.number_of_cards
        if bulk_id is not None and size is not None:
            yield bulk_id, size
    for order in admission.orders:
        if order.subject.kind is SubjectKind.BULK_ISSUANCE and order.number_of_cards is not None:
            yield order.subject.id, order.number_of_cards


def _bulks_of(gains: Iterable[Subject]) -> Iterable[str]:
    return (s.id for s in gains if s.kind is SubjectKind.BULK_ISSUANCE)


def _reset(turn: Turn, state: CardState) -> Cause | None:
    """Of what took facts away from the bulk since the member was folded last."""
    bulk = turn.bulk
    if state.folded >= bulk.reset_number or bulk.because is None:
        return None
    return bulk.reset_by or bulk.because.cause  # rows of before do not say


def _split(turn: Turn | None, serial: int | None) -> tuple[list[Entry], list[Entry]]:
    """What was said of its bulk before this transaction, and what is said in it."""
    if turn is None:
        return [], []
    groups = turn.sayings.groups(serial, -1)
    new = groups.pop(turn.number, []) if turn.news else []
    return [each for group in groups.values() for each in group], new
