"""Whoever names a card or bulk that was ordered from others only is told of, once, in any order."""

from collections import Counter
from random import Random

from agreement import Telling
from card_fulfillment.domain.facts import Fact, Order
from card_fulfillment.domain.naming import ISSUER, OWN_KIND
from card_fulfillment.messages.dead_letter import alert_path
from card_fulfillment.messages.envelope import RefusalReason
from deliveries import deliveries
from snapshot import Snapshot
from stories import statements

_STORIES = 300


def _told_of(snapshot: Snapshot) -> Counter[str]:
    return Counter(
        letter["field_path"]
        for _, letter in snapshot.letters()
        if letter["reason"] == RefusalReason.VENDOR_MISMATCH
    )


def _mismatched(telling: Telling, snapshot: Snapshot) -> set[str]:
    """Said of the whole story at once: what waits though others were asked for whom it names."""
    orders = [each for each in telling.witness.told if isinstance(each, Order)]
    ordered = {each.subject.id for each in orders}
    of_vendors = {(each.vendor, each.subject.id) for each in orders}
    facts = (each for each in telling.witness.told if isinstance(each, Fact))
    waiting = [(each, _names(each, snapshot)) for each in facts if _waits(each, snapshot)]
    return {
        alert_path(fact)
        for fact, names in waiting
        if any(subject_id in ordered for _, subject_id in names) and not names & of_vendors
    }


def _waits(fact: Fact, snapshot: Snapshot) -> bool:
    return not snapshot.facts[fact.fact_id].places


def _names(fact: Fact, snapshot: Snapshot) -> set[tuple[str, str]]:
    """The issuer's ids in it, each with the vendor that uses it; of members their bulks', too."""
    own = {
        (r.vendor, r.value) for r in fact.references if r.kind == OWN_KIND and r.vendor != ISSUER
    }
    identities = {i: s.identity for i, s in snapshot.cards.items() if s.identity is not None}
    bulks = {(v, identities[i].bulk_issuance_id) for v, i in own if i in identities}
    return own | {(vendor, bulk) for vendor, bulk in bulks if bulk is not None}


def test_in_any_story_each_of_them_is_told_of_once() -> None:
    seen: Counter[str] = Counter()
    for seed in range(_STORIES):
        rng, telling = Random(seed), Telling()  # noqa: S311 - no secret
        for records in deliveries(rng, statements(rng)):
            telling.take(records)
        snapshot = telling.settle().snapshot()
        told, expected = _told_of(snapshot), _mismatched(telling, snapshot)
        assert expected <= told.keys(), seed
        assert set(told.values()) <= {1}, seed
        seen.update(expected)
    assert len(seen) > _STORIES / 10
