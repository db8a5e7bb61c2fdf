"""For how long a reference means whom it was bound to. Times are microseconds."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from card_fulfillment.domain.facts import DAY, HOUR, NOTHING

# Clock skew, day precision, scans before the end-of-day line that names the waybill.
GRACE: Final = 72 * HOUR
WINDOW: Final = 180 * DAY


class Windows(NamedTuple):
    """Of what is bound from now on. grace: before that was named; window: afterwards.

    shorter: `window` by vendor, where it is less.
    """

    grace: int = GRACE
    window: int = WINDOW
    shorter: Mapping[str, int] = NOTHING

    def of(self, vendor: str) -> int:
        return min(self.window, self.shorter.get(vendor, self.window))
