"""A fact without a time of its own has that of its earliest copy, in whatever order they come."""

from collections.abc import Mapping, Sequence
from itertools import permutations

import pytest

from builders import Log, fact, order_no, sent
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.admission import Admission
from card_fulfillment.pipeline.view import Seen


def copy(hour: int) -> Fact:
    return fact(Status.SHIPPED, hour, order_no("o1"), event_id="e1", precision=Precision.UNKNOWN)


def admitted(stored: Fact | None, copies: Sequence[Fact]) -> Admission:
    seen = {stored.fact_id: Seen(stored.content, stored.stated)} if stored else {}
    admission = Admission(seen, {}, set(), {})
    for decoded in Log().batch([sent(each) for each in copies]).decoded:
        admission.take(decoded)
    return admission


def stated(facts: Mapping[bytes, Fact]) -> dict[bytes, int]:
    return {fact_id: each.stated for fact_id, each in facts.items()}


@pytest.mark.parametrize("hours", list(permutations((3, 5, 12))))
def test_the_earliest_of_several_copies_counts(hours: tuple[int, ...]) -> None:
    copies = [copy(hour) for hour in hours]
    (fact_id,) = {each.fact_id for each in copies}
    earliest = {fact_id: copy(3).stated}

    again = admitted(copy(10), copies)
    assert (stated(again.retimed), again.new) == (earliest, {})
    assert again.copies == {fact_id: 3}

    new = admitted(None, copies)
    assert (stated(new.new), new.retimed) == (earliest, {})
    assert new.copies == {fact_id: 2}


def test_a_later_copy_of_what_is_stored_changes_nothing() -> None:
    assert admitted(copy(10), [copy(10), copy(12)]).retimed == {}
