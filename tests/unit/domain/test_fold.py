"""The clauses of folding one by one: given what was told, when facts come, then this is told."""

from typing import Any

import pytest

from builders import announcement, fact, hour, order, order_no
from card_fulfillment.domain.claims import Entry, Scope, entry
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Attribute
from card_fulfillment.domain.fold import fold
from card_fulfillment.domain.journey import ChangeKind, FactOutcome, Folded, Journey
from card_fulfillment.domain.status import Reason, Status

_NUMBER = Attribute.TRACKING_NUMBER


def _said(
    status: Status | None,
    at: float,
    attempt: int = 1,
    *,
    scope: Scope = Scope.OWN,
    **more: Any,  # noqa: ANN401 - any other field of a fact
) -> Entry:
    return entry(fact(status, at, order_no("o"), **more), attempt, scope)


def _created() -> Entry:
    return entry(announcement("c1").fact, 1)


def _given(*entries: Entry) -> Journey:
    """Created at 0, ordered at 1, and then these, one after the other."""
    journey = fold(Journey(), [_created(), entry(order("c1").fact, 1)]).journey
    for each in entries:
        journey = fold(journey, [each]).journey
    return journey


def _told(folded: Folded) -> list[tuple[ChangeKind, Status]]:
    return [(change.kind, change.status) for change in folded.changes]


def test_a_whole_journey_in_one_batch_is_told_step_by_step() -> None:
    statuses = (Status.SHIPPED, Status.ACCEPTED, Status.DELIVERED, Status.IN_TRANSIT)
    facts = [_said(s, 10 + n) for n, s in enumerate(statuses)]

    folded = fold(
        Journey(), [*facts, entry(order("c1").fact, 1), entry(announcement("c1").fact, 1)]
    )

    way = ["created", "ordered", "accepted", "shipped", "in_transit", "delivered"]
    assert _told(folded) == [(ChangeKind.PROGRESS, Status(s)) for s in way]


def test_a_fact_of_an_earlier_phase_is_history_only_whatever_its_time() -> None:
    journey = _given(_said(Status.SHIPPED, 10))

    folded = fold(journey, [late := _said(Status.IN_PRODUCTION, 20)])

    assert folded.changes == []
    assert folded.outcomes == {late.fact.fact_id: FactOutcome.LATE}
    assert folded.journey == journey


def test_a_return_scan_cannot_pull_a_returning_card_back_into_transit() -> None:
    journey = _given(_said(Status.RETURNING, 10))

    assert fold(journey, [_said(Status.IN_TRANSIT, 20)]).changes == []


def test_inside_a_phase_time_decides_so_loops_are_told() -> None:
    journey = _given(_said(Status.IN_TRANSIT, 10))

    loop = [_said(Status.DELIVERY_EXCEPTION, 11), _said(Status.IN_TRANSIT, 12)]
    folded = fold(journey, loop)

    assert _told(folded) == [
        (ChangeKind.PROGRESS, Status.DELIVERY_EXCEPTION),
        (ChangeKind.REGRESSION, Status.IN_TRANSIT),
    ]


def test_the_older_of_two_scans_is_late() -> None:
    journey = _given(_said(Status.OUT_FOR_DELIVERY, 12))

    assert fold(journey, [_said(Status.IN_TRANSIT, 11)]).changes == []


def test_shipped_after_cancelled_wins() -> None:
    journey = _given(_said(Status.CANCELLED, 10))

    assert _told(fold(journey, [_said(Status.SHIPPED, 9)])) == [
        (ChangeKind.PROGRESS, Status.SHIPPED)
    ]


def test_a_higher_attempt_is_a_reissue_and_beats_all_of_the_lower() -> None:
    journey = _given(_said(Status.RETURNED, 50))

    folded = fold(journey, [entry(order("c1", 2, attempt=2).fact, 2)])
    late = fold(folded.journey, [_said(Status.DELIVERED, 90)])

    assert _told(folded) == [(ChangeKind.REISSUE, Status.ORDERED)]
    assert folded.changes[0].attempt == 2
    assert late.changes == []


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.RETURNED, Status.LOST])
def test_what_leaves_an_outcome_corrects_the_version_that_told_it(status: Status) -> None:
    journey = _given(_said(status, 10))

    change = fold(journey, [_said(Status.DELIVERY_FAILED, 40)]).changes[0]

    assert change.kind is ChangeKind.CORRECTION
    assert change.supersedes == 3
    assert change.previous is status


