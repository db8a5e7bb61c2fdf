"""All that is stored, for comparing, and what must hold of it after every batch."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import orjson

from builders import DEAD_LETTERS
from card_fulfillment.domain.bindings import Binding
from card_fulfillment.domain.bulk import Bulk
from card_fulfillment.domain.claims import greatest
from card_fulfillment.domain.files import FileName, LineKey, VendorFile
from card_fulfillment.domain.journey import ChangeKind, FactOutcome
from card_fulfillment.domain.naming import Reference, Subject, SubjectKind
from card_fulfillment.pipeline.batch import Partition, RecordClass
from card_fulfillment.pipeline.effects import NewChange
from card_fulfillment.pipeline.view import CardState, Places
from snapshot_bulk import check_bulks


class Position(NamedTuple):
    next_offset: int
    counted: Counter[RecordClass]


class Row(NamedTuple):
    """What is stored of a fact beside the fact."""

    places: Places
    copies: int


@dataclass(frozen=True)
class Snapshot:
    """cards: placeholders included. lanes: changes by (topic, partition), in their order.

    Of the changes the encoded bytes and where they belong; of dead letters the reasons, sorted.
    """

    bulks: Mapping[str, Bulk]
    cards: Mapping[str, CardState]
    bindings: Mapping[Reference, frozenset[Binding]]
    facts: Mapping[bytes, Row]
    waiting: frozenset[tuple[Reference, bytes]]
    lanes: Mapping[tuple[str, int], list[NewChange]]
    positions: Mapping[Partition, Position]
    dead_letters: list[str]
    files: Mapping[FileName, VendorFile]
    lines: frozenset[LineKey]

    def journeys(self, kind: SubjectKind = SubjectKind.CARD) -> dict[str, list[dict[str, Any]]]:
        """By card, or bulk, all that was published of it, decoded, in the order of publication."""
        told: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for changes in self.lanes.values():
            for change in changes:
                if change.subject is not None and change.subject.kind is kind:
                    told[change.subject.id].append(orjson.loads(change.outgoing.value))
        return dict(told)

    def letters(self) -> list[tuple[str | None, dict[str, Any]]]:
        """The dead letters that were published: key and message."""
        return [
            (change.outgoing.key, orjson.loads(change.outgoing.value))
            for (topic, _), changes in self.lanes.items()
            for change in changes
            if topic == DEAD_LETTERS
        ]

    def is_member(self, card_id: str) -> bool:
        identity = self.cards[card_id].identity
        return identity is not None and identity.bulk_issuance_id is not None

    def statuses(self) -> dict[str, list[str]]:
        """By card the statuses published, updates aside."""
        return {
            card_id: [e["fulfillment_status"] for e in events if e["change"] != ChangeKind.UPDATE]
            for card_id, events in self.journeys().items()
        }


def check(snapshot: Snapshot, *, rebound: bool = False) -> None:
    """What must hold whenever no transaction is under way.

    rebound: facts went to others, so that some of what was published is no stored fact's any more.
    """
    journeys = snapshot.journeys()
    for card_id, state in snapshot.cards.items():
        _check_card(state, journeys.get(card_id, []))
    check_bulks(snapshot.bulks, snapshot.cards, snapshot.journeys(SubjectKind.BULK_ISSUANCE))
    _check_outcomes(snapshot, rebound=rebound)
    _check_waiting(snapshot)


def _check_card(state: CardState, events: list[dict[str, Any]]) -> None:
    journey = state.journey
    if state.identity is None:
        assert not events, "published before it was announced"
        return
    assert [e["version"] for e in events] == list(range(1, journey.version + 1))
    assert events[0]["fulfillment_status"] == "created"
    assert events[0]["previous_fulfillment_status"] is None
    for before, event in pairwise(events):
        _check_step(before, event)
    standing = greatest(journey.own, journey.bulk, journey.range_production)
    told = journey.published
    assert standing is not None
    assert told is not None
    last = events[-1]
    assert (last["attempt"], last["fulfillment_status"]) == (told.attempt, told.status)
    assert (standing.key.attempt, standing.key.status) == (told.attempt, told.status)
    assert last["fulfillment_status"] == standing.key.status


def _check_step(before: dict[str, Any], event: dict[str, Any]) -> None:
    same = (before["attempt"], before["fulfillment_status"]) == (
        event["attempt"],
        event["fulfillment_status"],
    )
    assert event["previous_fulfillment_status"] == before["fulfillment_status"]
    assert same == (event["change"] == ChangeKind.UPDATE), "the same twice, or no mere update"
    assert (event["supersedes"] is not None) == (event["change"] == ChangeKind.CORRECTION)


def _check_outcomes(snapshot: Snapshot, *, rebound: bool) -> None:
    """Every stored fact has one outcome for each subject, and they tell what was published."""
    published: Counter[str] = Counter()
    for row in snapshot.facts.values():
        for subject, place in row.places.items():
            parked = place.outcome is FactOutcome.PARKED
            assert parked == _waits_for_announcement(snapshot, subject), "parked or not"
            if subject.kind is SubjectKind.CARD:
                published[subject.id] += place.outcome is FactOutcome.PUBLISHED
    for card_id, statuses in snapshot.statuses().items():
        told = published.pop(card_id, 0)
        more = rebound or snapshot.is_member(card_id)  # a bulk's facts are stored with the bulk
        assert told <= len(statuses) if more else told == len(statuses), "not what was told"
    assert not +published, "a fact is said to be published and is not"


def _waits_for_announcement(snapshot: Snapshot, subject: Subject) -> bool:
    if subject.kind is not SubjectKind.CARD:
        bulk = snapshot.bulks.get(subject.id)
        return bulk is None or bulk.common is None
    state = snapshot.cards.get(subject.id)
    return state is None or state.identity is None


def _check_waiting(snapshot: Snapshot) -> None:
    waiting = {fact_id for _, fact_id in snapshot.waiting}
    parked = {fact_id for fact_id, row in snapshot.facts.items() if not row.places}
    assert parked <= waiting, "parked and waits for nothing"
    assert waiting <= snapshot.facts.keys()
