"""Which members a bulk's facts concern, and since when."""

from typing import Any, Final

import pytest

from builders import box_no, fact, order_no
from card_fulfillment.domain.claims import Entry
from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.members import Numbered, Sayings, scope_of
from card_fulfillment.domain.parcels import Line, Parcel
from card_fulfillment.domain.serials import Ranges
from card_fulfillment.domain.status import Status

_BOX: Final = box_no("X")


def _said(number: int, *, of_box: bool = False, **of: Any) -> Numbered:  # noqa: ANN401 - serials
    told = fact(Status.PRODUCED, number, _BOX if of_box else order_no("key"), **of)
    return Numbered(Entry(told, 1, None, scope_of(told)), number)


def _sayings(*facts: Numbered, lines: tuple[Line, ...] = ()) -> Sayings:
    return Sayings(facts, {_BOX: Parcel(named=True, lines=lines)})


def _groups(sayings: Sayings, serial: int | None, after: int) -> dict[int, list[Fact]]:
    found = sayings.groups(serial, after)
    return {number: [each.fact for each in group] for number, group in found.items()}


def test_what_is_said_of_a_box_concerns_a_member_since_the_later_of_that_and_of_its_line() -> None:
    early, late = _said(3, of_box=True), _said(7, of_box=True)
    sayings = _sayings(early, late, lines=(Line((1, 4), 5),))

    assert _groups(sayings, 4, 0) == {5: [early.entry.fact], 7: [late.entry.fact]}
    assert _groups(sayings, 4, 5) == {7: [late.entry.fact]}
    assert _groups(sayings, 5, 0) == _groups(sayings, None, 0) == {}


def test_what_is_said_of_all_comes_to_members_without_a_serial_and_of_a_range_to_its_ends() -> None:
    whole, some, one = _said(2), _said(3, serials=(2, 4)), _said(4, serials=(2, 2))
    sayings = _sayings(one, some, whole)

    found = {serial: list(_groups(sayings, serial, 0)) for serial in (None, 1, 2, 3, 4, 5)}
    assert found == {None: [2], 1: [2], 2: [2, 3, 4], 3: [2, 3], 4: [2, 3], 5: [2]}


_OLD, _NEW = 2, 3
_LINE, _ALL = Line((1, 4), _OLD), Line(None, _OLD)
_REACHES: Final[list[tuple[list[Numbered], tuple[Line, ...], Ranges | None]]] = [
    ([_said(_NEW)], (), None),
    ([_said(_OLD)], (), ()),
    ([_said(_NEW, serials=(5, 6)), _said(_NEW, serials=(6, 9))], (), ((5, 9),)),
    ([_said(_OLD, serials=(5, 6))], (), ()),
    ([_said(_OLD, serials=(7, 7)), _said(_NEW, serials=(7, 7))], (), ((7, 7),)),
    ([_said(_OLD, serials=(7, 7))], (), ()),
    ([_said(_NEW, of_box=True)], (_LINE,), ((1, 4),)),
    ([_said(_OLD, of_box=True)], (Line((1, 4), _NEW),), ((1, 4),)),
    ([_said(_OLD, of_box=True)], (_LINE,), ()),
    ([_said(_NEW, of_box=True)], (_LINE, _ALL), None),
    ([_said(_OLD, of_box=True)], (_LINE, _ALL), ()),
]


@pytest.mark.parametrize(("facts", "lines", "reach"), _REACHES)
def test_what_is_new_reaches_those_whom_it_concerns_and_nobody_else(
    facts: list[Numbered], lines: tuple[Line, ...], reach: Ranges | None
) -> None:
    assert _sayings(*facts, lines=lines).reach(_OLD) == reach
