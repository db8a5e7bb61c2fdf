"""What vendors' own messages do to cards and bulks, from their bytes to what is published."""

from datetime import UTC, datetime, timedelta

import orjson

from agreement import Telling
from builders import announcement, hour, order, sent, sized
from card_fulfillment.domain.facts import SECOND, Cause
from card_fulfillment.domain.naming import Reference, SubjectKind, bulk_issuance
from card_fulfillment.messages.envelope import Ignored
from card_fulfillment.pipeline.batch import Element
from card_fulfillment.vendors.mapping import map_message
from card_fulfillment.vendors.outcomes import Unusable
from card_fulfillment.vendors.profile import load_profiles

_PROFILES = load_profiles()
_B1 = bulk_issuance("b1")
_RIYADH = timedelta(hours=3)


def _elements(vendor: str, message: object, at: float) -> list[Element]:
    found = map_message(
        _PROFILES[vendor],
        orjson.dumps(message),
        received_at=hour(at),
        headers={},
        cause=Cause(None, vendor, 0, 0),
    )
    assert not any(isinstance(each, Unusable) for each in found), found
    return [each for each in found if not isinstance(each, Ignored | Unusable)]


def _day(at: float) -> datetime:
    return datetime.fromtimestamp(hour(at) // SECOND, UTC) + _RIYADH


def _scan(code: str, at: float) -> dict[str, object]:
    moment = _day(at)
    return {"code": code, "date": f"{moment:%d-%b-%Y}", "time": f"{moment:%H:%M}"}


def _snapshot(waybill: str, reference: str | None, *scans: tuple[str, float]) -> list[Element]:
    """Write a courier's snapshot; its scans are the newest first."""
    said = {"waybillNo": waybill, "reference": reference}
    return _elements("sahra", said | {"scans": [_scan(*scan) for scan in scans]}, 500)


def _line(stat: str, at: float, serials: tuple[int, int], **more: str) -> list[Element]:
    low, high = serials
    said = {"rec": "D", "batch_ref": "BLK1", "stat": stat, "stat_dt": f"{_day(at):%d/%m/%Y}"}
    return _elements("delta", said | {"card_seq_from": low, "card_seq_to": high} | more, 500)


def _told(telling: Telling, *elements: Element) -> None:
    telling.take([sent(*elements)])


def _statuses(telling: Telling, kind: SubjectKind = SubjectKind.CARD) -> dict[str, str]:
    journeys = telling.settle().snapshot().journeys(kind)
    return {name: events[-1]["fulfillment_status"] for name, events in journeys.items()}


def _bulk_of_three(telling: Telling, *references: Reference) -> None:
    cards = [sized(announcement(f"c{i}", bulk="b1", serial=i), 3) for i in (1, 2, 3)]
    _told(telling, *cards)
    _told(telling, order(_B1, 1, *references))


def test_a_snapshot_whose_reference_nobody_registered_waits_for_it() -> None:
    telling = Telling()
    _told(telling, announcement("c1"))
    _told(telling, *_snapshot("325", "emb-1", ("005", 30), ("009", 20)))
    assert _statuses(telling) == {"c1": "created"}

    _told(telling, order("c1", 1, Reference("sahra", "reference", "emb-1")))

    assert _statuses(telling) == {"c1": "delivered"}


def test_a_waybill_is_known_once_a_snapshot_had_it_beside_its_reference() -> None:
    telling = Telling()
    _told(telling, announcement("c1"))
    _told(telling, order("c1", 1, Reference("sahra", "reference", "emb-1")))
    _told(telling, *_snapshot("325", "emb-1", ("009", 20)))

    _told(telling, *_snapshot("325", None, ("002", 30), ("009", 20)))

    assert _statuses(telling) == {"c1": "out_for_delivery"}


def test_a_waybill_of_a_year_later_is_another_cards() -> None:
    telling = Telling()
    later = 24.0 * 365
    for name, at in (("c1", 1.0), ("c2", later)):
        _told(telling, announcement(name, at))
        _told(telling, order(name, at, Reference("sahra", "reference", f"emb-{name}")))
    _told(telling, *_snapshot("325", "emb-c1", ("009", 20)))

    said = {"waybillNo": "325", "reference": "emb-c2", "scans": [_scan("005", later + 30)]}
    _told(telling, *_elements("sahra", said, later + 40))

    assert _statuses(telling) == {"c1": "in_transit", "c2": "delivered"}


def test_a_bulk_in_one_parcel_goes_where_its_waybill_goes() -> None:
    telling = Telling()
    _bulk_of_three(telling, Reference("sahra", "reference", "emb_b1"))

    _told(telling, *_snapshot("325", "emb_b1", ("005", 30), ("009", 20)))

    assert set(_statuses(telling).values()) == {"delivered"}
    assert _statuses(telling, SubjectKind.BULK_ISSUANCE) == {"b1": "delivered"}


def test_one_of_several_parcels_moves_no_card_that_nobody_put_into_it() -> None:
    telling = Telling()
    _bulk_of_three(telling, Reference("sahra", "reference", "BLK1-2"))

    _told(telling, *_snapshot("325", "BLK1-2", ("005", 30), ("009", 20)))

    assert set(_statuses(telling).values()) == {"ordered"}
    (event,) = telling.snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"][-1:]
    assert [(p["reference"], p["status"]) for p in event["parcels"]] == [("325", "delivered")]


def test_a_return_file_moves_its_ranges_and_spares_the_card_that_it_rejects() -> None:
    telling = Telling()
    _bulk_of_three(telling, Reference("delta", "batch_ref", "BLK1"))
    shipped = _line("40", 48, (1, 3), qty="3", carton="1/1", awb="AX1")
    rejected = _line("90", 48, (2, 2), qty="1", rej_code="012")

    for elements in (rejected, shipped, shipped):
        _told(telling, *elements)
    _told(telling, *_elements("delta", {"rec": "T", "qty": "4"}, 500))

    assert _statuses(telling) == {"c1": "shipped", "c2": "rejected", "c3": "shipped"}
