"""Whether an auditor lives, and whether it still vouches for the output."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from card_fulfillment.ops.health import Limits, Reason
from card_fulfillment.pipeline.audit import Finding

AUDIT_VIOLATION: Final = "audit_violation"
"""The alarm's name; the runbook has a page for it."""


class AuditHealth:
    """A violation stands until the auditor is started anew: nothing that follows mends it.

    Times are seconds of a monotonic clock.
    """

    def __init__(self, topics: Iterable[str], limits: Limits, now: float) -> None:
        self._limits = limits
        self._turned = dict.fromkeys(topics, now)
        self._at_the_end = dict(self._turned)
        self._ended: set[str] = set()
        self._records: Counter[str] = Counter()
        self._violations: Counter[str] = Counter()
        self._last: dict[str, Finding] = {}

    # What is told.

    def turned(self, topic: str, now: float) -> None:
        """Its loop has turned, whatever came of it."""
        self._turned[topic] = now

    def held(self, topic: str, records: int, found: Sequence[Finding]) -> None:
        """That many records more were held against the outbox."""
        self._records[topic] += records
        self._violations[topic] += len(found)
        for finding in found:
            self._last[topic] = finding

    def came_to_the_end(self, topic: str, now: float) -> None:
        self._ended.add(topic)
        self._at_the_end[topic] = now

    # What is asked.

    def stuck(self, now: float) -> list[Reason]:
        return [
            Reason("stuck", f"the audit of {topic} has not turned for {now - since:.0f} s")
            for topic, since in self._turned.items()
            if now - since > self._limits.stuck
        ]

    def unready(self, now: float) -> list[Reason]:
        return [*self.stuck(now), *self.alarms(), *self._behind(now)]

    def alarms(self) -> list[Reason]:
        """What a person must look at."""
        return [
            Reason(
                AUDIT_VIOLATION,
                f"{topic}: {self._violations[topic]} found, the last: "
                f"{last.violation}, {last.place}: {last.detail}",
            )
            for topic, last in self._last.items()
        ]

    def behind(self, now: float) -> Mapping[str, float]:
        """For how many seconds each topic was not read to its end."""
        return {topic: now - since for topic, since in self._at_the_end.items()}

    def state(self) -> dict[str, Any]:
        return {
            "topics": {
                topic: {"records": self._records[topic], "violations": self._violations[topic]}
                for topic in self._turned
            }
        }

    def _behind(self, now: float) -> Iterable[Reason]:
        for topic, seconds in self.behind(now).items():
            if topic not in self._ended:
                yield Reason("starting", f"{topic} was not read to its end yet")
            elif seconds > self._limits.stalled:
                yield Reason("behind", f"{topic} was not read to its end for {seconds:.0f} s")
