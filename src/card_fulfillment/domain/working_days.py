"""Working days, by the calendar of somebody who works."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from typing import Final

_WEEK: Final = 7


class Calendar:
    """On which days somebody works.

    weekend: days of the week, 0 is Monday. holidays: other days on which nobody works.
    zone: whose midnight divides the days.
    """

    def __init__(self, weekend: Iterable[int], holidays: Iterable[date], zone: tzinfo) -> None:
        free = set(weekend)
        works = [day not in free for day in range(_WEEK)]
        self._zone: Final = zone
        self._in_week: Final = sum(works)
        self._in_first_days: Final = [sum(works[:days]) for days in range(_WEEK)]
        self._holidays: Final = sorted({d.toordinal() for d in holidays if works[d.weekday()]})

    def begun_since(self, entry: datetime, now: datetime) -> int:
        """How many working days have begun after the day of entry, today's included.

        What enters on a day off enters as the next working day begins. So N working days end with
        the N-th after the day of entry: one that is given to what enters on a Friday, all of
        Monday; to what enters on the Saturday after it, all of Tuesday. What has begun since is
        more than N from the next working day on. 0 where `now` is before the entry.
        """
        first, today = self._day(entry), self._day(now)
        before, begun = self._up_to(first - 1), self._up_to(first)
        return max(self._up_to(today) - max(begun, before + 1), 0)

    def _day(self, time: datetime) -> int:
        return time.astimezone(self._zone).toordinal()

    def _up_to(self, day: int) -> int:
        """Working days from day 1, which is a Monday, to this one, inclusive."""
        weeks, days = divmod(day, _WEEK)
        work = weeks * self._in_week + self._in_first_days[days]
        return work - bisect_right(self._holidays, day)
