"""What reading each vendor's messages costs, beside parsing their JSON and nothing else."""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from card_fulfillment.domain.facts import Cause
from card_fulfillment.vendors.mapping import map_message
from card_fulfillment.vendors.profile import Profile, load_profiles

_REPEATS: Final = 7
_MESSAGES: Final = 500
_SCANS: Final = 30
_NOW: Final = 1_780_000_000_000_000  # microseconds: after all that the examples tell
_CAUSE: Final = Cause(None, "perso-vendor-tracking", 0, 0)


class _Work(NamedTuple):
    """Messages of a vendor; parts: into how many a figure is divided, of what name."""

    vendor: str
    messages: Sequence[bytes]
    parts: int
    part: str


def measure_vendors() -> Mapping[str, float]:
    """Microseconds of CPU per message, or per scan of a snapshot, best of several runs."""
    profiles = load_profiles()
    works = [
        *(_Work(name, _first_example(each), 1, "message") for name, each in profiles.items()),
        _Work("sahra", [_snapshot()], _SCANS, f"scan of {_SCANS}"),
    ]
    found: dict[str, float] = {}
    for work in works:
        name = f"map {work.vendor}, per {work.part}"
        found[name] = _mapping(profiles[work.vendor], work)
        found[f"{name}: JSON alone"] = _best(orjson.loads, work)
    return found


def _first_example(profile: Profile) -> Sequence[bytes]:
    return [message.encode() for message in profile.examples[0].messages]


def _snapshot() -> bytes:
    """A courier's snapshot, the newest scan first."""
    scans = [
        {
            "scan": "ARRIVED HUB",
            "code": "009",
            "type": "UD",
            "date": f"{day:02}-Mar-2026",
            "time": f"{hour:02}:15",
            "loc": "RUH",
        }
        for day in range(15, 0, -1)
        for hour in (16, 9)
    ]
    said = {"waybillNo": "32592631260", "reference": "BLK8009ACE0-2", "receivedBy": None}
    return orjson.dumps(said | {"expectedDeliveryDate": "16 March 2026", "scans": scans[:_SCANS]})


def _mapping(profile: Profile, work: _Work) -> float:
    def read(message: bytes) -> object:
        return map_message(profile, message, received_at=_NOW, headers={}, cause=_CAUSE)

    return _best(read, work)


def _best(read: Callable[[bytes], object], work: _Work) -> float:
    """Without the garbage collector, as in the worker."""
    best = float("inf")
    gc.collect()
    gc.disable()
    try:
        for _ in range(_REPEATS):
            began = time.process_time()
            for _ in range(_MESSAGES):
                for message in work.messages:
                    read(message)
            best = min(best, time.process_time() - began)
    finally:
        gc.enable()
    return best / (_MESSAGES * len(work.messages) * work.parts) * 1e6
