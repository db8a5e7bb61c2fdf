"""What the members and facts of a bulk come to, and which members are not as they must be."""

from collections.abc import Sequence
from typing import Any, Final

import pytest

from builders import box_no, fact, order_no, waybill
from card_fulfillment.domain.bulk import Bulk, Common, Member
from card_fulfillment.domain.claims import entry
from card_fulfillment.domain.facts import CardIdentity
from card_fulfillment.domain.members import Numbered, scope_of
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.parcels import Said
from card_fulfillment.domain.serials import Range, Ranges
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.recount import Counted, Recount

_ORDER, _BOX, _WAYBILL = order_no("o1"), box_no("x"), waybill("w")
_PRODUCED, _SHIPPED = Member(Status.PRODUCED, 1), Member(Status.SHIPPED, 2)
_PASSED_OVER: Final = "it lacks what is said to be spread to all"


def _card(serial: int | None, product: str = "gold", **labels: str) -> CardIdentity:
    return CardIdentity(
        card_id=f"c{serial}", card_product_id=product, labels=labels, serial_number=serial
    )


def _said(number: int, reference: Reference = _ORDER, **of: Any) -> Numbered:  # noqa: ANN401 - serials, names
    told = fact(Status.PRODUCED, number, reference, **of)
    return Numbered(entry(told, 1, scope_of(told)), number)


def _recount(
    *members: Counted, stored: Bulk | None = None, facts: Sequence[Numbered] = ()
) -> Recount:
    recount = Recount(stored or Bulk(), facts)
    for each in members:
        recount.take(each)
    return recount


def _of_cards(*cards: CardIdentity) -> Bulk:
    return _recount(*(Counted(each, _PRODUCED, agrees=True, folded=0) for each in cards)).bulk()


def test_members_are_counted_by_where_they_are_if_anything_is_published_of_them() -> None:
    found = (_PRODUCED, _SHIPPED, None, _PRODUCED)
    recount = _recount(
        *(Counted(_card(n), each, agrees=True, folded=0) for n, each in enumerate(found))
    )

    assert recount.bulk().counts == {_PRODUCED: 2, _SHIPPED: 1}
    assert recount.members == 4


_WRONG: Final[list[tuple[Counted, list[str]]]] = [
    (Counted(_card(1), _PRODUCED, agrees=True, folded=3), []),
    (Counted(_card(1), None, agrees=True, folded=3), ["nothing is published of it"]),
    (
        Counted(_card(1), _PRODUCED, agrees=False, folded=3),
        ["its columns are not what its journey says"],
    ),
    (
        Counted(_card(1), _PRODUCED, agrees=True, folded=4),
        ["it has folded more than was ever said of its bulk"],
    ),
    (
        Counted(_card(1), None, agrees=False, folded=0),
        [
            "nothing is published of it",
            "its columns are not what its journey says",
            _PASSED_OVER,
        ],
    ),
]


@pytest.mark.parametrize(("member", "wrong"), _WRONG)
def test_of_each_member_all_is_told_that_is_wrong(member: Counted, wrong: list[str]) -> None:
    stored = Bulk(last_number=3, spread_number=2)
    recount = _recount(member, stored=stored, facts=[_said(2)])

    assert recount.strays == {each: ["c1"] for each in wrong}


def test_cards_with_the_same_thing_wrong_are_told_together() -> None:
    torn = [Counted(_card(n), _PRODUCED, agrees=n == 2, folded=0) for n in (1, 2, 3)]

    assert list(_recount(*torn).strays.values()) == [["c1", "c3"]]


@pytest.mark.parametrize(
    ("serials", "twice", "greatest"),
    [
        ([1, 2, 3], (), 3),
        ([1, 2, 2, 2, 4], ((2, 2),), 4),
        ([1, 1, 2, 3, 3, 4, 4], ((1, 1), (3, 4)), 4),
        ([5, None, None], (), 5),
        ([None, None], (), 0),
    ],
)
def test_a_serial_that_follows_itself_is_taken_twice_and_the_last_is_the_greatest(
    serials: list[int | None], twice: Ranges, greatest: int
) -> None:
    bulk = _of_cards(*map(_card, serials))

    assert (bulk.taken_twice, bulk.greatest_serial) == (twice, greatest)


@pytest.mark.parametrize(
    ("cards", "common"),
    [
        ([], None),
        ([_card(1, tenant="t"), _card(2, tenant="t")], Common("gold", {"tenant": "t"})),
        ([_card(1, tenant="t"), _card(2, "silver", tenant="t")], Common(None, {"tenant": "t"})),
        ([_card(1, tenant="t", region="r"), _card(2, tenant="t")], Common("gold", {"tenant": "t"})),
        ([_card(1, tenant="t"), _card(1, tenant="s")], Common("gold", {})),
    ],
)
def test_product_and_labels_are_those_that_all_cards_have(
    cards: list[CardIdentity], common: Common | None
) -> None:
    bulk = _of_cards(*cards)

    assert bulk.common == common
    assert bulk.greatest_serial == max((each.serial_number or 0 for each in cards), default=0)


