"""One attempt, one vendor's topic, key order: any cut, skew and pace publish the same journeys."""

from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from agreement import Telling, assert_agrees, fan_out
from builders import Sent, announcement, box_no, fact, order, order_no, own_id, sent, waybill
from card_fulfillment.domain.claims import entry
from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.naming import Reference, bulk_issuance
from card_fulfillment.domain.status import STANDING, Phase, Status
from deliveries import cut, interleaved

_O1, _X, _W = order_no("o1"), box_no("x"), waybill("w")
_MEMBERS = ("m1", "m2", "m3")
_SERIALS = ((1, 1), (1, 2), (2, 3), (3, 5))
_MADE = [status for status, (phase, _) in STANDING.items() if phase is Phase.PRODUCTION]
_MOVED = [status for status, (phase, _) in STANDING.items() if phase > Phase.PRODUCTION]


def _queues(rng: Random) -> list[list[Sent]]:
    """By topic, in order: announcements, the order, what the vendor says, its parcels named first.

    Members are announced in several queues, so that they come at times of their own.
    """
    serials = rng.choice(((1, 2, 3), (1, 1, None), (2, 3, 4)))
    return [
        *(
            [sent(announcement(m, bulk="b1", serial=serial), topic="announcements", partition=n)]
            for n, (m, serial) in enumerate(zip(_MEMBERS, serials, strict=True))
        ),
        [sent(order(bulk_issuance("b1"), 1, _O1), topic="orders")],
        [sent(each, topic="tracking") for each in _in_key_order(rng)],
    ]


def _in_key_order(rng: Random) -> Sequence[Fact]:
    lines = [
        fact(Status.PRODUCED, 2, _O1, names=[parcel], serials=rng.choice((None, *_SERIALS)))
        for parcel in (_X, _W, _X)
    ]
    made = [_fact(rng, rng.choice(_MADE), _O1) for _ in range(rng.randint(0, 4))]
    found_by = (_O1, _O1, _X, _W, own_id("alpha", rng.choice(_MEMBERS)))
    moved = [_fact(rng, rng.choice(_MOVED), rng.choice(found_by)) for _ in range(rng.randint(0, 6))]
    by_name = [
        _fact(rng, rng.choice(_MADE), own_id("alpha", "m1")) for _ in range(rng.choice((0, 1)))
    ]
    return sorted([*lines, *made, *by_name, *moved], key=lambda each: entry(each, 1).order)


def _fact(rng: Random, status: Status, found_by: Reference) -> Fact:
    ranged = found_by == _O1 and rng.random() < 0.5
    at = rng.choice((2, 3, 4, 5, 8, 30))
    return fact(status, at, found_by, serials=rng.choice(_SERIALS) if ranged else None)


@given(st.randoms(use_true_random=True))
def test_a_members_journey_is_the_same_for_any_cut_any_skew_and_any_pace(rng: Random) -> None:
    queues = _queues(rng)

    journeys = []
    for _ in range(3):
        telling = Telling(most=rng.choice((1, 2, 100)))
        for batch in cut(rng, interleaved(rng, queues)):
            telling.take(batch)
            fan_out(rng, telling)
        telling.settle()
        assert_agrees(telling.snapshot(), telling.witness.told)
        journeys.append(telling.snapshot().statuses())

    whole = Telling()
    whole.take([record for queue in queues for record in queue])
    assert journeys == [whole.snapshot().statuses()] * 3
