"""The table of statuses: complete, in order, and what follows from a status."""

from itertools import pairwise, product

import pytest

from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.status import (
    BY_RANK,
    CORRECTABLE,
    ENDS_THE_DAY,
    STANDING,
    STOPPED,
    Action,
    Phase,
    Reason,
    Status,
    is_final,
    recommended_action,
)

_BY_PHASE = {
    Phase.CREATED: ["created"],
    Phase.ORDERED: ["ordered"],
    Phase.PRODUCTION: [
        "accepted",
        "in_production",
        "produced",
        "production_failed",
        "rejected",
        "cancelled",
    ],
    Phase.TRANSIT: [
        "shipped",
        "in_transit",
        "delivery_exception",
        "available_for_pickup",
        "out_for_delivery",
    ],
    Phase.OUTCOME: ["delivered", "returning", "delivery_failed", "returned", "lost"],
}
_FINAL = {"delivered", "returned", "lost", "delivery_failed", "rejected", "cancelled"}


def test_every_status_has_a_phase_and_a_rank_of_its_own() -> None:
    assert set(STANDING) == set(Status)
    assert {standing.rank: status for status, standing in STANDING.items()} == BY_RANK
    assert len(BY_RANK) == len(Status) == 18


def test_the_phases_hold_the_statuses_in_their_order() -> None:
    told = {p: [s.value for s in Status if STANDING[s].phase is p] for p in Phase}
    assert told == _BY_PHASE
    assert all(STANDING[one] < STANDING[next_] for one, next_ in pairwise(Status))
    assert all(STANDING[one].rank < STANDING[next_].rank for one, next_ in pairwise(Status))


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("tracked", [True, False, None])
def test_outcomes_and_refusals_are_final_and_so_is_an_untracked_shipment(
    status: Status, *, tracked: bool | None
) -> None:
    expected = status.value in _FINAL or (status is Status.SHIPPED and tracked is False)
    assert is_final(status, tracked=tracked) is expected


def test_every_status_and_reason_recommends_one_action() -> None:
    found = {recommended_action(*each) for each in product(Status, (None, *Reason))}
    assert found == set(Action)


@pytest.mark.parametrize(
    "status", [s for s in Status if STANDING[s].phase < Phase.PRODUCTION] + [Status.DELIVERED]
)
def test_nothing_is_to_be_done_while_all_goes_well(status: Status) -> None:
    assert recommended_action(status, None) is Action.NONE


@pytest.mark.parametrize(
    ("status", "reason", "action"),
    [
        (Status.RETURNED, None, Action.REISSUE),
        (Status.RETURNED, Reason.BAD_ADDRESS, Action.FIX_ADDRESS_AND_REISSUE),
        (Status.RETURNED, Reason.UNCLAIMED, Action.REISSUE),
        (Status.LOST, None, Action.BLOCK_CARD),
        (Status.REJECTED, Reason.DATA_INVALID, Action.FIX_DATA),
        (Status.AVAILABLE_FOR_PICKUP, Reason.RECIPIENT_ABSENT, Action.COLLECT),
        (Status.DELIVERED, Reason.DAMAGED, Action.REISSUE),
        (Status.DELIVERED, Reason.LEFT_WITH_NEIGHBOUR, Action.NONE),
        (Status.DELIVERY_EXCEPTION, Reason.LOST, Action.CONTACT_CARRIER),
        (Status.DELIVERY_EXCEPTION, Reason.DESTROYED, Action.CONTACT_CARRIER),
        (Status.REJECTED, Reason.OUT_OF_STOCK, Action.REISSUE),
        (Status.REJECTED, Reason.CANCELLED_BY_ISSUER, Action.NONE),
    ],
)
def test_a_reason_changes_what_is_recommended_only_where_it_matters(
    status: Status, reason: Reason | None, action: Action
) -> None:
    assert recommended_action(status, reason) is action


def test_the_special_statuses_are_those_of_the_rules() -> None:
    assert {Status.REJECTED, Status.CANCELLED} == STOPPED
    assert {Status.DELIVERED, Status.RETURNED, Status.LOST} == CORRECTABLE
    assert {Status.RETURNED, Status.LOST} == ENDS_THE_DAY


def test_precisions_are_those_of_the_contract() -> None:
    assert [p.value for p in Precision] == ["second", "day", "zone_assumed", "unknown"]
