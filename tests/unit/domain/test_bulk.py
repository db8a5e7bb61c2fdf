"""What vendors say of a bulk issuance, and what its members come to: by example."""

import pytest

from builders import box_no, fact, order_no
from card_fulfillment.domain.bulk import Bulk, Common, Member, because, roll_up, tell
from card_fulfillment.domain.claims import entry
from card_fulfillment.domain.facts import CardIdentity, Fact
from card_fulfillment.domain.parcels import Hearing, Said
from card_fulfillment.domain.status import STANDING, Status

_ORDER, _BOX = order_no("o1"), box_no("x")


def heard(*facts: Fact) -> Said:
    """All of it in one attempt, numbered as it comes."""
    hearing = Hearing(Said())
    for number, each in enumerate(facts, 1):
        hearing.hear_all([(entry(each, 1), number)])
    return hearing.said()


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ({Status.PRODUCED: 9, Status.DELIVERED: 1, Status.REJECTED: 90}, Status.PRODUCED),
        ({Status.LOST: 2, Status.RETURNED: 3}, Status.RETURNED),
        ({Status.RETURNED: 3, Status.LOST: 3}, Status.LOST),
        ({Status.LOST: 3, Status.RETURNED: 3}, Status.LOST),
    ],
)
def test_without_a_live_member_it_is_where_most_are_and_of_equally_many_the_furthest(
    counts: dict[Status, int], status: Status
) -> None:
    bulk = Bulk(counts={Member(name, 1): number for name, number in counts.items()})
    assert roll_up(bulk).status is status


_OUT_OF_THE_WAY = ("cancelled", "rejected", "lost", "returned", "delivery_failed")
_EXCEPTIONAL = (*_OUT_OF_THE_WAY, "production_failed", "delivery_exception", "returning")


@pytest.mark.parametrize("status", Status)
def test_which_members_are_not_on_their_way_any_more_and_which_are_exceptions(
    status: Status,
) -> None:
    """Beside one that is delivered, and so is further than most of the others."""
    members = {Member(status, 1): 2, Member(Status.DELIVERED, 1): 1}
    if status is Status.DELIVERED:
        members = {Member(status, 1): 3}
    now = roll_up(Bulk(counts=members))

    live = {Status.DELIVERED, *({status} - {Status(each) for each in _OUT_OF_THE_WAY})}
    assert now.status is min(live, key=STANDING.__getitem__)
    assert now.is_partial == (len(live) > 1)
    assert now.exceptions == (2 if status in _EXCEPTIONAL else 0)


def test_of_product_and_labels_a_bulk_has_what_all_its_cards_have() -> None:
    def member(product: str, **labels: str) -> CardIdentity:
        return CardIdentity(card_id="c", card_product_id=product, labels=labels)

    bulk = Bulk().with_member(member("gold", tenant="t", region="r"), taken=False)
    assert bulk.common == Common("gold", {"tenant": "t", "region": "r"})
    bulk = bulk.with_member(member("gold", tenant="t", region="q"), taken=False)
    assert bulk.common == Common("gold", {"tenant": "t"})
    bulk = bulk.with_member(member("silver", tenant="t"), taken=False)
    assert bulk.common == Common(None, {"tenant": "t"})


def test_a_member_that_was_ordered_again_is_an_exception_and_holds_nothing_up() -> None:
    now = roll_up(Bulk(counts={Member(Status.ORDERED, 2): 1, Member(Status.DELIVERED, 1): 5}))
    assert (now.status, now.exceptions, now.is_partial) == (Status.DELIVERED, 1, False)


@pytest.mark.parametrize(("size", "is_partial"), [(None, False), (2, False), (3, True)])
def test_while_cards_are_missing_a_bulk_is_partial_and_expects_more(
    size: int | None,
    is_partial: bool,  # noqa: FBT001 - a case
) -> None:
    counts = {Member(Status.DELIVERED, 1): 2}
    bulk = Bulk(common=Common("gold", {}), counts=counts).of_size([size] if size else [])
    created = because(fact(Status.CREATED, 0, _ORDER))

    _, (first, last) = tell(bulk, created)

    assert (first.now.is_partial, first.now.final) == (is_partial, False)
    assert (last.now.is_partial, last.now.final) == (is_partial, not is_partial)
    assert last.because == created


def test_of_very_many_sizes_the_greatest_are_kept() -> None:
    bulk = Bulk().of_size(range(1, 21))
    assert bulk.sizes == frozenset(range(5, 21))
    assert bulk.of_size([7]).total == 20


def test_what_waited_for_the_first_card_is_told_as_what_moved_the_bulk() -> None:
    announced = because(fact(Status.CREATED, 0, _ORDER))
    waited = because(fact(Status.PRODUCED, 5, _ORDER))
    bulk = Bulk(common=Common("gold", {}), counts={Member(Status.PRODUCED, 1): 1}, because=waited)
    _, changes = tell(bulk, announced)
    assert [(each.now.status, each.because) for each in changes] == [
        (Status.CREATED, announced),
        (Status.PRODUCED, waited),
    ]


@pytest.mark.parametrize("backwards", [False, True])
def test_of_very_many_miscounts_the_same_are_kept_in_any_order(
    backwards: bool,  # noqa: FBT001 - a case
) -> None:
    ranges = [(first, first + 1) for first in range(1, 300, 2)]
    lines = [fact(Status.PRODUCED, 5, _ORDER, serials=each, quantity=7) for each in ranges]
    said = heard(*(reversed(lines) if backwards else lines))
    assert sorted(said.reports.miscounted) == [(each, 7) for each in ranges[:100]]


def test_a_count_of_a_carton_is_none_of_the_whole_bulk() -> None:
    said = heard(
        fact(Status.SHIPPED, 5, _ORDER, quantity=40, carton=(1, 3)),
        fact(Status.SHIPPED, 6, _ORDER, quantity=100),
    )
    assert said.reports.totals == {100}


@pytest.mark.parametrize(
    ("carton", "serials"), [(None, None), ((1, 1), None), ((1, 3), ()), ((1, None), ())]
)
def test_a_parcel_has_all_cards_unless_it_is_one_of_several(
    carton: tuple[int, int | None] | None, serials: tuple[()] | None
) -> None:
    said = heard(fact(Status.SHIPPED, 5, _ORDER, names=[_BOX], carton=carton))
    assert said.parcels[_BOX].serials == serials


@pytest.mark.parametrize("cartons", [((2, None), (1, 3)), ((1, 3), (2, None))])
def test_which_of_how_many_a_parcel_is_does_not_depend_on_what_is_heard_first(
    cartons: tuple[tuple[int, int | None], ...],
) -> None:
    lines = (fact(Status.SHIPPED, 5, _ORDER, names=[_BOX], carton=each) for each in cartons)
    assert heard(*lines).parcels[_BOX].carton == (1, 3)
