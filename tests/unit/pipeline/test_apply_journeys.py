"""One attempt, one vendor's topic, key order: any cut and any skew publish the same journeys.

What a fact is found by was bound before it or is bound by the order of its card: a name that a
later fact gives comes too late for what was published meanwhile.
"""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agreement import Telling, assert_agrees
from builders import Sent, announcement, fact, order, order_no, own_id, sent, waybill
from card_fulfillment.domain.claims import entry
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Attribute, Fact
from card_fulfillment.domain.status import Status
from deliveries import cut, interleaved
from stories import CARDS

_STATUSES = (*tuple(Status)[2:], None)


def _told_of(rng: Random, card_id: str, number: int) -> list[list[Sent]]:
    """By topic, in order: the announcement, the order, what the vendor says of one card."""
    reference = order_no(card_id)
    partition = number % 2
    facts = _facts(rng, card_id)
    return [
        [sent(announcement(card_id, rng.choice((0, 5))), topic="announcements")],
        [sent(order(card_id, 1, reference), topic="orders", partition=partition)],
        [sent(f, topic="tracking", partition=partition) for f in facts],
    ]


def _facts(rng: Random, card_id: str) -> Sequence[Fact]:
    """In key order; after the fact that names the waybill some are found by it alone."""
    found_by = [order_no(card_id), own_id("alpha", card_id)]
    facts = [
        fact(
            rng.choice(_STATUSES),
            rng.choice((-70, 2, 3, 5, 8, 30, 50, 80, 90)),
            rng.choice(found_by),
            precision=rng.choice((Precision.SECOND, Precision.DAY, Precision.ZONE_ASSUMED)),
            attributes={Attribute.TRACKING_NUMBER: rng.choice("NM")} if rng.random() < 0.2 else {},
        )
        for _ in range(rng.randint(0, 8))
    ]
    named = fact(Status.SHIPPED, 3, order_no(card_id), names=[waybill(card_id)])
    scans = [
        fact(rng.choice(_SCANS), rng.choice((4, 5, 8, 30)), waybill(card_id))
        for _ in range(rng.randint(0, 3))
    ]
    return sorted([*facts, named, *scans], key=lambda f: entry(f, 1).order)


_SCANS = (Status.IN_TRANSIT, Status.DELIVERY_EXCEPTION, Status.DELIVERED, Status.RETURNED)


@given(st.randoms())
def test_the_published_journey_is_the_same_for_any_cut_and_any_skew(rng: Random) -> None:
    cards = CARDS[: rng.randint(1, 3)]
    queues = [queue for n, card_id in enumerate(cards) for queue in _told_of(rng, card_id, n)]

    journeys = []
    for _ in range(3):
        telling = Telling()
        for batch in cut(rng, interleaved(rng, queues)):
            telling.take(batch)
        assert_agrees(telling.snapshot(), telling.witness.told)
        journeys.append(telling.snapshot().statuses())

    whole = Telling()
    whole.take([record for queue in queues for record in queue])
    assert journeys == [whole.snapshot().statuses()] * 3


@pytest.mark.parametrize("cut_after", [1, 2, 3, 4])
def test_a_parked_fact_is_told_before_the_newer_one_that_comes_with_what_unlocks_it(
    cut_after: int,
) -> None:
    reference = order_no("o1")
    records = [
        sent(fact(Status.ACCEPTED, 2, reference), topic="tracking"),
        sent(announcement("c1"), topic="announcements"),
        sent(order("c1", 1, reference), topic="orders"),
        sent(fact(Status.IN_PRODUCTION, 3, reference), topic="tracking"),
    ]

    telling = Telling()
    for batch in (records[:cut_after], records[cut_after:]):
        telling.take(batch)

    assert telling.snapshot().statuses() == {
        "c1": ["created", "ordered", "accepted", "in_production"]
    }


def test_what_comes_before_the_announcement_waits_and_its_bindings_work_at_once() -> None:
    telling = Telling()
    telling.take([sent(order("c1", 1, order_no("o1")))])
    telling.take([sent(fact(Status.SHIPPED, 5, order_no("o1"), names=[waybill("w")]))])
    telling.take([sent(fact(Status.DELIVERED, 9, waybill("w")))])
    assert telling.snapshot().journeys() == {}

    telling.take([sent(announcement("c1"))])

    assert telling.snapshot().statuses() == {"c1": ["created", "ordered", "shipped", "delivered"]}


def test_a_chain_of_names_is_unlocked_in_one_batch() -> None:
    telling = Telling()
    telling.take([sent(announcement("c1"))])
    telling.take([sent(fact(Status.DELIVERED, 9, waybill("w")))])
    telling.take([sent(fact(Status.SHIPPED, 5, order_no("o1"), names=[waybill("w")]))])

    telling.take([sent(order("c1", 1, order_no("o1")))])

    assert telling.snapshot().statuses() == {"c1": ["created", "ordered", "shipped", "delivered"]}


def test_one_letter_of_two_cards_moves_both() -> None:
    telling = Telling()
    letter = order_no("letter")
    telling.take([sent(announcement(c), order(c, 1, letter)) for c in ("c1", "c2")])

    telling.take([sent(fact(Status.SHIPPED, 5, letter))])

    assert telling.snapshot().statuses() == {
        c: ["created", "ordered", "shipped"] for c in CARDS[:2]
    }


def test_a_reorder_is_told_as_a_reissue_and_its_own_references_find_its_attempt() -> None:
    telling = Telling()
    telling.take([sent(announcement("c1"), order("c1", 1, order_no("first")))])
    telling.take([sent(fact(Status.RETURNED, 90, order_no("first")))])

    telling.take([sent(order("c1", 100, order_no("second"), attempt=2))])
    telling.take([sent(fact(Status.SHIPPED, 120, order_no("second")))])
    telling.take([sent(fact(Status.LOST, 130, order_no("first")))])

    events = telling.snapshot().journeys()["c1"]
    assert [(e["fulfillment_status"], e["attempt"], e["change"]) for e in events] == [
        ("created", 1, "progress"),
        ("ordered", 1, "progress"),
        ("returned", 1, "progress"),
        ("ordered", 2, "reissue"),
        ("shipped", 2, "progress"),
    ]


def test_a_vendor_moves_nothing_that_no_binding_of_it_names() -> None:
    telling = Telling()
    telling.take([sent(announcement("c1"), order("c1", 1, order_no("o1")))])

    telling.take([sent(fact(Status.SHIPPED, 5, order_no("o1", "beta"), own_id("beta", "c1")))])

    assert telling.snapshot().statuses() == {"c1": ["created", "ordered"]}