def test_an_update_between_does_not_change_which_version_is_corrected() -> None:
    journey = _given(
        _said(Status.DELIVERED, 10), _said(Status.DELIVERED, 11, reason=Reason.DAMAGED)
    )

    change = fold(journey, [_said(Status.RETURNING, 12)]).changes[0]

    assert (change.kind, change.version, change.supersedes) == (ChangeKind.CORRECTION, 5, 3)


def test_only_a_status_of_a_fact_that_was_about_another_is_a_correction() -> None:
    new, moved = _said(Status.SHIPPED, 10), _said(Status.IN_TRANSIT, 11)

    folded = fold(_given(_said(Status.ORDERED, 1)), [new, moved], moved={moved.fact.fact_id})

    assert [kind for kind, _ in _told(folded)] == [ChangeKind.PROGRESS, ChangeKind.CORRECTION]


def test_the_same_status_again_is_unchanged() -> None:
    journey = _given(_said(Status.SHIPPED, 10))

    folded = fold(journey, [again := _said(Status.SHIPPED, 11)])

    assert folded.changes == []
    assert folded.outcomes == {again.fact.fact_id: FactOutcome.UNCHANGED}


def test_another_reason_alone_is_an_update_that_can_be_switched_off() -> None:
    journey = _given(_said(Status.RETURNED, 10))
    damaged = [_said(Status.RETURNED, 11, reason=Reason.DAMAGED)]

    assert _told(fold(journey, damaged)) == [(ChangeKind.UPDATE, Status.RETURNED)]
    assert fold(journey, damaged, updates=False).changes == []


def test_a_tracking_number_alone_is_one_update_with_the_last_of_them() -> None:
    journey = _given(_said(Status.PRODUCED, 10))

    numbers = [_said(None, 10 + n, attributes={_NUMBER: f"N{n}"}) for n in range(3)]
    folded = fold(journey, numbers)

    assert _told(folded) == [(ChangeKind.UPDATE, Status.PRODUCED)]
    assert folded.changes[0].attributes == {_NUMBER: "N2"}
    assert set(folded.outcomes.values()) == {FactOutcome.ENRICHMENT}


def test_what_comes_with_a_status_change_is_told_with_it() -> None:
    journey = _given(_said(Status.PRODUCED, 10))

    folded = fold(journey, [_said(None, 30, attributes={_NUMBER: "N"}), _said(Status.SHIPPED, 20)])

    assert _told(folded) == [(ChangeKind.PROGRESS, Status.SHIPPED)]
    assert folded.changes[0].attributes == {_NUMBER: "N"}


def test_other_attributes_are_stored_and_shown_later() -> None:
    journey = _given(_said(Status.SHIPPED, 10))

    folded = fold(journey, [_said(None, 11, attributes={Attribute.CARRIER: "swift"})])
    then = fold(folded.journey, [_said(Status.IN_TRANSIT, 12)])

    assert folded.changes == []
    assert then.changes[0].attributes == {Attribute.CARRIER: "swift"}


def test_an_attribute_is_that_of_its_last_writer_not_of_the_last_to_come() -> None:
    journey = _given(_said(Status.SHIPPED, 10, attributes={_NUMBER: "new"}))

    assert fold(journey, [_said(None, 9, attributes={_NUMBER: "old"})]).changes == []


def test_attributes_are_shown_only_while_their_attempt_is_the_cards() -> None:
    journey = _given(_said(Status.LOST, 10, attributes={_NUMBER: "first"}))

    again = fold(journey, [entry(order("c1", 20, attempt=2).fact, 2)])

    assert again.changes[0].attributes == {}


def test_an_enrichment_of_a_higher_attempt_is_not_shown_before_that_attempt_begins() -> None:
    journey = _given(_said(Status.SHIPPED, 10))

    early = fold(journey, [_said(None, 20, 2, attributes={_NUMBER: "second"})])
    begun = fold(early.journey, [_said(Status.SHIPPED, 21, 2)])

    assert early.changes == []
    assert begun.changes[0].attributes == {_NUMBER: "second"}


