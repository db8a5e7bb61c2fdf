"""What there is to say about clocks: that of this machine, and those of what it works with."""

from typing import Final

from card_fulfillment.doctor.findings import Finding, fail, ok, warn

_SKEW_WARNS: Final = 2.0
_SKEW_FAILS: Final = 300.0


def of_clock(seconds_ahead: float, whose: str) -> Finding:
    """seconds_ahead: of this machine's clock; negative: behind."""
    side = "ahead of" if seconds_ahead > 0 else "behind"
    said = f"the clock of {whose} is {abs(seconds_ahead):.1f} s {side} this machine's"
    if abs(seconds_ahead) > _SKEW_FAILS:
        return fail(said, "let NTP run on both: times of events and alerts would be wrong")
    if abs(seconds_ahead) > _SKEW_WARNS:
        return warn(said, "let NTP run on both")
    return ok(said)
