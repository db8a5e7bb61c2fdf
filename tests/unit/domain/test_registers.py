"""Which writer of an attribute is the last one."""

import pytest

from builders import fact, order_no
from card_fulfillment.domain.claims import entry
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Attribute, Fact
from card_fulfillment.domain.registers import shown_in, written
from card_fulfillment.domain.status import Status

_NUMBER = Attribute.TRACKING_NUMBER


def _said(status: Status, at: float, number: str, precision: Precision) -> Fact:
    return fact(status, at, order_no("o"), attributes={_NUMBER: number}, precision=precision)


@pytest.mark.parametrize(
    ("status", "last"), [(Status.RETURNED, "day"), (Status.LOST, "day"), (Status.DELIVERED, "noon")]
)
def test_a_day_writes_when_it_begins_and_one_that_an_outcome_closes_when_it_ends(
    status: Status, last: str
) -> None:
    day = _said(status, 24, "day", Precision.DAY)
    noon = _said(Status.RETURNING, 36, "noon", Precision.SECOND)
    for facts in ((day, noon), (noon, day)):
        registers = written(written({}, entry(facts[0], 1)), entry(facts[1], 1))
        assert shown_in(1, registers) == {_NUMBER: last}
