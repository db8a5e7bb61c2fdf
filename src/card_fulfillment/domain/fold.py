"""Folding facts into where a card is, and the changes that are published on the way.

A card's status is that of its greatest fact, so the end does not depend on the order of arrival;
what is published is the way there, in key order inside one fold.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from card_fulfillment.domain.claims import Claim, Entry, Key, Scope, claim, greatest, later
from card_fulfillment.domain.facts import Attribute, Attributes, Cause, ParcelRole
from card_fulfillment.domain.journey import (
    Change,
    ChangeKind,
    FactOutcome,
    Folded,
    Journey,
    Published,
)
from card_fulfillment.domain.registers import shown_in, tracked, written
from card_fulfillment.domain.side_parcels import with_fact
from card_fulfillment.domain.status import CORRECTABLE, STANDING, Phase, is_final


def fold(
    journey: Journey,
    *groups: Sequence[Entry],
    updates: bool = True,
    moved: AbstractSet[bytes] = frozenset(),
) -> Folded:
    """Fold the facts that a card gains into its journey: group after group, each in key order.

    updates: whether a change of reason, finality or tracking number alone is published.
    moved: ids of facts that were about others, or of another attempt, until now: a change of status
        by one of them is a correction.
    """
    folding = _Folding(journey, moved)
    for entries in groups:
        for each in _in_key_order(entries):
            folding.take(each)
    if updates:
        folding.tell_details()
    return Folded(folding.journey(), folding.changes, folding.outcomes)


def _in_key_order(entries: Sequence[Entry]) -> Sequence[Entry]:
    return entries if len(entries) == 1 else sorted(entries, key=lambda e: e.order)


def refold(
    journey: Journey,
    kept: Iterable[Entry],
    gained: Iterable[Entry],
    cause: Cause,
    *,
    updates: bool = True,
    moved: AbstractSet[bytes] = frozenset(),
) -> Folded:
    """Fold a card anew that lost facts: from those that it keeps, then those that it gains.

    Where those that it keeps do not come to what was told, any change of status is a correction.
    cause: of what took the facts away; a status that changes for it alone is told with this cause.
    """
    bare = Journey(version=journey.version, published=journey.published)
    folding = _Folding(bare, moved)
    for each in kept:
        folding.restore(each)
    folding.was_wrong = not folding.stands_as_told()
    for each in sorted(gained, key=lambda e: e.order):
        folding.take(each)
    folding.settle(cause)
    if updates:
        folding.tell_details()
    return Folded(folding.journey(), folding.changes, folding.outcomes)


class _Folding:
    """A journey while facts are folded into it.

    standing: the claim that stands now. cause: of the last fact that changed what is shown.
    untold: whether that was after the last change that is published.
    moved, was_wrong: what makes a change a correction: by a fact that was about another, or after
    something that was told and does not stand any more.
    """

    def __init__(self, journey: Journey, moved: AbstractSet[bytes]) -> None:
        self.own, self.bulk = journey.own, journey.bulk
        self.range_production = journey.range_production
        self.registers, self.parcels = journey.registers, journey.parcels
        self.version, self.published = journey.version, journey.published
        self.standing = greatest(self.own, self.bulk, self.range_production)
        self.moved, self.was_wrong = moved, False
        self.cause: Cause | None = None
        self.untold = False
        self.changes: list[Change] = []
        self.outcomes: dict[bytes, FactOutcome] = {}

    def journey(self) -> Journey:
        return Journey(
            self.own,
            self.bulk,
            self.range_production,
            self.registers,
            self.version,
            self.published,
            self.parcels,
        )

    def take(self, each: Entry) -> None:
        before = self.standing
        wrote = self._write_registers(each)
        if each.key is not None:
            self._stand(each, each.key)
        if wrote or self.standing is not before:
            self.cause = each.fact.cause
            self.untold = True
        self.outcomes[each.fact.fact_id] = self._tell_status(each)

    def _write_registers(self, each: Entry) -> bool:
        if each.parcel_role is not ParcelRole.OUTBOUND:
            self.parcels = with_fact(self.parcels, each)
            return False
        before = self.registers
        self.registers = written(before, each)
        return self.registers is not before

    def _stand(self, each: Entry, key: Key) -> None:
        new = claim(key, each.fact)
        if each.scope is Scope.OWN:
            self.own = later(self.own, new)
            if self.bulk is None:
                self.standing = self.own
                return
        else:
            self.bulk = later(self.bulk, new)
            if each.scope is Scope.RANGE and key.phase == Phase.PRODUCTION:
                self.range_production = later(self.range_production, new)
        self.standing = greatest(self.own, self.bulk, self.range_production)

    def _tell_status(self, each: Entry) -> FactOutcome:
        """Publish where the card is, unless that was told; say what the fact has been to it."""
        standing, told = self.standing, self.published
        if each.key is None or standing is None:
            return FactOutcome.ENRICHMENT
        if told is None or not self.stands_as_told():
            # Not always its own status: it may lift a rejection that kept the bulk's from standing.
            is_moved = each.fact.fact_id in self.moved
            self._publish(standing, self._kind(standing.key, is_moved=is_moved), each.fact.cause)
            return FactOutcome.PUBLISHED
        return FactOutcome.UNCHANGED if standing.key == each.key else FactOutcome.LATE

    def _kind(self, key: Key, *, is_moved: bool = False) -> ChangeKind:
        told = self.published
        if told is None:
            return ChangeKind.PROGRESS
        if key.attempt > told.attempt:
            return ChangeKind.REISSUE
        if self.was_wrong or is_moved or told.status in CORRECTABLE:
            return ChangeKind.CORRECTION
        if key.rank < STANDING[told.status].rank:
            return ChangeKind.REGRESSION
        return ChangeKind.PROGRESS

    def restore(self, each: Entry) -> None:
        """Take a fact that was taken before: nothing is told."""
        self._write_registers(each)
        if each.key is not None:
            self._stand(each, each.key)

    def stands_as_told(self) -> bool:
        """Whether the card is where it was told to be; also where nothing is known or told."""
        told, standing = self.published, self.standing
        if standing is None or told is None:
            return True
        return told.attempt == standing.key.attempt and told.status is standing.key.status

    def settle(self, cause: Cause) -> None:
        """Tell where the card is, where that is not what was told."""
        self.cause = self.cause or cause
        self.untold = True
        if self.standing is not None and not self.stands_as_told():
            self._publish(self.standing, self._kind(self.standing.key), cause)

    def tell_details(self) -> None:
        """Publish a change of reason, finality or tracking number alone, once."""
        if not self.untold or self.cause is None:
            return
        if self.published is None or self.standing is None:
            return
        shown = shown_in(self.standing.key.attempt, self.registers)
        now = _telling(self.standing, shown, self.published.status_version)
        if now != self.published:
            self._publish(self.standing, ChangeKind.UPDATE, self.cause)

    def _publish(self, standing: Claim, kind: ChangeKind, cause: Cause) -> None:
        before = self.published
        self.untold = False
        self.version += 1
        shown = shown_in(standing.key.attempt, self.registers)
        is_update = before is not None and kind is ChangeKind.UPDATE
        status_version = before.status_version if before and is_update else self.version
        self.published = _telling(standing, shown, status_version)
        self.changes.append(
            Change(
                self.version,
                kind,
                self.published.status,
                before.status if before else None,
                before.status_version if before and kind is ChangeKind.CORRECTION else None,
                self.published.attempt,
                self.published.final,
                tracked(shown),
                standing.detail,
                shown,
                cause,
                self.parcels,
            )
        )


def _telling(standing: Claim, shown: Attributes, status_version: int) -> Published:
    key, status = standing.key, standing.key.status
    return Published(
        key.attempt,
        status,
        standing.detail.reason,
        is_final(status, tracked=tracked(shown)),
        shown.get(Attribute.TRACKING_NUMBER),
        status_version,
    )
