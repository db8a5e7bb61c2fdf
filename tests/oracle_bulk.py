"""Bulk issuances, as a function of the set of statements: what moves whom, and what it comes to.

See oracle.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from card_fulfillment.domain.facts import Fact, ParcelRole
from card_fulfillment.domain.naming import Reference, Subject, bulk_issuance
from card_fulfillment.domain.status import STANDING, Status
from oracle_claims import claim_of
from oracle_whom import Said, Whom

_GONE = {
    Status.CANCELLED,
    Status.REJECTED,
    Status.LOST,
    Status.RETURNED,
    Status.DELIVERY_FAILED,
}
_ASTRAY = _GONE | {Status.PRODUCTION_FAILED, Status.DELIVERY_EXCEPTION, Status.RETURNING}


class Member(NamedTuple):
    """Where a member is."""

    status: Status
    attempt: int


class BulkEnd(NamedTuple):
    status: Status
    attempt: int
    total: int | None
    announced: int
    counts: Mapping[Status, int]
    is_partial: bool
    exceptions: int
    parcels: Mapping[Reference, Status | None]
    roles: Mapping[Reference, ParcelRole]


class BulkSaid:
    """What is said of a bulk as a whole, of ranges and of parcels."""

    def __init__(self, bulk_id: str, said: Said, whom: Mapping[bytes, Whom]) -> None:
        self.subject = bulk_issuance(bulk_id)
        self.orders = [order for order in said.orders if order.subject == self.subject]
        self.facts = [fact for fact in said.facts if self.subject in (whom[fact.fact_id] or {})]
        self._about = {f.fact_id: (whom[f.fact_id] or {})[self.subject] for f in self.facts}
        self._sizes = [order.number_of_cards for order in self.orders]
        self._sizes += [
            announcement.number_of_cards
            for announcement in (*said.announcements.values(), *said.repeated)
            if announcement.card.bulk_issuance_id == bulk_id
        ]
        self._serials: defaultdict[Reference, list[range | None]] = defaultdict(list)
        for fact in self.facts:
            self._pack(fact)

    def _pack(self, fact: Fact) -> None:
        """A line tells which serials are in the parcel that it names; nothing said: all of them."""
        for level, parcel in fact.names:
            if level > fact.level:
                lines = self._serials[parcel]
                if fact.serials is not None:
                    lines.append(_serials(fact))
                elif not fact.is_one_of_several:
                    lines.append(None)

    def _roles(self) -> Mapping[Reference, ParcelRole]:
        """As of names: the outbound parcel wherever one fact calls it so."""
        called: defaultdict[Reference, set[ParcelRole]] = defaultdict(set)
        for fact in self.facts:
            for parcel in fact.parcels:
                called[parcel].add(self._about[fact.fact_id].side or fact.parcel_role)
        outbound = ParcelRole.OUTBOUND
        return {p: outbound if outbound in roles else min(roles) for p, roles in called.items()}

    def moves(self, fact: Fact, subjects: Collection[Subject], serial: int | None) -> bool:
        """Whether a fact about these subjects moves the bulk's member of that serial."""
        if self.subject not in subjects:
            return False
        if fact.serials is not None:
            return serial is not None and serial in _serials(fact)
        parcels = [r for r in fact.references if r in fact.parcels]
        return all(self._holds(parcel, serial) for parcel in parcels)

    def _holds(self, parcel: Reference, serial: int | None) -> bool:
        lines = self._serials.get(parcel, [])
        return any(line is None or (serial is not None and serial in line) for line in lines)

    def end(self, members: Collection[Member]) -> BulkEnd:
        attempt = self._attempt()
        live = {m.status for m in members if m.status not in _GONE and m.attempt <= attempt}
        counts = Counter(member.status for member in members)
        total = max((size for size in self._sizes if size is not None), default=None)
        return BulkEnd(
            status=min(live, key=_place) if live else _most_numerous(counts),
            attempt=attempt,
            total=total,
            announced=len(members),
            counts=dict(counts),
            is_partial=len(live) > 1 or (total is not None and len(members) < total),
            exceptions=sum(m.status in _ASTRAY or m.attempt > attempt for m in members),
            parcels={parcel: self._status_of(parcel) for parcel in self._serials},
            roles=self._roles(),
        )

    def _attempt(self) -> int:
        """That of the greatest fact with a status."""
        claims = [claim_of(fact, self._about[fact.fact_id]) for fact in self.facts]
        said = [claim.attempt for claim in claims if claim is not None]
        return max([order.attempt for order in self.orders] + said, default=1)

    def _status_of(self, parcel: Reference) -> Status | None:
        """By all that is said of the parcel, with serials or without."""
        about = [
            claim_of(fact, self._about[fact.fact_id])
            for fact in self.facts
            if parcel in fact.references or parcel in {name for _, name in fact.names}
        ]
        greatest = max((claim for claim in about if claim), default=None)
        return None if greatest is None else greatest.status


def _serials(fact: Fact) -> range:
    first, last = fact.serials or (0, -1)
    return range(first, last + 1)


def _place(status: Status) -> int:
    return STANDING[status].rank


def _most_numerous(counts: Mapping[Status, int]) -> Status:
    return max(counts, key=lambda status: (counts[status], _place(status)))
