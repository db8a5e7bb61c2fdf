"""Whatever the order, the batches and the copies: the stored state is a function of the set."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from agreement import assert_agrees, tell
from stories import statements


@given(st.randoms(use_true_random=True))
def test_what_is_stored_is_what_the_set_of_statements_comes_to(rng: Random) -> None:
    telling = tell(rng, statements(rng))
    assert_agrees(telling.snapshot(), telling.witness.told)
