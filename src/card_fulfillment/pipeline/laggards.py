"""Cards and bulk issuances that should have got on, judged by the last that was told of them."""

from collections import Counter
from collections.abc import AsyncIterable, Mapping
from datetime import date, datetime, timedelta
from heapq import nsmallest
from typing import Final, NamedTuple

from card_fulfillment.domain.status import Status, is_final
from card_fulfillment.pipeline.allowances import Allowance, Event, Told, days_late

ON_THE_WAY: Final = tuple(status for status in Status if not is_final(status, tracked=None))
"""Something more is expected of these; of what is `shipped`, where it is tracked."""

# It has come to where it was going, or has turned back: the estimate is about neither.
_BEYOND_THE_ESTIMATE: Final = frozenset({Status.AVAILABLE_FOR_PICKUP, Status.RETURNING})


class Laggard(NamedTuple):
    """since: when the record came that was told of last.

    past_estimate: how many days ago it should have been delivered; none where it should not yet.
    days_late: how many working days ago it should have left its phase; none likewise.
    is_silent: whether nothing was told for longer than asked.
    """

    event: Event
    since: datetime
    past_estimate: int | None
    days_late: int | None
    is_silent: bool


class Laggards(NamedTuple):
    """oldest: those silent for longest, in that order. by_status: how many there are of all."""

    oldest: list[Laggard]
    by_status: Counter[Status]
    silent: int
    past_estimate: int
    late: int


class Asked(NamedTuple):
    """What is too long, and when. allowed: in one phase, by the vendors that say so."""

    now: datetime
    silent_for: timedelta
    allowed: Mapping[str, Allowance]


def laggard(told: Told, asked: Asked) -> Laggard | None:
    """None where nothing more is expected of it, or all is as it should be."""
    event = told.event
    if event["final"]:
        return None
    since = datetime.fromisoformat(event["received_at"])
    past = _days_past_estimate(event, asked.now.date())
    late = days_late(told, asked.allowed, asked.now)
    is_silent = asked.now - since >= asked.silent_for
    if past is None and late is None and not is_silent:
        return None
    return Laggard(event, since, past, late, is_silent)


def _days_past_estimate(event: Event, today: date) -> int | None:
    estimate = event["shipment"]["estimated_delivery"]
    if estimate is None or event["fulfillment_status"] in _BEYOND_THE_ESTIMATE:
        return None
    try:
        days = (today - date.fromisoformat(estimate)).days
    except ValueError:
        return None  # not every vendor says a date
    return days if days > 0 else None


async def laggards(told: AsyncIterable[Told], asked: Asked, most: int) -> Laggards:
    """told: of each card and bulk issuance. most: of `oldest`."""
    oldest: list[Laggard] = []
    by_status: Counter[Status] = Counter()
    silent = past_estimate = late = 0
    async for each in told:
        found = laggard(each, asked)
        if found is None:
            continue
        by_status[Status(found.event["fulfillment_status"])] += 1
        silent += found.is_silent
        past_estimate += found.past_estimate is not None
        late += found.days_late is not None
        oldest.append(found)
        if len(oldest) > 2 * most:
            oldest = nsmallest(most, oldest, key=_age)
    return Laggards(nsmallest(most, oldest, key=_age), by_status, silent, past_estimate, late)


def id_of(event: Event) -> str:
    return event["card_id"] or event["bulk_issuance_id"] or ""


def _age(each: Laggard) -> tuple[datetime, str]:
    return each.since, each.event["event_id"]
