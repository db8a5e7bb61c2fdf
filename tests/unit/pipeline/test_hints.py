"""What was seen lately is believed of the next batch; of what was seen long ago nothing is kept."""

from collections.abc import Sequence
from typing import Final

from builders import announcement, order_no
from card_fulfillment.domain.bindings import Binding
from card_fulfillment.domain.journey import Journey
from card_fulfillment.domain.naming import card
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.hints import Hints
from card_fulfillment.pipeline.view import CardState, Need, View

_SEEN: Final = Binding(card("c1"), 1, 0, b"seen")
_WRITTEN: Final = Binding(card("c2"), 1, 0, b"written")


def _state(card_id: str) -> CardState:
    return CardState(announcement(card_id).card, Journey(), folded=7)


def _believed(hints: Hints, cards: Sequence[str]) -> list[str]:
    return [*hints.view(Need(cards=set(cards))).cards]


def test_what_a_transaction_saw_and_what_it_wrote_over_that_is_believed() -> None:
    hints = Hints()
    saw = View(
        cards={"c1": _state("c1"), "placeholder": CardState()},
        bindings={order_no("a"): (_SEEN,), order_no("b"): (_SEEN,), order_no("none"): ()},
    )
    wrote = Effects(cards={"c2": _state("c2")}, bindings={order_no("b"): (_WRITTEN,)})
    hints.learn(saw, wrote)

    asked = Need(
        cards={"c1", "c2", "placeholder", "unheard-of"},
        references={order_no(name) for name in ("a", "b", "none")},
    )
    assert hints.view(asked) == View(
        cards={name: CardState(announcement(name).card) for name in ("c1", "c2")},
        bindings={order_no("a"): (_SEEN,), order_no("b"): (_WRITTEN,)},
    )
    assert hints.view(Need(cards={"unheard-of"})) == View()


def test_the_newest_thousands_are_remembered_and_no_more() -> None:
    hints = Hints()
    cards = [f"c{n}" for n in range(20_000)]
    for first in range(0, len(cards), 500):
        seen = {name: _state(name) for name in cards[first : first + 500]}
        hints.learn(View(cards=seen), Effects())

    kept = _believed(hints, cards)
    assert 3000 <= len(kept) <= 7000
    assert set(kept) == set(cards[-len(kept) :])
