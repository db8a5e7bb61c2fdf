"""Folding any facts in any order, any batches and any scopes."""

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from builders import announcement, fact, order, order_no
from card_fulfillment.domain.claims import Entry, Scope, entry
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Attribute
from card_fulfillment.domain.fold import fold
from card_fulfillment.domain.journey import Change, ChangeKind, FactOutcome, Folded, Journey
from card_fulfillment.domain.status import CORRECTABLE, STANDING, Phase, Reason, Status
from oracle_claims import Claim, winner_of

_STATUSES = tuple(Status)


def _entries(rng: Random) -> list[Entry]:
    """A card's facts: the announcement, orders, and what its vendors say of it and of its bulk."""
    entries = [entry(announcement("c1", rng.choice((0, 3))).fact, 1)]
    if rng.random() < 0.5:
        return entries + _contested(rng)
    attempts = range(1, rng.randint(1, 3))
    entries += [entry(order("c1", n, attempt=n).fact, n) for n in attempts]
    entries += [
        _entry(rng, n, rng.choice((*_STATUSES[2:], None)), rng.choice((1, 1, 2)))
        for n in range(rng.randint(0, 10))
    ]
    return entries


def _contested(rng: Random) -> list[Entry]:
    """What stops an order has rules of its own, and is rare among all that can be said."""
    stops = (Status.REJECTED, Status.CANCELLED, Status.IN_PRODUCTION, Status.SHIPPED)
    return [_entry(rng, n, rng.choice(stops), 1) for n in range(rng.randint(3, 6))]


def _entry(rng: Random, n: int, status: Status | None, attempt: int) -> Entry:
    brought = {Attribute.TRACKING_NUMBER: rng.choice("NM"), Attribute.TRACKED: rng.random() < 0.5}
    stated = fact(
        status,
        rng.randint(0, 4),
        order_no("o"),
        event_id=f"e{n}",
        precision=rng.choice((Precision.SECOND, Precision.DAY)),
        reason=rng.choice((None, Reason.DAMAGED)),
        attributes={name: value for name, value in brought.items() if rng.random() < 0.2},
    )
    return entry(stated, attempt, rng.choice(tuple(Scope)))


def _folded(rng: Random, entries: list[Entry], *, updates: bool = True) -> list[Folded]:
    """Fold in an order and in batches of chance."""
    rest = rng.sample(entries, len(entries))
    folds: list[Folded] = []
    journey = Journey()
    while rest:
        size = rng.choice((1, 1, 2, 5))
        folds.append(fold(journey, rest[:size], updates=updates))
        journey, rest = folds[-1].journey, rest[size:]
    return folds


def _claims(entries: list[Entry], *scopes: Scope) -> list[Claim]:
    keys = [e.key for e in entries if e.key and e.scope in scopes]
    return [Claim(k.attempt, k.phase, k.time, k.rank, k.fact_id, k.status) for k in keys]


def _told(journey: Journey) -> tuple[object, ...]:
    """All that was told last but the version, which depends on the way there."""
    told = journey.published
    assert told is not None
    return told.attempt, told.status, told.reason, told.final, told.tracking_number


@given(st.randoms())
def test_any_order_and_any_batches_end_in_the_same_journey(rng: Random) -> None:
    entries = _entries(rng)

    one, other = (_folded(rng, entries)[-1].journey for _ in range(2))

    assert one.own == other.own
    assert one.bulk == other.bulk
    assert one.range_production == other.range_production
    assert one.registers == other.registers
    assert _told(one) == _told(other)


@given(st.randoms())
def test_what_is_published_last_is_what_the_set_of_facts_comes_to(rng: Random) -> None:
    entries = _entries(rng)

    published = _folded(rng, entries)[-1].journey.published

    of_range = _claims(entries, Scope.RANGE)
    winner = winner_of(
        _claims(entries, Scope.OWN),
        _claims(entries, Scope.BULK, Scope.RANGE),
        [c for c in of_range if c.phase == Phase.PRODUCTION],
    )
    assert published is not None
    assert (published.attempt, published.status) == (winner.attempt, winner.status)


@given(st.randoms())
def test_versions_have_no_gap_and_each_change_is_of_its_kind(rng: Random) -> None:
    changes = [c for folded in _folded(rng, _entries(rng)) for c in folded.changes]

    assert [c.version for c in changes] == list(range(1, len(changes) + 1))
    assert changes[0].previous is None
    assert changes[0].kind is ChangeKind.PROGRESS
    told = changes[0]
    for before, change in pairwise(changes):
        assert change.previous is before.status
        assert change.kind is _kind(before, change)
        assert change.supersedes == (told.version if change.kind is ChangeKind.CORRECTION else None)
        if change.kind is not ChangeKind.UPDATE:
            told = change


def _kind(before: Change, change: Change) -> ChangeKind:
    if (before.attempt, before.status) == (change.attempt, change.status):
        return ChangeKind.UPDATE
    if change.attempt > before.attempt:
        return ChangeKind.REISSUE
    if before.status in CORRECTABLE:
        return ChangeKind.CORRECTION
    fell = STANDING[change.status] < STANDING[before.status]
    return ChangeKind.REGRESSION if fell else ChangeKind.PROGRESS


@given(st.randoms())
def test_an_update_is_the_last_change_of_its_fold_and_the_only_one(rng: Random) -> None:
    for folded in _folded(rng, _entries(rng)):
        kinds = [c.kind for c in folded.changes]
        assert ChangeKind.UPDATE not in kinds[:-1]


@given(st.randoms())
def test_without_updates_only_statuses_are_published(rng: Random) -> None:
    changes = [c for folded in _folded(rng, _entries(rng), updates=False) for c in folded.changes]

    assert all(c.kind is not ChangeKind.UPDATE for c in changes)
    steps = [(c.attempt, c.status) for c in changes]
    assert all(before != after for before, after in pairwise(steps))


@given(st.randoms())
def test_a_card_known_from_the_first_fold_on_begins_with_created(rng: Random) -> None:
    created, *rest = _entries(rng)
    rng.shuffle(rest)

    first = fold(Journey(), [*rest, created])

    assert first.changes[0].status is Status.CREATED


@given(st.randoms())
def test_every_fact_has_one_outcome_and_every_status_a_fact_that_caused_it(rng: Random) -> None:
    entries = _entries(rng)

    folds = _folded(rng, entries)

    outcomes = [o for folded in folds for o in folded.outcomes.values()]
    statuses = [c for f in folds for c in f.changes if c.kind is not ChangeKind.UPDATE]
    assert len(outcomes) == len(entries)
    assert FactOutcome.PARKED not in outcomes
    assert outcomes.count(FactOutcome.PUBLISHED) == len(statuses)
    assert outcomes.count(FactOutcome.ENRICHMENT) == sum(e.key is None for e in entries)


@given(st.randoms())
def test_a_fact_folded_again_changes_nothing(rng: Random) -> None:
    entries = _entries(rng)
    journey = _folded(rng, entries)[-1].journey

    again = fold(journey, rng.sample(entries, rng.randint(1, len(entries))))

    assert again.changes == []
    assert again.journey == journey
