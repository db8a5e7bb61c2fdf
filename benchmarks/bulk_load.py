"""A bulk issuance of any size, as events: its cards, its order, and what is said of all of them."""

from collections.abc import Iterator
from typing import Final

from acceptance.workload import Event

_STATUSES: Final = {"accepted": "10", "in_production": "20", "produced": "30"}


def announcements(bulk: str, members: int) -> Iterator[Event]:
    for serial in range(1, members + 1):
        card = f"{bulk}-{serial:06d}"
        body = {
            "event_id": f"issued/{card}",
            "occurred_at": "2026-03-01T08:00:00Z",
            "card_id": card,
            "card_product_id": "instant",
            "bulk_issuance_id": bulk,
            "number_of_cards": members,
            "serial_number": serial,
        }
        yield Event("card-created", card, body)


def request(bulk: str, members: int) -> Event:
    body = {
        "event_id": f"requested/{bulk}",
        "occurred_at": "2026-03-01T09:00:00Z",
        "embossing_request_id": f"emb-{bulk}",
        "bulk_issuance_id": bulk,
        "vendor_id": "delta",
        "references": [{"kind": "batch_ref", "value": f"BLK-{bulk}"}],
        "shipping": {"method": "CR"},
        "number_of_cards": members,
    }
    return Event("embossing-requested", bulk, body)


def said_of_all(bulk: str, members: int, status: str) -> Event:
    """One line of the bureau that concerns every member."""
    day = 2 + list(_STATUSES).index(status)
    body = {
        "file": f"DLT_RET_{bulk}_{day:02d}.csv",
        "file_seq": day,
        "line": 1,
        "rec": "D",
        "batch_ref": f"BLK-{bulk}",
        "job_no": "0004417",
        "card_seq_from": "00001",
        "card_seq_to": f"{members:05d}",
        "stat": _STATUSES[status],
        "rej_code": "",
        "stat_dt": f"{day:02d}/03/2026",
        "qty": str(members),
        "carton": "",
        "awb": "",
        "chan": "CR",
    }
    return Event("perso-vendor-tracking-delta", f"BLK-{bulk}", body)
