"""Bulk issuances in any order, cut and pace: the same end, and the same journeys of members."""

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agreement import Telling, assert_agrees, fan_out, tell
from card_fulfillment.domain.bulk import roll_up, shown
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.parcels import Parcel
from deliveries import deliveries
from oracle_whom import Said
from stories_bulk import bulk_statements


@given(st.randoms(use_true_random=True))
def test_what_is_stored_is_what_the_set_of_statements_comes_to(rng: Random) -> None:
    telling = tell(rng, bulk_statements(rng))
    assert_agrees(telling.snapshot(), telling.witness.told)


@given(st.randoms(use_true_random=True))
def test_whenever_it_falls_quiet_it_is_where_what_was_told_until_then_leads(rng: Random) -> None:
    telling = Telling()
    for batch in deliveries(rng, bulk_statements(rng)):
        telling.take(batch)
        fan_out(rng, telling)
        quiet = telling.fork().settle()
        assert_agrees(quiet.snapshot(), quiet.witness.told)


@given(st.randoms(use_true_random=True))
def test_a_members_journey_does_not_depend_on_when_the_fan_out_reached_it(rng: Random) -> None:
    batches = deliveries(rng, bulk_statements(rng))
    at_once, at_last, by_chance = Telling(updates=False), Telling(updates=False), _paced(rng)
    for batch in batches:
        at_once.take(batch)
        at_once.settle()
        at_last.take(batch)
        by_chance.take(batch)
        fan_out(rng, by_chance)
    if not at_once.witness.rebound:
        journeys = _journeys(at_once)
        assert _journeys(at_last) == journeys
        assert _journeys(by_chance) == journeys


def _paced(rng: Random) -> Telling:
    return Telling(updates=False, most=rng.choice((1, 2, 3)))


def _journeys(telling: Telling) -> dict[str, list[dict[str, Any]]]:
    return telling.settle().snapshot().journeys()


@given(st.randoms(use_true_random=True))
def test_all_that_is_told_of_a_bulk_is_the_same_in_any_order(rng: Random) -> None:
    first = tell(rng, bulk_statements(rng))
    said = Said(first.witness.told)
    second = tell(rng, [s for s in first.witness.told if s not in said.repeated])
    if not said.repeated:  # which announcement of a card counts is decided by the first order
        assert _bulks(second) == _bulks(first)


def _bulks(telling: Telling) -> dict[str, Any]:
    """All that is shown of bulks, pace and causes aside; of parcels' lines the serials alone."""
    return {
        bulk_id: (
            roll_up(bulk),
            bulk.common,
            shown(bulk),
            *map(_contents, sorted(bulk.said.parcels.items())),
        )
        for bulk_id, bulk in telling.snapshot().bulks.items()
        if bulk.common is not None
    }


def _contents(packed: tuple[Reference, Parcel]) -> Any:  # noqa: ANN401 - compared as a whole
    reference, parcel = packed
    serials = {line.serials for line in parcel.lines}
    greatest = parcel.claim.key if parcel.claim else None  # of copies any may have come first
    return reference, parcel.named, serials, parcel.registers, parcel.carton, greatest
