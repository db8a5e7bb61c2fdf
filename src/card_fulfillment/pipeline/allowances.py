"""How many working days vendors take at most, and what is in its phase for longer."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from card_fulfillment.domain.status import STANDING, Phase, Status
from card_fulfillment.domain.working_days import Calendar
from card_fulfillment.messages.bulk_event_models import BulkIssuanceStatusChanged
from card_fulfillment.messages.event_models import CardStatusChanged
from card_fulfillment.messages.times import on_its_day
from card_fulfillment.vendors.language import ProfileFile
from card_fulfillment.vendors.profile import Profile
from card_fulfillment.vendors.shipping import Weekday

Event = CardStatusChanged | BulkIssuanceStatusChanged

# What waits for the cardholder has come to where its vendor was to bring it.
_WITH_THE_VENDOR: Final = frozenset(Status) - {Status.AVAILABLE_FOR_PICKUP}


class Ordered(NamedTuple):
    """Whom a card or a bulk issuance was ordered from, and how it is to be shipped."""

    vendor: str
    method: str | None


class Told(NamedTuple):
    """What was told of a card or a bulk issuance.

    event: the last. earlier: those before it, if they were asked for.
    order: that of its present attempt, where the events need not tell of it.
    """

    event: Event
    earlier: Sequence[Event] = ()
    order: Ordered | None = None


class Allowance(NamedTuple):
    """What a vendor takes. days: working days at most, by shipping method and phase."""

    calendar: Calendar
    days: Mapping[tuple[str | None, Phase], int]


def allowances(profiles: Mapping[str, Profile]) -> Mapping[str, Allowance]:
    """By vendor, of those that say any."""
    found = {vendor: _allowance(profile.source) for vendor, profile in profiles.items()}
    return {vendor: allowance for vendor, allowance in found.items() if allowance.days}


def _allowance(file: ProfileFile) -> Allowance:
    zone = file.zone or file.assumed_zone
    weekend = [list(Weekday).index(day) for day in file.weekend]
    calendar = Calendar(weekend, file.holidays, ZoneInfo(zone) if zone else UTC)
    days: dict[tuple[str | None, Phase], int] = {
        (name, Phase[phase.upper()]): number
        for name, method in file.methods.items()
        for phase, number in method.working_days
        if number is not None
    }
    return Allowance(calendar, days)


def limited(allowed: Mapping[str, Allowance]) -> list[Status]:
    """The statuses that nothing may have for longer than some vendor says."""
    phases = {phase for allowance in allowed.values() for _, phase in allowance.days}
    return [s for s in Status if STANDING[s].phase in phases and s in _WITH_THE_VENDOR]


def days_late(told: Told, allowed: Mapping[str, Allowance], now: datetime) -> int | None:
    """How many working days longer than allowed it is in its phase; none where it is not.

    The ordered vendor's profile says what is allowed, for the method of the order. It is in its
    phase from the earliest time that is stated by an event since it was last told to be in another
    phase or attempt, but never before its attempt began, whatever a vendor's clock says.
    """
    event = told.event
    status = event["fulfillment_status"]
    if status not in _WITH_THE_VENDOR:
        return None
    events = [each for each in told.earlier if each["attempt"] == event["attempt"]]
    events.append(event)
    order, phase = told.order or _order(events), STANDING[status].phase
    if order is None or order.vendor not in allowed:
        return None
    allowance = allowed[order.vendor]
    most = allowance.days.get((order.method, phase))
    if most is None:
        return None
    stay = takewhile(lambda e: STANDING[e["fulfillment_status"]].phase is phase, reversed(events))
    since = max(min(map(_stated, stay)), _stated(events[0]))
    late = allowance.calendar.begun_since(since, now) - most
    return late if late > 0 else None


def _order(events: Sequence[Event]) -> Ordered | None:
    for each in events:
        vendor = each["vendor"]
        if each["fulfillment_status"] == Status.ORDERED and vendor is not None:
            shown = events[-1]["shipment"]["method"]
            return Ordered(vendor["id"], each["shipment"]["method"] or shown)
    return None


def _stated(event: Event) -> datetime:
    at = datetime.fromisoformat(event["occurred_at"])
    return on_its_day(at, event["occurred_at_precision"])
