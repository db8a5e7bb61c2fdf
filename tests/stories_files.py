"""Random files of vendors about the bulks of a story: lines and trailers that disagree."""

from random import Random
from typing import Final

from builders import file_line, order_no, own_id
from card_fulfillment.domain.facts import Order
from card_fulfillment.domain.files import FileLine
from card_fulfillment.domain.naming import Reference
from chance import hours_after
from deliveries import Told
from stories_bulk import bulk_statements

_FILES: Final = ("f1", "f1", "f2")


def filed_statements(rng: Random) -> list[Told]:
    """A story of bulk issuances, and files about them."""
    told = bulk_statements(rng)
    orders = [each for each in told if isinstance(each, Order)]
    return [*told, *(_line(rng, orders) for _ in range(rng.randint(1, 8)))]


def _line(rng: Random, orders: list[Order]) -> FileLine:
    about = rng.choice(orders) if orders else None
    at = None if about is None or rng.random() < 0.3 else hours_after(rng, about, edges=0.3)
    ends = rng.random() < 0.4
    return file_line(
        rng.randint(1, 4),
        _reference(rng, about),
        file=rng.choice(_FILES),
        at=at,
        sequence=rng.choice((None, 1, 2)),
        quantity=None if ends else rng.randint(0, 3),
        total=rng.randint(2, 5) if ends else None,
    )


def _reference(rng: Random, about: Order | None) -> Reference | None:
    level_0 = [r for r in about.references if r.kind in ("order_no", "id")] if about else []
    others = (None, None, order_no("shared"), order_no("b1"), own_id("issuer", "b1"))
    return rng.choice((*level_0, *level_0, *level_0, rng.choice(others)))
