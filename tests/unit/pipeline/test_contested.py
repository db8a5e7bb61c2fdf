"""Whose facts an order disturbs."""

import time
from typing import Final

import pytest

from builders import announcement, fact, hour, order, order_no, waybill
from card_fulfillment.domain.bindings import MOST_SUBJECTS, Binding
from card_fulfillment.domain.facts import Order
from card_fulfillment.domain.naming import card
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.contested import contested
from card_fulfillment.pipeline.view import CardState, View

_JOB: Final = order_no("job")


def _disturbed(
    ordered: Order, cards: int, looked_up: dict[str, CardState] | None = None
) -> list[str]:
    """Those whom the reference meant before."""
    held = tuple(Binding(card(f"c{n}"), 1, hour(1), b"made") for n in range(cards))
    view = View(bindings={_JOB: held}, cards=looked_up or {})
    return [b.subject.id for b in contested([ordered], (), (_JOB,), view, {})]


@pytest.mark.parametrize("cards", [1, MOST_SUBJECTS])
def test_an_order_of_another_card_disturbs_all_that_its_reference_means(cards: int) -> None:
    assert _disturbed(order("d", 1, _JOB), cards) == [f"c{n}" for n in range(cards)]


def test_but_nobody_where_they_are_too_many_already() -> None:
    """What is found by it is held, and stays so: a thousand rows need no locks for that."""
    assert _disturbed(order("d", 1, _JOB), MOST_SUBJECTS + 1) == []


@pytest.mark.parametrize(
    ("looked_up", "disturbed"),
    [
        ({}, []),  # whether it has attempts is seen when it was looked up
        ({"c0": CardState()}, ["c0"]),  # it may have: nothing is folded before its announcement
        ({"c0": CardState(announcement("c0").card)}, []),
    ],
)
def test_an_order_of_the_same_card_disturbs_it_where_it_may_have_several_attempts(
    looked_up: dict[str, CardState], disturbed: list[str]
) -> None:
    assert _disturbed(order("c0", 2, _JOB), 1, looked_up) == disturbed


def test_a_name_that_is_given_thousands_of_times_is_looked_through_once() -> None:
    """A message may give one a thousand times: each with each would take longer than a transaction.

    Who names it does not matter here, as long as all say the same.
    """
    name, ordered = waybill("w"), Binding(card("c0"), 1, hour(1), b"order")
    held = tuple(Binding(card("c0"), 1, hour(2), b"%d" % n) for n in range(2000))
    view = View(bindings={_JOB: (ordered,), name: held})
    facts = [fact(Status.PRODUCED, 2 + n / 1000, _JOB, names=[name]) for n in range(1000)]
    began = time.process_time()
    assert list(contested((), facts, (), view, {})) == []
    assert time.process_time() - began < 1
    other = fact(Status.PRODUCED, 2, waybill("nobody's"), names=[name])
    assert list(contested((), [*facts, other], (), view, {})) == list(held)
