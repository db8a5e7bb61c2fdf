"""Whom a fact is about: bindings, windows, recycled numbers, letters, members of a bulk."""

from collections.abc import Iterable, Mapping, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import altered, box_no, fact, hour, order_no, own_id, waybill
from card_fulfillment.domain.bindings import (
    LETTER,
    Binding,
    Bindings,
    Held,
    Resolution,
    resolve,
)
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import DAY, HOUR, ParcelRole
from card_fulfillment.domain.naming import Reference, Subject, bulk_issuance, card
from card_fulfillment.domain.senses import Sense
from card_fulfillment.domain.status import Status
from card_fulfillment.domain.windows import GRACE, WINDOW
from oracle_whom import Meaning, whom_of

_ORDER, _OTHER = order_no("o1"), order_no("o2")
_CARD, _SECOND = card("c1"), card("c2")
_BULK = bulk_issuance("b1")
_MEMBERS = {"c1": "b1", "c2": "b1", "c3": None}


def in_force(binding: Binding, time: int, rivals: Held) -> bool:
    """Until the window ends, or 72 h before the reference was recycled for another subject."""
    within = binding.valid_from - GRACE <= time <= binding.valid_from + WINDOW
    return within and all(
        r.subject == binding.subject
        or r.valid_from <= binding.valid_from + LETTER
        or time < r.valid_from - GRACE
        for r in rivals
    )


def _bound(
    at: float, subject: Subject = _CARD, attempt: int = 1, side: ParcelRole | None = None
) -> Binding:
    return Binding(subject, attempt, hour(at), b"made by", side=side)


def _resolved(
    bindings: Mapping[Reference, Iterable[Binding]],
    at: float,
    *references: Reference,
    precision: Precision = Precision.SECOND,
) -> Resolution:
    stated = fact(Status.SHIPPED, at, *(references or (_ORDER,)), precision=precision)
    held = {reference: tuple(each) for reference, each in bindings.items()}
    return resolve(held, stated, _MEMBERS)


def _attempts(found: Resolution) -> Mapping[Subject, int] | None:
    """Of the subjects; null where nothing is bound."""
    if found.subjects is None:
        return None
    return {subject: sense.attempt for subject, sense in found.subjects.items()}


def test_a_fact_whose_references_nothing_binds_is_parked() -> None:
    assert _resolved({}, 0) == Resolution(None, (_ORDER,))


def test_a_fact_is_about_the_subject_of_its_reference_in_that_attempt() -> None:
    assert _resolved({_ORDER: [_bound(0, attempt=2)]}, 1) == Resolution({_CARD: Sense(2)}, ())


@pytest.mark.parametrize(
    ("at", "bound"), [(-72, True), (-72.01, False), (180 * 24, True), (180 * 24 + 0.01, False)]
)
def test_a_binding_is_in_force_from_72_hours_before_until_180_days_after(
    at: float, *, bound: bool
) -> None:
    assert (_resolved({_ORDER: [_bound(0)]}, at).subjects is not None) == bound


@pytest.mark.parametrize(
    ("at", "bound"), [(-10, True), (-10.01, False), (240, True), (240.01, False)]
)
@pytest.mark.parametrize("reference", [_ORDER, own_id("alpha", "c1")])
def test_a_binding_may_have_a_grace_and_a_window_of_its_own(
    reference: Reference, at: float, *, bound: bool
) -> None:
    """A member's own id has those of its bulk's order."""
    subject, name = (_CARD, reference) if reference == _ORDER else (_BULK, own_id("alpha", "b1"))
    binding = altered(_bound(0, subject), grace=10 * HOUR, window=10 * DAY)
    assert (_resolved({name: [binding]}, at, reference).subjects is not None) == bound


@pytest.mark.parametrize(("at", "subject"), [(490, _SECOND), (489.99, _CARD)])
def test_a_recycled_reference_means_the_new_subject_from_its_own_grace_on(
    at: float, subject: Subject
) -> None:
    bindings = {_ORDER: [_bound(0), altered(_bound(500, _SECOND), grace=10 * HOUR)]}
    assert _attempts(_resolved(bindings, at)) == {subject: 1}


