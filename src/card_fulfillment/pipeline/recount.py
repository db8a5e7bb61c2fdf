"""A bulk issuance counted anew from its cards and facts, as they are at one moment.

The sizes that announcements and orders named, and the totals of files, are taken as they are.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from card_fulfillment.domain.bulk import Bulk, Common, Member
from card_fulfillment.domain.facts import CardIdentity
from card_fulfillment.domain.members import Numbered, Sayings
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.parcels import Hearing, Parcel, Said
from card_fulfillment.domain.serials import Ranges

_NOTHING_PUBLISHED: Final = "nothing is published of it"
_TORN: Final = "its columns are not what its journey says"
_AHEAD: Final = "it has folded more than was ever said of its bulk"
_PASSED_OVER: Final = "it lacks what is said to be spread to all"


class Counted(NamedTuple):
    """A member's row.

    member: where its journey says that it is; null: nothing is published of it.
    agrees: whether the other columns of the row say the same.
    folded: the number up to which it has folded what is said of its bulk.
    """

    identity: CardIdentity
    member: Member | None
    agrees: bool
    folded: int


class Recount:
    """Takes the members one after another, in the order of their serials.

    numbers: of the facts. strays: cards by what is wrong with them.
    """

    def __init__(self, stored: Bulk, facts: Sequence[Numbered]) -> None:
        hearing = Hearing(Said())
        hearing.hear_all(facts)
        said = hearing.said()
        self._bulk = replace(stored, common=None, greatest_serial=0, taken_twice=(), said=said)
        self._last_number = stored.last_number
        self._passed_over = _PassedOver(stored, facts, said.parcels)
        self._counts: Counter[Member] = Counter()
        self._serial: int | None = None
        self.numbers = [each.number for each in facts]
        self.strays: dict[str, list[str]] = {}
        self.members = 0

    def take(self, each: Counted) -> None:
        self.members += 1
        self._identify(each.identity)
        if each.member is not None:
            self._counts[each.member] += 1
        for wrong, it_is in (
            (_NOTHING_PUBLISHED, each.member is None),
            (_TORN, not each.agrees),
            (_AHEAD, each.folded > self._last_number),
            (_PASSED_OVER, each in self._passed_over),
        ):
            if it_is:
                self.strays.setdefault(wrong, []).append(each.identity.card_id)

    def _identify(self, card: CardIdentity) -> None:
        taken = card.serial_number is not None and card.serial_number == self._serial
        self._serial = card.serial_number
        if taken or self._bulk.common != Common(card.card_product_id, card.labels):
            self._bulk = self._bulk.with_member(card, taken=taken)
        elif (card.serial_number or 0) > self._bulk.greatest_serial:
            self._bulk = replace(self._bulk, greatest_serial=card.serial_number or 0)

    def bulk(self) -> Bulk:
        """What it comes to."""
        return replace(self._bulk, counts=dict(self._counts))


class _PassedOver:
    """Members that lack something, though all is said to be spread up to a later number.

    They have folded less than others where nothing later concerns them: that is as it should be.
    """

    def __init__(
        self, stored: Bulk, facts: Iterable[Numbered], parcels: Mapping[Reference, Parcel]
    ) -> None:
        self._spread, self._reset = stored.spread_number, stored.reset_number
        spread = [each for each in facts if each.number <= self._spread]
        self._sayings = Sayings(spread, {r: self._filled(p) for r, p in parcels.items()})
        self._reaches: dict[int, Ranges | None] = {}

    def _filled(self, parcel: Parcel) -> Parcel:
        return replace(parcel, lines=tuple(x for x in parcel.lines if x.number <= self._spread))

    def __contains__(self, each: Counted) -> bool:
        if each.folded >= self._spread:
            return False
        if each.folded < self._reset <= self._spread:
            return True
        if each.folded not in self._reaches:
            self._reaches[each.folded] = self._sayings.reach(each.folded)
        reach = self._reaches[each.folded]
        return reach is None or _has(reach, each.identity.serial_number)


def _has(ranges: Ranges, serial: int | None) -> bool:
    if serial is None:
        return False
    place = bisect_right(ranges, serial, key=lambda r: r[0])
    return place > 0 and serial <= ranges[place - 1][1]