def test_an_untracked_shipment_is_final_and_one_found_to_be_tracked_no_more() -> None:
    untracked = {Attribute.TRACKED: False}
    journey = _given(_said(Status.SHIPPED, 10, attributes=untracked))
    assert journey.published is not None
    assert journey.published.final

    folded = fold(journey, [_said(None, 11, attributes={Attribute.TRACKED: True})])

    assert _told(folded) == [(ChangeKind.UPDATE, Status.SHIPPED)]
    assert (folded.changes[0].final, folded.changes[0].tracked) == (False, True)


@pytest.mark.parametrize(
    ("status", "told"), [(Status.RETURNED, Status.RETURNED), (Status.DELIVERED, Status.RETURNING)]
)
def test_a_day_begins_with_its_first_instant_but_ends_with_returned_or_lost(
    status: Status, told: Status
) -> None:
    day, noon = _said(status, 24, precision=Precision.DAY), _said(Status.RETURNING, 36)

    published = fold(_given(), [day, noon]).journey.published

    assert published is not None
    assert published.status is told


def test_of_two_statuses_of_one_instant_the_greater_rank_stands() -> None:
    both = [_said(Status.DELIVERED, 10), _said(Status.RETURNED, 10)]

    assert [s for _, s in _told(fold(_given(), both))] == [Status.DELIVERED, Status.RETURNED]


def test_a_change_tells_the_time_the_vendor_and_the_record_of_its_fact() -> None:
    shipped = _said(Status.SHIPPED, 10, received=12, code="S1", text="gone")

    change = fold(_given(), [shipped]).changes[0]

    assert change.detail.occurred_at == hour(10)
    assert change.detail.received_at == hour(12)
    detail = change.detail
    assert (detail.vendor, detail.code, detail.text) == ("alpha", "S1", "gone")
    assert change.cause == shipped.fact.cause


# A card of a bulk


def test_what_is_said_of_the_bulk_moves_its_card() -> None:
    folded = fold(_given(), [_said(Status.SHIPPED, 10, scope=Scope.BULK)])

    assert _told(folded) == [(ChangeKind.PROGRESS, Status.SHIPPED)]


@pytest.mark.parametrize("status", [Status.REJECTED, Status.CANCELLED])
@pytest.mark.parametrize("scope", [Scope.OWN, Scope.RANGE])
def test_a_card_stopped_by_name_or_by_range_stays_so_when_its_bulk_ships(
    status: Status, scope: Scope
) -> None:
    journey = _given(_said(status, 10, scope=scope))

    assert fold(journey, [_said(Status.SHIPPED, 20, scope=Scope.BULK)]).changes == []


def test_a_card_stopped_after_its_bulk_was_shipped_falls_back() -> None:
    journey = _given(_said(Status.SHIPPED, 20, scope=Scope.BULK))

    folded = fold(journey, [_said(Status.REJECTED, 10)])

    assert _told(folded) == [(ChangeKind.REGRESSION, Status.REJECTED)]


@pytest.mark.parametrize("scope", [Scope.OWN, Scope.RANGE])
def test_what_lifts_a_rejection_uncovers_what_the_bulk_came_to(scope: Scope) -> None:
    journey = _given(
        _said(Status.REJECTED, 10, scope=scope), _said(Status.SHIPPED, 20, scope=Scope.BULK)
    )

    folded = fold(journey, [lifts := _said(Status.IN_PRODUCTION, 11, scope=scope)])

    assert _told(folded) == [(ChangeKind.PROGRESS, Status.SHIPPED)]
    assert folded.changes[0].cause == lifts.fact.cause
    assert folded.outcomes == {lifts.fact.fact_id: FactOutcome.PUBLISHED}


def test_a_rejection_counts_in_its_attempt_only() -> None:
    journey = _given(_said(Status.REJECTED, 10))

    folded = fold(journey, [_said(Status.SHIPPED, 20, 2, scope=Scope.BULK)])

    assert _told(folded) == [(ChangeKind.REISSUE, Status.SHIPPED)]
