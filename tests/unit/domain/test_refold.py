"""Folding a card anew that lost facts: what is told then, and as what."""

from builders import altered, announcement, fact, order, order_no
from card_fulfillment.domain.claims import Entry, entry
from card_fulfillment.domain.facts import Attribute, Cause
from card_fulfillment.domain.fold import fold, refold
from card_fulfillment.domain.journey import ChangeKind, Journey
from card_fulfillment.domain.status import Status

_CREATED = entry(announcement("c1").fact, 1)
_ORDERED = entry(order("c1").fact, 1)


def _said(status: Status, at: float) -> Entry:
    return entry(fact(status, at, order_no("o")), 1)


def test_what_is_told_after_a_status_that_stands_no_more_is_a_correction() -> None:
    lost, gained = _said(Status.SHIPPED, 10), _said(Status.PRODUCED, 9)
    journey = fold(Journey(), [_CREATED, _ORDERED, lost]).journey

    (change,) = refold(journey, [_CREATED, _ORDERED], [gained], lost.fact.cause).changes

    assert (change.kind, change.status) == (ChangeKind.CORRECTION, Status.PRODUCED)
    assert change.supersedes == 3


def test_what_is_told_after_a_status_that_still_stands_is_of_its_own_kind() -> None:
    lost, shipped = _said(Status.PRODUCED, 9), _said(Status.SHIPPED, 10)
    journey = fold(Journey(), [_CREATED, _ORDERED, lost, shipped]).journey
    kept, gained = [_CREATED, _ORDERED, shipped], [_said(Status.IN_TRANSIT, 11)]

    (change,) = refold(journey, kept, gained, lost.fact.cause).changes

    assert (change.kind, change.status) == (ChangeKind.PROGRESS, Status.IN_TRANSIT)


def test_a_status_is_taken_back_for_what_took_it_and_a_number_told_for_its_own_record() -> None:
    took, own = Cause("order", "orders", 0, 7), Cause("number", "tracking", 0, 8)
    number = fact(None, 12, order_no("o"), attributes={Attribute.TRACKING_NUMBER: "N"})
    gained = entry(altered(number, cause=own), 1)
    kept = [_CREATED, _ORDERED]
    for lost, causes in ((_said(Status.SHIPPED, 10), [took]), (_said(Status.ORDERED, 0), [own])):
        journey = fold(Journey(), [*kept, lost]).journey

        changes = refold(journey, kept, [gained], took).changes

        assert [(change.status, change.cause) for change in changes] == [
            (Status.ORDERED, cause) for cause in causes
        ]