@pytest.mark.parametrize(("at", "subject"), [(399, _CARD), (427.99, _CARD), (428, _SECOND)])
def test_a_recycled_reference_means_the_new_subject_from_72_hours_before_it_was_bound(
    at: float, subject: Subject
) -> None:
    bindings = {_ORDER: [_bound(0), _bound(500, _SECOND, 1)]}

    assert _attempts(_resolved(bindings, at)) == {subject: 1}


def test_bindings_of_several_subjects_within_a_week_are_one_letter() -> None:
    bindings = {_ORDER: [_bound(0), _bound(7 * 24, _SECOND, 2)]}

    assert _attempts(_resolved(bindings, 200)) == {_CARD: 1, _SECOND: 2}


def test_a_letter_is_about_those_cards_only_whose_bindings_are_in_force() -> None:
    bindings = {_ORDER: [_bound(0), _bound(24, _SECOND)]}

    assert _attempts(_resolved(bindings, -49)) == {_CARD: 1}


def test_a_fact_is_about_what_all_its_bound_references_have_in_common() -> None:
    bindings = {_ORDER: [_bound(0), _bound(1, _SECOND)], _OTHER: [_bound(2, _SECOND)]}

    found = _resolved(bindings, 3, _ORDER, _OTHER, waybill("unbound"))

    assert found == Resolution({_SECOND: Sense(1)}, (waybill("unbound"),))


def test_references_with_nothing_in_common_hold_the_fact() -> None:
    bindings = {_ORDER: [_bound(0)], _OTHER: [_bound(0, _SECOND)]}

    assert _attempts(_resolved(bindings, 1, _ORDER, _OTHER)) == {}


def test_a_bulk_and_its_member_have_the_member_in_common() -> None:
    bindings = {_ORDER: [_bound(0, _BULK)], _OTHER: [_bound(0)]}

    assert _attempts(_resolved(bindings, 1, _ORDER, _OTHER)) == {_CARD: 1}


def test_a_bulk_and_a_card_that_is_none_of_it_have_nothing_in_common() -> None:
    bindings = {_ORDER: [_bound(0, _BULK)], _OTHER: [_bound(0, card("c3"))]}

    assert _attempts(_resolved(bindings, 1, _ORDER, _OTHER)) == {}


def test_the_attempt_is_that_of_the_newest_binding_that_has_begun() -> None:
    bindings = {_ORDER: [_bound(0), _bound(10, attempt=2), _bound(20, attempt=3)]}

    assert [_attempts(_resolved(bindings, at)) for at in (9, 10, 19, 21)] == [
        {_CARD: 1},
        {_CARD: 2},
        {_CARD: 2},
        {_CARD: 3},
    ]


def test_before_all_bindings_the_attempt_is_that_of_the_oldest() -> None:
    bindings = {_ORDER: [_bound(10, attempt=2), _bound(5, attempt=3)]}

    assert _attempts(_resolved(bindings, 1)) == {_CARD: 3}


def test_of_bindings_of_one_time_the_greater_attempt_counts_afterwards_the_lower_before() -> None:
    bindings = {_ORDER: [_bound(10, attempt=1), _bound(10, attempt=2)]}

    assert _attempts(_resolved(bindings, 11)) == {_CARD: 2}
    assert _attempts(_resolved(bindings, 9)) == {_CARD: 1}


def test_a_day_counts_as_its_last_instant_where_the_newest_binding_is_chosen() -> None:
    bindings = {_ORDER: [_bound(0), _bound(23, attempt=2), _bound(24, attempt=3)]}

    assert _attempts(_resolved(bindings, 5, precision=Precision.DAY)) == {_CARD: 2}
    assert _attempts(_resolved(bindings, 5)) == {_CARD: 1}


def test_the_attempt_is_one_that_all_references_allow() -> None:
    bindings = {_ORDER: [_bound(0), _bound(5, attempt=2)], _OTHER: [_bound(0)]}

    assert _attempts(_resolved(bindings, 9, _ORDER, _OTHER)) == {_CARD: 1}


def test_where_no_attempt_is_allowed_by_all_the_newest_binding_of_any_counts() -> None:
    bindings = {_ORDER: [_bound(0)], _OTHER: [_bound(5, attempt=2)]}

    assert _attempts(_resolved(bindings, 9, _ORDER, _OTHER)) == {_CARD: 2}


_PIN, _BACK = ParcelRole.PIN, ParcelRole.RETURN


