"""What is remembered of references that were read."""

import tracemalloc

from card_fulfillment.domain.bindings import Binding
from card_fulfillment.domain.naming import card
from card_fulfillment.postgres.rows import dump_bindings, load_bindings

_MOST_BYTES = 1_000_000


def test_a_name_that_every_order_lists_does_not_fill_the_memory() -> None:
    """Each order makes another row of it, which is read once: by the next order."""
    bindings = tuple(Binding(card(f"c{n}"), 1, n, n.to_bytes(32, "big")) for n in range(600))
    texts = [dump_bindings(bindings[:n]) for n in range(500, 600)]
    tracemalloc.start()
    for text in texts:
        load_bindings(text)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < _MOST_BYTES


def test_a_name_of_one_card_is_read_once() -> None:
    text = dump_bindings((Binding(card("remembered"), 1, 0, b"order"),))
    assert load_bindings(text) is load_bindings(text)
