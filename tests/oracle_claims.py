"""The order of facts, and which of a card's facts wins (see oracle)."""

from collections.abc import Collection
from typing import NamedTuple

from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import DAY, Fact, ParcelRole
from card_fulfillment.domain.status import STANDING, Status
from oracle_whom import About

_BACK = (Status.RETURNING, Status.RETURNED, Status.LOST)


class Claim(NamedTuple):
    """A fact as a candidate for a status; the greatest wins."""

    attempt: int
    phase: int
    time: int
    rank: int
    fact_id: bytes
    status: Status


def claim_of(fact: Fact, about: About) -> Claim | None:
    """What is said of a PIN letter is said of no card and no bulk.

    Of what a number means that is of a parcel on its way back, only that it comes back.
    """
    if ParcelRole.PIN in (fact.parcel_role, about.side):
        return None
    if about.side is ParcelRole.RETURN and fact.status not in _BACK:
        return None
    return claim_of_parcel(fact, about.attempt)


def claim_of_parcel(fact: Fact, attempt: int) -> Claim | None:
    if fact.status is None:
        return None
    phase, rank = STANDING[fact.status]
    return Claim(attempt, phase, effective(fact), rank, fact.fact_id, fact.status)


def effective(fact: Fact) -> int:
    """A day counts as its first instant, but an outcome that closes it comes at its end."""
    closes = fact.status in (Status.RETURNED, Status.LOST)
    return fact.stated + DAY - 1 if closes and fact.precision is Precision.DAY else fact.stated


PRODUCTION = STANDING[Status.PRODUCED].phase
_ENDED = (Status.REJECTED, Status.CANCELLED)


def winner_of(
    own: Collection[Claim], bulk: Collection[Claim], range_production: Collection[Claim]
) -> Claim:
    """The greatest claim, but a card whose production was ended by name or by range stays ended."""
    candidates = [max(own)] if own else []
    of_bulk = [max(bulk)] if bulk else []
    if range_production and of_bulk and _ends(max(range_production), of_bulk[0]):
        of_bulk = [max(range_production)]
    if own and of_bulk and _ends(max(own), of_bulk[0]):
        of_bulk = []
    return max(candidates + of_bulk)


def _ends(claim: Claim, of_bulk: Claim) -> bool:
    return claim.status in _ENDED and claim.attempt == of_bulk.attempt
