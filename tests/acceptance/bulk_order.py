"""A branch's order of 5,000 cards at Delta Cards, as events on the worker's input topics.

Three boxes, of which one is late; one card is rejected by its serial inside a posted range, one
comes back. Most cards are announced before the bureau begins, the others trickle in meanwhile.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .workload import Event

BULK: Final = "bulk-0001"
SIZE: Final = 5000
REJECTED: Final = 1733
RETURNED: Final = 10
BOXES: Final = {"AX1": (1, 2000), "AX2": (2001, 4000), "AX3": (4001, SIZE)}
# What becomes of all members, and of the bulk, once everything was said.
COUNTS: Final = {"rejected": 1, "delivered": SIZE - 2, "returned": 1}

_CREATED, _REQUESTED, _TRACKED = (
    "card-created",
    "embossing-requested",
    "perso-vendor-tracking-delta",
)
_BATCH: Final = "BLK8009ACE0"
_EARLY: Final = 4000


def card_of(serial: int) -> str:
    return f"branch-card-{serial:05d}"


def announced_early() -> Iterator[Event]:
    return map(_announcement, range(1, _EARLY + 1))


def announced_late() -> Iterator[Event]:
    return map(_announcement, range(_EARLY + 1, SIZE + 1))


def _announcement(serial: int) -> Event:
    card = card_of(serial)
    body = {
        "event_id": f"issued/{card}",
        "occurred_at": "2026-03-01T08:00:00Z",
        "card_id": card,
        "card_product_id": "instant",
        "bulk_issuance_id": BULK,
        "number_of_cards": SIZE,
        "serial_number": serial,
    }
    return Event(_CREATED, card, body)


def request() -> Event:
    body = {
        "event_id": "requested/bulk-0001",
        "occurred_at": "2026-03-01T09:00:00Z",
        "embossing_request_id": "emb-bulk-0001",
        "bulk_issuance_id": BULK,
        "vendor_id": "delta",
        "references": [{"kind": "batch_ref", "value": _BATCH}],
        "shipping": {"method": "CR", "tracked": True},
        "number_of_cards": SIZE,
    }
    return Event(_REQUESTED, BULK, body)


def production() -> Iterator[Event]:
    """Accepted, begun and made: each is said of all cards."""
    for line, (status, day) in enumerate((("10", 2), ("20", 3), ("30", 4)), 1):
        yield _line(line, status, day, (1, SIZE))


def refused() -> Event:
    """One of them by its serial."""
    return _line(4, "90", 4, (REJECTED, REJECTED), rej_code="012")


def handed_over(box: str) -> Event:
    number = list(BOXES).index(box) + 1
    return _line(10 + number, "40", 5, BOXES[box], carton=f"{number}/{len(BOXES)}", awb=box)


def delivered(box: str) -> Event:
    return _line(20 + list(BOXES).index(box), "50", 7, BOXES[box], awb=box)


def returned() -> Event:
    return _line(30, "80", 9, (RETURNED, RETURNED))


def _line(line: int, status: str, day: int, serials: tuple[int, int], **more: str) -> Event:
    first, last = serials
    body: Mapping[str, Any] = {
        "file": f"DLT_RET_202603{day:02d}_{line:04d}.csv",
        "file_seq": line,
        "line": line,
        "rec": "D",
        "batch_ref": _BATCH,
        "job_no": "0004417",
        "card_seq_from": f"{first:05d}",
        "card_seq_to": f"{last:05d}",
        "stat": status,
        "rej_code": "",
        "stat_dt": f"{day:02d}/03/2026",
        "qty": str(last - first + 1),
        "carton": "",
        "awb": "",
        "chan": "CR",
    }
    return Event(_TRACKED, _BATCH, {**body, **more})
