"""Stories for several workers at once: everything meets on a few rows, whoever comes first.

Left out beside what `stories` leaves out: what contradicts, for which came first is chance.
"""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Final, NamedTuple

from builders import Sent, announcement, fact, order, order_no, own_id, sent, waybill
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Announcement, Attribute, Fact, Order, Statement
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.status import Status
from oracle_whom import Said
from stories import statements
from stories_bulk import bulk_statements
from witness import Witness

_STATES: Final = tuple(Status)[2:]
_LETTER: Final = order_no("letter")


class Collision(NamedTuple):
    """before: told by one worker first. halves: batches of each worker, told at the same time."""

    before: list[Sent]
    halves: list[list[list[Sent]]]
    told: list[Statement]


def collision(rng: Random, workers: int = 2) -> Collision:
    """Facts that mean the same whichever of their references is bound already: many unlock."""
    cards = [f"c{i}" for i in range(rng.randint(1, 4))]
    letter = [order(c, 1, _LETTER, attempt=3, vendor="alpha") for c in cards if rng.random() < 0.7]
    told: list[Statement] = [announcement(c, rng.choice((0, 50))) for c in cards]
    for card_id in cards:
        told += _of_card(rng, card_id)
    if letter:
        told += _of_letter(rng)
    halves = [_shuffled(rng, told, worker, workers) for worker in range(workers)]
    before = [sent(each, topic="before") for each in letter]
    return Collision(before, halves, [*letter, *told])


def anything(rng: Random, workers: int = 2) -> Collision:
    """Tell a story of `stories` to all workers: whatever binds anew does so while others look."""
    return _shared(rng, statements(rng), workers)


def of_a_bulk(rng: Random, workers: int = 2) -> Collision:
    return _shared(rng, bulk_statements(rng), workers)


def _shared(rng: Random, statements: Sequence[Statement], workers: int) -> Collision:
    witness = Witness()
    witness.hear([sent(each) for each in statements])
    said = Said(witness.told)
    told = [s for s in witness.told if s not in said.repeated]
    halves = [_shuffled(rng, told, worker, workers) for worker in range(workers)]
    return Collision([], halves, told)


def _of_card(rng: Random, card_id: str) -> Iterable[Statement]:
    bill = waybill(card_id)
    for attempt in range(1, rng.randint(1, 2) + 1):
        reference = order_no(f"{card_id}-{attempt}")
        yield order(card_id, 10 * attempt, reference, attempt=attempt)
        yield from _found_by(rng, reference)
    reference = order_no(f"{card_id}-beta", "beta")
    yield order(card_id, 12, reference, vendor="beta")
    yield from _found_by(rng, reference, own_id("beta", card_id))
    yield fact(Status.SHIPPED, 13, reference, names=[bill])
    yield from _found_by(rng, bill)
    yield fact(rng.choice(_STATES), 30, bill, reference)
    yield fact(rng.choice(_STATES), 31, bill, order_no(f"{card_id}-never", "beta"))


def _of_letter(rng: Random) -> Iterable[Fact]:
    bill = waybill("letter")
    yield fact(Status.SHIPPED, 14, _LETTER, names=[bill])
    yield from _found_by(rng, _LETTER, bill)
    yield from _found_by(rng, bill)


def _found_by(rng: Random, *references: Reference) -> Iterable[Fact]:
    for _ in range(rng.randint(0, 3)):
        found_by = rng.sample(references, rng.randint(1, len(references)))
        yield fact(
            rng.choice((*_STATES, None)),
            rng.choice((10, 20, 21, 22, 23, 30)),
            *found_by,
            precision=rng.choice((Precision.SECOND, Precision.DAY)),
            attributes={Attribute.TRACKING_NUMBER: rng.choice("NM")},
        )


def _shuffled(
    rng: Random, told: Sequence[Statement], worker: int, workers: int
) -> list[list[Sent]]:
    """A worker's share, with some of the others': in partitions of its own."""
    mine = [s for i, s in enumerate(told) if i % workers == worker or rng.random() < 0.3]
    rng.shuffle(mine)
    if rng.random() < 0.3:
        mine.sort(key=_topic)
    batches: list[list[Sent]] = []
    while mine:
        size = rng.randint(1, 3)
        taken, mine = mine[:size], mine[size:]
        batches.append([sent(s, topic=_topic(s), partition=worker) for s in taken])
    return batches


def _topic(statement: Statement) -> str:
    kinds = {Announcement: "announcements", Order: "orders", Fact: "tracking"}
    return kinds[type(statement)]
