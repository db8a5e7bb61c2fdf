"""Whether the worker lives and whether it does its work, judged by progress.

A loop that still turns is alive, whatever it waits for: an outage is no reason for a restart.
Ready is who has what it needs and gets on. Times are seconds of a monotonic clock.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

from card_fulfillment.pipeline.backlog import BulkBacklog, InputBacklog, OutputBacklog
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.intake_ports import IntakeStatus
from card_fulfillment.pipeline.output_check import OUTPUT_PARTITIONS_CHANGED
from card_fulfillment.pipeline.relay import RelayState, RelayStatus

INPUT_RECREATED: Final = "input_recreated"
INPUT_MISSING: Final = "input_missing"
SCHEMA_MISMATCH: Final = "schema_mismatch"
STALLED: Final = "stalled"
OUTPUT_STALLED: Final = "output_stalled"
INPUT_WITHHELD: Final = "input_withheld"
BULK_STALLED: Final = "bulk_stalled"

ALARMS: Final = (
    INPUT_RECREATED,
    INPUT_MISSING,
    SCHEMA_MISMATCH,
    STALLED,
    OUTPUT_STALLED,
    INPUT_WITHHELD,
    BULK_STALLED,
    "output_ahead_of_database",
    "output_behind_database",
    OUTPUT_PARTITIONS_CHANGED,
    "lane_gap",
    "output_refused",
    "relay_failing",
)
"""Every name that an alarm has; the runbook has a page for each."""

# While the alarm stands nothing is asked of it, or nothing that counts as its answer.
_NOT_ASKED: Final = {INPUT_RECREATED: "kafka", SCHEMA_MISMATCH: "postgres"}

K = TypeVar("K", bound=Hashable)


class Reason(NamedTuple):
    """Why not. name: an alarm's, or what is awaited."""

    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. stalled: work waits and nothing moves. stuck: a loop does not even turn."""

    stalled: float = 30.0
    stuck: float = 60.0


class Standstill(Generic[K]):
    """Since when something that should move has not."""

    def __init__(self) -> None:
        self._seen: dict[K, tuple[object, float]] = {}

    def look(self, values: Mapping[K, object], now: float) -> None:
        """Of what is not named any more nothing is expected."""
        self._seen = {key: self._since(key, value, now) for key, value in values.items()}

    def _since(self, key: K, value: object, now: float) -> tuple[object, float]:
        seen = self._seen.get(key)
        return seen if seen is not None and seen[0] == value else (value, now)

    def seconds(self, key: K, now: float) -> float:
        seen = self._seen.get(key)
        return 0.0 if seen is None else now - seen[1]

    def longer_than(self, seconds: float, now: float) -> Iterator[tuple[K, float]]:
        for key, (_, since) in self._seen.items():
            if now - since > seconds:
                yield key, now - since


class Health:
    """What is known of the parts of one worker, and the judgement of it."""

    def __init__(self, relays: Mapping[str, RelayStatus], limits: Limits) -> None:
        self.relays = relays
        self.intake = IntakeStatus()
        self.inputs: Sequence[InputBacklog] = ()
        self.outputs: Sequence[OutputBacklog] = ()
        self.limits = limits
        self._joined = False
        self._raised: dict[str, str] = {}
        self._heard = {"kafka": 0, "postgres": 0}
        self._loops = Standstill[str]()
        self._dependencies = Standstill[str]()
        self._partitions = Standstill[Partition]()
        self._withheld = Standstill[Partition]()
        self._published = Standstill[str]()
        self._bulks = Standstill[str]()
        self._outside = Standstill[str]()

    # What is told.

    def raise_alarm(self, name: str, detail: str) -> None:
        self._raised[name] = detail

    def lower_alarm(self, name: str) -> None:
        self._raised.pop(name, None)

    def heard_of_group(self, now: float, *, joined: bool, is_member: bool) -> None:
        """joined: at least once. While a group shares out anew, nobody is a member for a moment."""
        self._joined = joined
        self._outside.look({} if is_member else {"out_of_group": is_member}, now)

    def heard_of_inputs(self, inputs: Sequence[InputBacklog], now: float) -> None:
        self.inputs = inputs
        self._heard["kafka"] += 1
        self._partitions.look({i.partition: i.position for i in inputs if i.lag}, now)
        self._withheld.look({i.partition: i.position + i.lag for i in inputs if i.withheld}, now)

    def heard_of_outputs(self, outputs: Sequence[OutputBacklog], now: float) -> None:
        self.outputs = outputs
        self._heard["postgres"] += 1
        self._published.look({o.topic: o.published for o in outputs if o.waiting}, now)

    def heard_of_bulks(self, bulks: Sequence[BulkBacklog], now: float) -> None:
        self._bulks.look({each.bulk_id: each.written for each in bulks}, now)

    def look(self, now: float) -> None:
        """Notice which loops have turned; to be called each second or so."""
        silent = {_NOT_ASKED.get(alarm) for alarm in self._raised}
        self._dependencies.look({k: v for k, v in self._heard.items() if k not in silent}, now)
        turns = {f"relay of {topic}": status.turns for topic, status in self.relays.items()}
        asleep = {
            f"relay of {topic}"
            for topic, status in self.relays.items()
            if status.state in (RelayState.ALARMED, RelayState.STOPPED)
        }
        loops: dict[str, object] = {k: v for k, v in turns.items() if k not in asleep}
        if INPUT_RECREATED not in self._raised:
            loops["intake"] = self.intake.pulse
        self._loops.look(loops, now)

    # What is asked.

    def stuck(self, now: float) -> list[Reason]:
        """Why a restart would help; nothing where every loop turns."""
        return [
            Reason("stuck", f"{loop} has not turned for {seconds:.0f} s")
            for loop, seconds in self._loops.longer_than(self.limits.stuck, now)
        ]

    def unready(self, now: float) -> list[Reason]:
        """Why it does not do all of its work; nothing where it does, or waits for its turn."""
        return [
            *self.stuck(now),
            *self.alarms(now),
            *self._not_in_the_group(now),
            *self._relays_not_at_work(),
            *self._unreachable(now),
        ]

    def alarms(self, now: float) -> list[Reason]:
        """What a person must look at."""
        of_relays = (
            Reason(status.alarm.name, f"{topic}: {status.alarm.message}")
            for topic, status in self.relays.items()
            if status.alarm is not None
        )
        raised = (Reason(name, detail) for name, detail in self._raised.items())
        return [*raised, *of_relays, *self._stalls(now)]

    def _stalls(self, now: float) -> Iterator[Reason]:
        for partition, seconds in self._partitions.longer_than(self.limits.stalled, now):
            yield Reason(
                STALLED, f"{_name(partition)} has lag and has not moved for {seconds:.0f} s"
            )
        for partition, seconds in self._withheld.longer_than(self.limits.stalled, now):
            yield Reason(
                INPUT_WITHHELD,
                f"{_name(partition)} is behind somebody's open transaction for {seconds:.0f} s",
            )
        for topic, seconds in self._published.longer_than(self.limits.stalled, now):
            yield Reason(
                OUTPUT_STALLED,
                f"changes wait for {topic} and none was published for {seconds:.0f} s",
            )
        for bulk_id, seconds in self._bulks.longer_than(self.limits.stalled, now):
            yield Reason(
                BULK_STALLED,
                f"what is said of bulk issuance {bulk_id} has not got on for {seconds:.0f} s",
            )

    def _not_in_the_group(self, now: float) -> Iterator[Reason]:
        if not self._joined:
            yield Reason("starting", "the consumer group has not taken it in yet")
            return
        for name, seconds in self._outside.longer_than(self.limits.stalled, now):
            yield Reason(name, f"it is no member of its consumer group for {seconds:.0f} s")

    def _relays_not_at_work(self) -> Iterator[Reason]:
        for topic, status in self.relays.items():
            if status.state not in (RelayState.PUBLISHING, RelayState.WAITING_FOR_LEASE):
                told = status.failures and status.state is not RelayState.ALARMED
                failure = f": {status.last_failure}" if told else ""
                yield Reason(f"relay_{status.state.value}", f"{topic}{failure}")

    def _unreachable(self, now: float) -> Iterator[Reason]:
        for name, seconds in self._dependencies.longer_than(self.limits.stalled, now):
            yield Reason(f"{name}_unreachable", f"{name} has not answered for {seconds:.0f} s")

    def state(self) -> dict[str, Any]:
        """What there is to see at a glance, whatever the verdict."""
        inputs: dict[str, dict[str, int]] = {}
        for each in self.inputs:
            topic = inputs.setdefault(each.partition.topic, {"partitions": 0, "lag": 0})
            topic["partitions"] += 1
            topic["lag"] += each.lag
        return {
            "inputs": inputs,
            "outputs": {
                output.topic: {"waiting": output.waiting, "oldest_seconds": output.oldest_seconds}
                for output in self.outputs
            },
            "relays": {
                topic: {"state": status.state.value, "published": status.published}
                for topic, status in self.relays.items()
            },
        }

    def waiting_seconds(self, partition: Partition, now: float) -> float:
        """For how long, at least, a partition with lag has not moved."""
        return self._partitions.seconds(partition, now)

    def bulk_seconds(self, now: float) -> float:
        """For how long nothing was written of the bulk that waits for longest."""
        return max((seconds for _, seconds in self._bulks.longer_than(0.0, now)), default=0.0)


def _name(partition: Partition) -> str:
    return f"{partition.topic}[{partition.partition}]"
