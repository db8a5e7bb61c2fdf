"""A vendor's messages, and a user's profile that lacks some of their codes."""

from importlib.resources import files
from pathlib import Path
from typing import Any, Final

TRACKING: Final = "perso-vendor-tracking-meridian"


def profile_without(directory: Path, *codes: str) -> Path:
    """A directory of a user whose profile of Meridian lacks codes."""
    profile = files("card_fulfillment.vendors").joinpath("profiles/meridian.yaml").read_text()
    profile = profile.partition("\nexamples:")[0]
    for code in codes:
        kept = [line for line in profile.splitlines() if not line.strip().startswith(f"{code}:")]
        assert len(kept) == len(profile.splitlines()) - 1
        profile = "\n".join(kept)
    directory.mkdir(exist_ok=True)
    (directory / "meridian.yaml").write_text(profile + "\n")
    return directory


def notification(state: str, hour: int, card: str = "M1") -> dict[str, Any]:
    return {
        "opId": f"{card}/{state}",
        "op": "PRODUCE",
        "outcome": "OK",
        "startedAt": f"2026-03-02T{hour:02}:00:00Z",
        "detail": {"state": state},
        "card": card,
    }


CREATED: Final = {
    "event_id": "created/c1",
    "occurred_at": "2026-03-01T06:00:00Z",
    "card_id": "c1",
    "card_product_id": "gold",
}
ORDERED: Final = {
    "event_id": "ordered/c1",
    "occurred_at": "2026-03-01T07:00:00Z",
    "embossing_request_id": "r1",
    "card_id": "c1",
    "vendor_id": "meridian",
    "references": [{"kind": "card", "value": "M1"}],
    "shipping": {"method": "express"},
}


def tracking(*states: str) -> dict[str, Any]:
    return {"notifications": [notification(s, 8 + n) for n, s in enumerate(states)]}
