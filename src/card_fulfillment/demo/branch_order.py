"""The story of a branch that ordered sixty cards as one: Delta Cards make them and send boxes."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import Final, NamedTuple

from card_fulfillment.demo.story import BulkEnding, Ending, Input, Step, Story, Told
from card_fulfillment.demo.wire import Plastic, When, Wire, plastics, step
from card_fulfillment.domain.discrepancies import DiscrepancyName
from card_fulfillment.domain.status import Status

_BULK: Final = "bulk-3001"
_BATCH: Final = "BLK3001"
_FIRST_CARD: Final = 3001
_SIZE: Final = 60
_EARLY: Final = 50  # the others are announced when the bureau works already
_REJECTED: Final = 17
_FIRST_FILE: Final = 41


class _Lot(NamedTuple):
    """Cards that a line of a file is about, and the box that they are in."""

    serials: tuple[tuple[int, int], ...]
    carton: str = ""
    awb: str = ""


_ALL: Final = _Lot(((1, _SIZE),))
_REFUSED: Final = _Lot(((_REJECTED, _REJECTED),))
_BOXES: Final = (
    _Lot(((1, _REJECTED - 1), (_REJECTED + 1, 25)), "1/3", "AX9930041"),
    _Lot(((26, 45),), "2/3", "AX9930057"),
    _Lot(((46, 58),), "3/3", "AX9930088"),
)
_FORGOTTEN: Final = (59, 60)

# What the bureau's files say, a file for each day: state, which cards, a reason that goes with it.
_FILES: Final[Mapping[int, Sequence[tuple[str, _Lot, str]]]] = {
    1: [("10", _ALL, "")],
    2: [("30", _ALL, ""), ("90", _REFUSED, "012")],
    3: [("40", _BOXES[0], "")],
    4: [("40", _BOXES[1], "")],
    5: [("50", _BOXES[0], "")],
    6: [("40", _BOXES[2], ""), ("50", _BOXES[1], "")],
    7: [("50", _BOXES[2], "")],
}
_MADE: Final = (Status.CREATED, Status.ORDERED, Status.ACCEPTED, Status.PRODUCED)


def branch_order(wire: Wire) -> Sequence[Story]:
    """The story, and in the background the cards of it that have nothing special to tell."""
    cards = list(islice(plastics(_FIRST_CARD), _SIZE))
    endings = {card.card_id: _ending(serial) for serial, card in enumerate(cards, 1)}
    told = {cards[serial - 1].card_id for serial in (1, _REJECTED, _SIZE)}
    return (
        Story(
            title="A branch waits for sixty cards in three boxes",
            moral="57 are there; one was refused, two were forgotten: the event says which.",
            steps=(*_issuer(wire, cards), *_bureau(wire)),
            endings={card: ending for card, ending in endings.items() if card in told},
            bulks={_BULK: _whole()},
        ),
        Story(steps=(), endings={c: ending for c, ending in endings.items() if c not in told}),
    )


def _issuer(wire: Wire, cards: Sequence[Plastic]) -> Iterator[Step]:
    for serial, card in enumerate(cards, 1):
        yield wire.created(
            card,
            When(0 if serial <= _EARLY else 2, "08:00"),
            card_product_id="branch-debit",
            labels={"programme": "branch", "region": "ae"},
            bulk_issuance_id=_BULK,
            serial_number=serial,
            number_of_cards=_SIZE,
        )
    yield step(
        Input.EMBOSSING_REQUESTED,
        0,
        _BULK,
        {
            "event_id": f"evt_{_BULK}_ordered",
            "occurred_at": wire.at(When(0, "08:05")),
            "embossing_request_id": f"emb_{_BATCH}",
            "bulk_issuance_id": _BULK,
            "vendor_id": "delta",
            "references": [{"kind": "batch_ref", "value": _BATCH}],
            "shipping": {"method": "branch_courier"},
            "number_of_cards": _SIZE,
        },
    )


def _bureau(wire: Wire) -> Iterator[Step]:
    for number, (day, said) in enumerate(_FILES.items(), _FIRST_FILE):
        rows = [(state, lot, serials, why) for state, lot, why in said for serials in lot.serials]
        for line, (state, lot, (first, last), why) in enumerate(rows, 1):
            body = {
                "file": f"DLT_RET_{number:04}.csv",
                "file_seq": number,
                "line": line,
                "rec": "D",
                "batch_ref": _BATCH,
                "card_seq_from": f"{first:05}",
                "card_seq_to": f"{last:05}",
                "stat": state,
                "rej_code": why,
                "stat_dt": f"{wire.begins + timedelta(days=day):%d/%m/%Y}",
                "qty": str(last - first + 1),
                "carton": lot.carton,
                "awb": lot.awb,
            }
            yield step(Input.DELTA, day, _BATCH, body)


def _ending(serial: int) -> Ending:
    if serial == _REJECTED:
        return Ending(told=tuple(map(Told, (*_MADE, Status.REJECTED))), final=True)
    if serial in _FORGOTTEN:
        return Ending(told=tuple(map(Told, _MADE)))
    arrived = (*_MADE, Status.SHIPPED, Status.DELIVERED)
    (awb,) = {b.awb for b in _BOXES for first, last in b.serials if first <= serial <= last}
    return Ending(told=tuple(map(Told, arrived)), final=True, tracking_number=awb)


def _whole() -> BulkEnding:
    counts = {Status.PRODUCED: 2, Status.REJECTED: 1, Status.DELIVERED: _SIZE - 3}
    missing = ((_REJECTED, _REJECTED), _FORGOTTEN)
    return BulkEnding(
        statuses=_MADE,
        counts=counts,
        boxes={box.awb: Status.DELIVERED for box in _BOXES},
        missing={DiscrepancyName.SHORT_SHIPMENT: missing},
    )
