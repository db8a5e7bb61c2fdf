"""A bulk issuance: one live status, counts and parcels for its many cards.

What is kept are counts of members and unions of what was said; the roll-up is a function of both.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Self

from card_fulfillment.domain.detail import Detail
from card_fulfillment.domain.discrepancies import Discrepancy, Sizes, discrepancies
from card_fulfillment.domain.facts import (
    Attribute,
    Attributes,
    AttributeValue,
    CardIdentity,
    Cause,
    Fact,
)
from card_fulfillment.domain.files import FileTotals
from card_fulfillment.domain.journey import ChangeKind
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.parcels import NOTHING_SAID, Said, packing
from card_fulfillment.domain.registers import shown_in, tracked
from card_fulfillment.domain.serials import Ranges, united
from card_fulfillment.domain.status import STANDING, Status, is_final

# A member in one of these is not on its way any more, whatever becomes of the others.
_NOT_LIVE: Final = frozenset(
    {
        Status.CANCELLED,
        Status.REJECTED,
        Status.LOST,
        Status.RETURNED,
        Status.DELIVERY_FAILED,
    }
)
EXCEPTIONS: Final = _NOT_LIVE | {
    Status.PRODUCTION_FAILED,
    Status.DELIVERY_EXCEPTION,
    Status.RETURNING,
}
_MOST_SIZES: Final = 16


class Member(NamedTuple):
    """Where a member is, as far as its bulk counts it."""

    status: Status
    attempt: int


Counts = Mapping[Member, int]


class Common(NamedTuple):
    """What all members have in common. product: null where they differ."""

    product: str | None
    labels: Mapping[str, str]

    def with_card(self, card: CardIdentity) -> "Common":
        shared = {n: v for n, v in self.labels.items() if card.labels.get(n) == v}
        return Common(self.product if self.product == card.card_product_id else None, shared)


class RollUp(NamedTuple):
    """Where a bulk is: what is published of it, and compared with what was published last.

    final: nothing more is expected of any member in this attempt.
    """

    status: Status
    attempt: int
    total: int | None
    announced: int
    counts: Mapping[Status, int]
    is_partial: bool
    exceptions: int
    parcels: Mapping[Reference, Status | None]
    discrepancies: tuple[Discrepancy, ...]
    packing: str = ""  # a digest of what else is told of the parcels and of the whole as one
    final: bool = False

    @property
    def notable(self) -> tuple[object, ...]:
        """What is told at once when it changes; the rest goes out by the next tick."""
        status = (self.status, self.attempt, self.final)
        return (*status, self.is_partial, self.exceptions, self.parcels, self.discrepancies)


class Because(NamedTuple):
    """The statement that a change of a bulk comes from. status: what it states, if anything."""

    status: Status | None
    detail: Detail
    cause: Cause


def because(fact: Fact) -> Because:
    return Because(fact.status, fact.detail, fact.cause)


@dataclass(frozen=True, slots=True)
class Bulk:
    """All that is kept of a bulk issuance beside its cards and facts.

    sizes: numbers of cards that announcements and orders named. last_number: of its newest facts;
    members fold up to it. reset_number: members that folded less fold everything anew. reset_by: of
    the record that took facts away then. spread_number: what every member that it concerns has
    folded. told: what was published last. dirty: counts changed since. filed: what files that are
    about it alone say.
    """

    common: Common | None = None
    sizes: frozenset[int] = frozenset()
    counts: Counts = field(default_factory=dict)
    greatest_serial: int = 0
    taken_twice: Ranges = ()
    said: Said = NOTHING_SAID
    last_number: int = 0
    reset_number: int = 0
    reset_by: Cause | None = None
    spread_number: int = 0
    version: int = 0
    told: RollUp | None = None
    because: Because | None = None
    dirty: bool = False
    filed: FileTotals = field(default_factory=dict)

    @property
    def announced(self) -> int:
        return sum(self.counts.values())

    @property
    def lags(self) -> bool:
        """Whether some member may lack what was said of it."""
        return self.spread_number < self.last_number

    @property
    def total(self) -> int | None:
        return max(self.sizes, default=None)

    @property
    def awaits_members(self) -> bool:
        """Whether fewer cards are announced than were named."""
        total = self.total
        return total is not None and self.announced < total

    def of_size(self, named: Iterable[int]) -> Self:
        """The greatest counts; of the smaller ones it is enough to know that they differ."""
        sizes = sorted(self.sizes.union(named))
        return replace(self, sizes=frozenset(sizes[-_MOST_SIZES:]))

    def with_member(self, card: CardIdentity, *, taken: bool) -> Self:
        """Announce a member. taken: whether another has its serial."""
        serial = card.serial_number or 0
        known = self.common
        common = known.with_card(card) if known else Common(card.card_product_id, card.labels)
        twice = united((*self.taken_twice, (serial, serial))) if taken else self.taken_twice
        greatest = max(self.greatest_serial, serial)
        return replace(self, common=common, greatest_serial=greatest, taken_twice=twice)

    def counting(self, changes: Mapping[Member, int]) -> Self:
        counts = {m: self.counts.get(m, 0) + changes.get(m, 0) for m in {**self.counts, **changes}}
        return replace(self, counts={member: n for member, n in counts.items() if n})


def roll_up(bulk: Bulk) -> RollUp:
    """Of a bulk with at least one member: the least advanced of its live members' statuses."""
    attempt = bulk.said.attempt
    counts: dict[Status, int] = {}
    live: set[Status] = set()
    exceptions = 0
    for (status, of_attempt), number in bulk.counts.items():
        counts[status] = counts.get(status, 0) + number
        if status not in _NOT_LIVE and of_attempt <= attempt:
            live.add(status)
        if status in EXCEPTIONS or of_attempt > attempt:
            exceptions += number
    in_order = sorted(counts, key=STANDING.__getitem__)
    if live:
        status = min(live, key=STANDING.__getitem__)
    else:
        status = max(in_order, key=lambda s: (counts[s], STANDING[s]))
    is_partial = len(live) > 1 or bulk.awaits_members
    # What has ordered them anew reaches the members after their bulk.
    begun = all(of_attempt >= attempt for _, of_attempt in bulk.counts)
    return RollUp(
        status=status,
        attempt=attempt,
        total=bulk.total,
        announced=bulk.announced,
        counts={status: counts[status] for status in in_order},
        is_partial=is_partial,
        exceptions=exceptions,
        parcels=_statuses_of_parcels(bulk.said),
        discrepancies=discrepancies(
            Sizes(bulk.sizes, bulk.greatest_serial, bulk.taken_twice),
            bulk.said.reports.with_totals(bulk.filed.values()),
            attempt,
        ),
        packing=packing(bulk.said.parcels, _number(bulk)),
        final=not is_partial and begun and is_final(status, tracked=is_tracked(bulk)),
    )


