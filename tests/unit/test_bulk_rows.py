"""Rows of bulk issuances that an earlier version wrote are read as what they meant."""

from dataclasses import replace

import orjson
import pytest

from agreement import Telling
from builders import announcement, fact, order, order_no, sent
from card_fulfillment.domain.bulk import Bulk
from card_fulfillment.domain.facts import Attribute, Attributes, Cause, ParcelRole
from card_fulfillment.domain.naming import bulk_issuance
from card_fulfillment.domain.parcels import Parcel
from card_fulfillment.domain.status import Status
from card_fulfillment.postgres.bulk_rows import bulk_row, load_bulk, load_parcel, parcel_row

_O1 = order_no("o1")


def _shipped(*, tracked: bool) -> Bulk:
    telling = Telling()
    telling.take([sent(announcement("c1", bulk="b1", serial=1))])
    method: Attributes = {Attribute.TRACKED: tracked}
    telling.take([sent(order(bulk_issuance("b1"), 1, _O1, attributes=method))])
    telling.take([sent(fact(Status.SHIPPED, 5, _O1))])
    return telling.settle().snapshot().bulks["b1"]


def _read(bulk: Bulk, *without: str) -> Bulk:
    (*_, version, last, reset, spread, dirty, counts, journey) = bulk_row("b1", bulk)
    kept = {name: value for name, value in orjson.loads(journey).items() if name not in without}
    columns = (version, last, reset, spread, dirty, counts, orjson.dumps(kept).decode())
    return load_bulk(columns, dict(bulk.said.parcels))


@pytest.mark.parametrize("tracked", [False, True])
def test_whether_it_is_final_counts_as_told_where_the_row_does_not_say(tracked: bool) -> None:  # noqa: FBT001 - a case
    bulk = _shipped(tracked=tracked)
    assert bulk.told is not None
    assert bulk.told.final is not tracked
    assert _read(bulk) == bulk
    assert _read(bulk, "told_final") == bulk


def test_what_took_facts_away_is_nothing_where_the_row_does_not_say() -> None:
    bulk = replace(_shipped(tracked=True), reset_by=Cause("e1", "orders", 1, 7))
    assert _read(bulk) == bulk
    assert _read(bulk, "reset_by") == replace(bulk, reset_by=None)


def test_a_parcel_keeps_what_it_was_called_and_is_the_outbound_one_where_its_row_does_not_say() -> (
    None
):
    called = Parcel(named=True, roles=frozenset({ParcelRole.RETURN, ParcelRole.PIN}))
    assert _read_parcel(called) == called
    assert _read_parcel(called, "roles") == _read_parcel(Parcel(named=True)) == Parcel(named=True)


def _read_parcel(parcel: Parcel, *without: str) -> Parcel:
    _, text, lines, journey = parcel_row("b1", _O1, parcel)
    kept = {name: value for name, value in orjson.loads(journey).items() if name not in without}
    _, found = load_parcel(text, lines, orjson.dumps(kept).decode())
    return found
