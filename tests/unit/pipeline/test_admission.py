"""What becomes of copies, in whatever order they come, and of what contradicts what came before."""

from collections.abc import Mapping, Sequence
from itertools import permutations

import pytest

from builders import Log, altered, fact, order_no, sent
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.status import Status
from card_fulfillment.messages.envelope import Record, RefusalReason, Refused
from card_fulfillment.pipeline.admission import Admission
from card_fulfillment.pipeline.batch import Decoded, Element
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


def test_what_a_dead_letter_keeps_is_masked_for_the_topics_that_have_private_fields() -> None:
    told = copy(3)
    known = {told.fact_id: Seen(told.content, told.stated)}
    admission = Admission(known, {}, set(), {"private": lambda _value, _headers: b"masked"})
    malformed = Refused(RefusalReason.MALFORMED, "at", "no time", "alpha", "1")
    elements: list[Element] = [malformed, altered(told, content=b"other")]
    for topic in ("private", "open"):
        for offset, element in enumerate(elements):
            record = Record(topic, 0, offset, 0, b"key", b"said", ())
            admission.take(Decoded(record, (element,)))

    kept = [
        (letter.topic, letter.reason, letter.value) for letter in admission.dead_letters.values()
    ]
    assert kept == [
        (topic, reason, value)
        for topic, value in (("private", b"masked"), ("open", b"said"))
        for reason in (RefusalReason.MALFORMED, RefusalReason.EVENT_ID_CONFLICT)
    ]