@pytest.mark.parametrize(
    ("one", "other", "means"),
    [
        ([_bound(0), _bound(5, attempt=2, side=_PIN)], None, Sense(2, _PIN)),
        ([_bound(0, side=_PIN), _bound(5, attempt=2)], None, Sense(2)),
        ([_bound(0, side=_PIN), _bound(5)], None, Sense(1)),
        ([_bound(0)], [_bound(0, side=_PIN)], Sense(1, _PIN)),
        ([_bound(5, attempt=2)], [_bound(0, side=_PIN)], Sense(2, _PIN)),
        ([_bound(0, side=_BACK)], [_bound(0, side=_PIN)], Sense(1, _PIN)),
        ([_bound(0, side=_BACK), _bound(5, side=_PIN)], None, Sense(1, _PIN)),
    ],
)
def test_only_a_side_parcel_is_meant_where_a_name_is_never_the_outbound_ones_in_that_attempt(
    one: Sequence[Binding], other: Sequence[Binding] | None, means: Sense
) -> None:
    bindings = {_ORDER: one} if other is None else {_ORDER: one, _OTHER: other}
    assert _resolved(bindings, 9, *bindings).subjects == {_CARD: means}


# Any bindings at all

_REFERENCES = (_ORDER, _OTHER, box_no("x"), waybill("w"), own_id("alpha", "c1"))
_SUBJECTS = (_CARD, _CARD, _SECOND, card("c3"), _BULK, bulk_issuance("b2"))
_SIDES = (None, None, ParcelRole.PIN, ParcelRole.RETURN)
_HOURS = (0, 1, 23, 24, 71, 72, 73, 167, 168, 169, 239, 240, 241, 500, 4320, 4321, 4400)


def _bindings(rng: Random) -> Bindings:
    return {
        reference: tuple(
            _bound(rng.choice(_HOURS), rng.choice(_SUBJECTS), rng.randint(1, 3), rng.choice(_SIDES))
            for _ in range(rng.choice((0, 1, 1, 2, 3)))
        )
        for reference in _REFERENCES
    }


@given(st.randoms())
def test_any_fact_is_about_whom_the_rules_say_whatever_binds_its_references(rng: Random) -> None:
    bindings = _bindings(rng)
    stated = fact(
        Status.SHIPPED,
        rng.choice(_HOURS) - rng.choice((0, 0, 72)),
        *rng.sample(_REFERENCES, rng.choice((1, 1, 2, 3))),
        precision=rng.choice(tuple(Precision)),
    )

    found = resolve(bindings, stated, _MEMBERS)

    meanings = {
        r: {Meaning(b.subject, b.attempt, b.valid_from, b.side) for b in each}
        for r, each in bindings.items()
    }
    whom = whom_of(stated, meanings, _MEMBERS)
    assert found.subjects == (
        None if whom is None else {s: Sense(*about) for s, about in whom.items()}
    )
    dead = {
        r
        for r in stated.references
        if not any(in_force(b, stated.stated, bindings[r]) for b in bindings[r])
    }
    assert found.subjects == {} or set(found.unbound) == dead


@given(st.randoms())
def test_neither_the_order_of_references_nor_that_of_bindings_matters(rng: Random) -> None:
    bindings = _bindings(rng)
    references = rng.sample(_REFERENCES, rng.choice((1, 2, 3)))
    at = rng.choice(_HOURS)

    one = _resolved(bindings, at, *references)
    shuffled = {r: rng.sample(each, len(each)) for r, each in bindings.items()}
    other = _resolved(shuffled, at, *rng.sample(references, len(references)))

    assert one.subjects == other.subjects


def test_hours_and_days_are_whole_microseconds() -> None:
    assert (HOUR, DAY) == (3_600_000_000, 86_400_000_000)


@given(st.randoms())
def test_all_in_force_are_found_by_one_look(rng: Random) -> None:
    times = (0, 1, 100, 168, 169, 200, 336, 337, 500, 5000)
    held = tuple(
        _bound(rng.choice(times), card(rng.choice("abc"))) for _ in range(rng.randint(1, 6))
    )
    at = rng.choice((-73, -72, 0, 28, 96, 97, 128, 264, 265, 428, 500, 4320, 4321, 4928, 9400))

    found = _resolved({_ORDER: held}, at).subjects

    assert set(found or ()) == {b.subject for b in held if in_force(b, hour(at), held)}
