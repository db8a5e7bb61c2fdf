"""References that came to mean too many, by which nobody is found any more."""

from card_fulfillment.domain.bindings import MOST_SUBJECTS, Binding, is_crowded
from card_fulfillment.domain.naming import card


def test_a_reference_is_crowded_by_subjects_and_not_by_bindings_of_the_same_ones() -> None:
    many = tuple(Binding(card(f"c{n}"), 1, 0, b"") for n in range(MOST_SUBJECTS))
    again = tuple(Binding(card("c1"), attempt, 0, b"") for attempt in range(MOST_SUBJECTS + 1))
    assert not is_crowded(many)
    assert not is_crowded(again)
    assert not is_crowded(many + again)  # c1 is among the many
    assert is_crowded((*many, Binding(card("another"), 1, 0, b"")))
