"""What must hold of every bulk issuance whenever no transaction is under way (see snapshot)."""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from card_fulfillment.domain.bulk import Bulk, Member, RollUp, roll_up
from card_fulfillment.domain.journey import ChangeKind
from card_fulfillment.domain.naming import SubjectKind
from card_fulfillment.domain.status import STANDING, Status
from card_fulfillment.pipeline.view import CardState

# What is told at once when it changes; a change of counts alone may wait for the next tick.
_NOTABLE: Final = ("attempt", "final", "is_partial", "exceptions", "parcels", "discrepancies")
_WAITS: Final = ("counts", "total", "announced")


def check_bulks(
    bulks: Mapping[str, Bulk],
    cards: Mapping[str, CardState],
    journeys: Mapping[str, list[dict[str, Any]]],
) -> None:
    assert journeys.keys() <= bulks.keys()
    for bulk_id, bulk in bulks.items():
        members = [s for s in cards.values() if _is_member(s, bulk_id)]
        _check_numbers(bulk, members)
        _check_journey(bulk_id, bulk, members, journeys.get(bulk_id, []))


def _is_member(state: CardState, bulk_id: str) -> bool:
    return state.identity is not None and state.identity.bulk_issuance_id == bulk_id


def _check_numbers(bulk: Bulk, members: list[CardState]) -> None:
    """Counts are of the members as they are published, and nobody folded what is not said yet."""
    published = [state.journey.published for state in members]
    counts = Counter(Member(told.status, told.attempt) for told in published if told)
    assert dict(bulk.counts) == dict(counts)
    assert bulk.announced == len(members)
    assert (bulk.common is None) == (not members)
    assert all(state.folded <= bulk.last_number for state in members)
    assert bulk.reset_number <= bulk.last_number
    assert bulk.spread_number <= bulk.last_number


def _check_journey(
    bulk_id: str, bulk: Bulk, members: list[CardState], events: list[dict[str, Any]]
) -> None:
    assert [event["version"] for event in events] == list(range(1, bulk.version + 1))
    if not members:
        assert not events, "published before a card of it was announced"
        return
    _check_first(events[0])
    for event in events:
        assert event["subject"] == SubjectKind.BULK_ISSUANCE
        assert event["bulk_issuance_id"] == bulk_id
        assert sum(event["counts"].values()) == event["announced"]
    for before, event in pairwise(events):
        _check_step(before, event)
    assert bulk.told is not None
    _check_event(events[-1], bulk.told)
    now = roll_up(bulk)
    assert _noted(now) == _noted(bulk.told), "what is told at once was not"
    assert bulk.dirty == (now != bulk.told)
    if not bulk.dirty:
        assert [p["serials"] for p in events[-1]["parcels"]] == _serials(bulk)


def _noted(now: RollUp) -> list[Any]:
    return [now.status, *(getattr(now, name) for name in _NOTABLE)]


def _serials(bulk: Bulk) -> list[Any]:
    """What is in each parcel, as events put it."""
    boxes = [parcel for _, parcel in sorted(bulk.said.parcels.items()) if parcel.named]
    return [None if b.serials is None else [list(r) for r in b.serials] for b in boxes]


def _check_first(event: dict[str, Any]) -> None:
    assert event["fulfillment_status"] == Status.CREATED
    assert event["previous_fulfillment_status"] is None
    assert event["change"] == ChangeKind.PROGRESS
    assert event["attempt"] == 1
    assert event["counts"] == {Status.CREATED: event["announced"]}


def _check_step(before: dict[str, Any], event: dict[str, Any]) -> None:
    """Of two versions one after the other the second says something else, and of which kind."""
    said = ("fulfillment_status", *_NOTABLE, *_WAITS)
    renumbered = _number(event) != _number(before)
    assert renumbered or any(event[name] != before[name] for name in said), "the same twice"
    assert event["previous_fulfillment_status"] == before["fulfillment_status"]
    assert event["announced"] >= before["announced"]
    assert event["supersedes"] is None
    was, now = (STANDING[Status(e["fulfillment_status"])] for e in (before, event))
    kind = event["change"]
    if event["attempt"] > before["attempt"]:
        assert kind == ChangeKind.REISSUE
    elif was == now:
        assert kind == ChangeKind.UPDATE
    else:
        assert kind == (ChangeKind.PROGRESS if now > was else ChangeKind.REGRESSION)


def _number(event: dict[str, Any]) -> object:
    return event["shipment"]["tracking_number"]


def _check_event(event: dict[str, Any], told: RollUp) -> None:
    """The last event is what is stored of what was told."""
    assert event["fulfillment_status"] == told.status
    for name in ("attempt", "total", "announced", "final", "is_partial", "exceptions"):
        assert event[name] == getattr(told, name)
    assert event["counts"] == {status.value: n for status, n in told.counts.items()}
    parcels = [(p["vendor"], p["reference"], p["status"]) for p in event["parcels"]]
    assert parcels == [(r.vendor, r.value, s) for r, s in told.parcels.items()]
    assert [found["name"] for found in event["discrepancies"]] == [
        found.name for found in told.discrepancies
    ]


def is_quiet(bulks: Mapping[str, Bulk], cards: Mapping[str, CardState]) -> bool:
    """Whether all that was said has reached the members, and subscribers know."""
    return not any(
        bulk.dirty or bulk.spread_number < bulk.last_number for bulk in bulks.values()
    ) and all(_is_abreast(state, bulks) for state in cards.values())


def _is_abreast(state: CardState, bulks: Mapping[str, Bulk]) -> bool:
    """Members that nothing concerns need not be touched; those that a reset concerns must be."""
    bulk_id = state.identity.bulk_issuance_id if state.identity else None
    return bulk_id is None or state.folded >= bulks[bulk_id].reset_number