def test_what_comes_of_cards_and_facts_is_counted_anew_and_the_rest_is_taken_as_it_is() -> None:
    kept: dict[str, Any] = {"sizes": frozenset({4}), "last_number": 3, "version": 7, "dirty": True}
    stored = Bulk(
        common=Common("silver", {}),
        counts={_PRODUCED: 9},
        greatest_serial=9,
        taken_twice=((8, 8),),
        said=Said(attempt=5),
        **kept,
    )

    assert _recount(stored=stored).bulk() == Bulk(**kept)


def test_what_is_said_of_it_is_heard_from_its_facts() -> None:
    line, whole = _said(2, names=[_BOX], serials=(1, 4)), _said(1)
    recount = _recount(facts=[line, whole])
    said = recount.bulk().said

    assert said.claim is not None
    assert said.claim.key == whole.entry.key
    assert said.parcels[_BOX].serials == ((1, 4),)
    assert recount.numbers == [2, 1]


def _passed_over(
    folded: int, facts: Sequence[Numbered] = (), *, reset: int = 0, spread: int = 2
) -> list[int | None]:
    """Of members with serials and one without, those that folded too little."""
    stored = Bulk(last_number=9, reset_number=reset, spread_number=spread)
    serials = (1, 2, 3, 4, 5, 6, None)
    members = (Counted(_card(each), _PRODUCED, agrees=True, folded=folded) for each in serials)
    strays = _recount(*members, stored=stored, facts=facts).strays
    assert strays.keys() <= {_PASSED_OVER}
    return [each for each in serials if f"c{each}" in strays.get(_PASSED_OVER, ())]


_ALL: Final = [1, 2, 3, 4, 5, 6, None]


@pytest.mark.parametrize(
    ("folded", "reset", "spread", "passed"),
    [
        (1, 2, 2, _ALL),
        (1, 2, 3, _ALL),
        (2, 2, 3, []),  # nothing later concerns it
        (1, 3, 2, []),  # what was reset is still to be spread
    ],
)
def test_a_member_that_folded_less_than_the_reset_was_passed_over_once_that_is_spread(
    folded: int, reset: int, spread: int, passed: list[int | None]
) -> None:
    assert _passed_over(folded, reset=reset, spread=spread) == passed


@pytest.mark.parametrize(
    ("folded", "number", "spread", "passed"),
    [
        (1, 2, 2, _ALL),
        (1, 2, 3, _ALL),
        (2, 2, 2, []),
        (2, 2, 3, []),  # it has all that concerns it
        (1, 3, 2, []),  # this is still to be spread
    ],
)
def test_what_is_said_of_all_is_lacked_by_those_that_folded_less_once_it_is_spread(
    folded: int, number: int, spread: int, passed: list[int | None]
) -> None:
    assert _passed_over(folded, [_said(number)], spread=spread) == passed


@pytest.mark.parametrize(
    ("ranges", "passed"),
    [
        ([(2, 4)], [2, 3, 4]),
        ([(3, 3)], [3]),
        ([(2, 2), (5, 6)], [2, 5, 6]),
    ],
)
def test_what_is_said_of_serials_is_lacked_by_these_alone(
    ranges: list[Range], passed: list[int | None]
) -> None:
    assert _passed_over(1, [_said(2, serials=each) for each in ranges]) == passed
    assert _passed_over(2, [_said(2, serials=each) for each in ranges], spread=3) == []


@pytest.mark.parametrize(
    ("packed", "scanned", "spread", "passed"),
    [
        (1, 2, 2, [2, 3]),
        (2, 1, 2, [2, 3]),
        (3, 2, 2, []),  # who is in the box is still to be spread
        (1, 3, 2, []),
    ],
)
def test_what_is_said_of_a_box_is_lacked_by_what_was_in_it_by_then(
    packed: int, scanned: int, spread: int, passed: list[int | None]
) -> None:
    line, scan = _said(packed, names=[_BOX], serials=(2, 3)), _said(scanned, _BOX)

    assert _passed_over(1, [line, scan], spread=spread) == passed


def test_a_line_that_was_heard_of_last_gives_a_parcel_what_was_said_of_it_before() -> None:
    """The box that names the waybill has two of the cards, the waybill by that has all."""
    facts = [
        _said(1, names=[_BOX], serials=(2, 3)),
        _said(2, _WAYBILL),
        _said(3, _BOX, names=[_WAYBILL]),
    ]

    assert _passed_over(2, facts, spread=3) == _ALL
    assert _passed_over(1, facts, spread=2) == []


def test_each_member_is_held_against_what_came_since_it_folded() -> None:
    stored = Bulk(last_number=3, spread_number=3)
    folded = {1: 2, 2: 1, 3: 3}
    members = (Counted(_card(n), _PRODUCED, agrees=True, folded=f) for n, f in folded.items())

    strays = _recount(*members, stored=stored, facts=[_said(2)]).strays

    assert strays == {_PASSED_OVER: ["c2"]}