def _statuses_of_parcels(said: Said) -> Mapping[Reference, Status | None]:
    """Of the parcels that a line named; null where no status was told of one."""
    return {
        reference: parcel.claim.key.status if parcel.claim else None
        for reference, parcel in sorted(said.parcels.items())
        if parcel.named
    }


def _brought_to_life(bulk: Bulk) -> RollUp:
    """Version 1, as if nothing had been said of any member: what was follows as version 2."""
    return RollUp(
        status=Status.CREATED,
        attempt=1,
        total=bulk.total,
        announced=bulk.announced,
        counts={Status.CREATED: bulk.announced},
        is_partial=bulk.awaits_members,
        exceptions=0,
        parcels={},
        discrepancies=(),
        packing=packing({}, _number(bulk)),
    )


class BulkChange(NamedTuple):
    """One published version of a bulk."""

    version: int
    kind: ChangeKind
    previous: Status | None
    now: RollUp
    because: Because


def tell(bulk: Bulk, first: Because | None, *, tick: bool = False) -> tuple[Bulk, list[BulkChange]]:
    """What is to be published of the bulk, and the bulk after that.

    first: of its first announcement, where this brings it to life. tick: counts alone go out too.
    """
    changes: list[BulkChange] = []
    if bulk.told is None and first is not None:
        created = _brought_to_life(bulk)
        changes.append(BulkChange(1, ChangeKind.PROGRESS, None, created, first))
        bulk = replace(bulk, version=1, told=created, because=bulk.because or first)
    if bulk.told is None or bulk.because is None:
        return bulk, changes
    now = roll_up(bulk)
    if now.notable != bulk.told.notable or (tick and now != bulk.told):
        version = bulk.version + 1
        change = BulkChange(version, _kind(bulk.told, now), bulk.told.status, now, bulk.because)
        changes.append(change)
        return replace(bulk, version=version, told=now, dirty=False), changes
    return replace(bulk, dirty=now != bulk.told), changes


def _kind(told: RollUp, now: RollUp) -> ChangeKind:
    if now.attempt > told.attempt:
        return ChangeKind.REISSUE
    if now.status is told.status:
        return ChangeKind.UPDATE
    fell = STANDING[now.status] < STANDING[told.status]
    return ChangeKind.REGRESSION if fell else ChangeKind.PROGRESS


def shown(bulk: Bulk) -> Attributes:
    """What is said of the shipment of the whole bulk, in its attempt."""
    return shown_in(bulk.said.attempt, bulk.said.registers)


def _number(bulk: Bulk) -> AttributeValue | None:
    return shown(bulk).get(Attribute.TRACKING_NUMBER)


def is_tracked(bulk: Bulk) -> bool | None:
    return tracked(shown(bulk))
