"""What every input topic has in common, whoever speaks on it."""

from typing import Any, Final

import orjson
import pytest

from card_fulfillment.domain.facts import Announcement, Cause, Fact, Order
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.decode import Reader
from card_fulfillment.pipeline.readers import card_created, embossing_requested, vendor_tracking
from card_fulfillment.vendors.profile import load_profiles

_PROFILES: Final = load_profiles()
_TRACE: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
_OTHER_TRACE: Final = _TRACE.replace("4", "5")
_AT: Final = "2026-03-01T09:30:00Z"
_CREATED: Final = {"event_id": "e1", "occurred_at": _AT, "card_id": "c1", "card_product_id": "p"}
_ORDERED: Final = {
    "event_id": "e1",
    "occurred_at": _AT,
    "embossing_request_id": "r1",
    "card_id": "c1",
    "vendor_id": "meridian",
    "shipping": {"method": "express"},
}
_LOST: Final = {"event_id": "e1", "occurred_at": _AT, "card_id": "c1", "status": "lost"}


def _cause(reader: Reader, message: dict[str, Any], *headers: tuple[str, bytes]) -> Cause:
    record = Record("t", 3, 41, 1_772_400_000_000_000, None, orjson.dumps(message), headers)
    (element,) = reader(record)
    assert isinstance(element, Announcement | Order | Fact), element
    return element.cause if isinstance(element, Fact) else element.fact.cause


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        (card_created, _CREATED),
        (embossing_requested(_PROFILES), _ORDERED),
        (vendor_tracking(_PROFILES["issuer"]), _LOST),
    ],
)
@pytest.mark.parametrize("name", ["traceparent", "ce_traceparent"])
def test_a_statement_knows_its_record_its_event_and_its_trace(
    reader: Reader, message: dict[str, Any], name: str
) -> None:
    assert _cause(reader, message, (name, _TRACE.encode())) == Cause("e1", "t", 3, 41, _TRACE)
    assert _cause(reader, message) == Cause("e1", "t", 3, 41)


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        (card_created, _CREATED),
        (embossing_requested(_PROFILES), _ORDERED),
        (vendor_tracking(_PROFILES["issuer"]), _LOST),
    ],
)
def test_a_statement_in_a_structured_cloud_event_knows_its_trace(
    reader: Reader, message: dict[str, Any]
) -> None:
    event = {"specversion": "1.0", "id": "e2", "traceparent": _TRACE, "data": message}
    structured = ("content-type", b"application/cloudevents+json")

    assert _cause(reader, event, structured) == Cause("e1", "t", 3, 41, _TRACE)
    assert _cause(reader, event | {"traceparent": 7}, structured) == Cause("e1", "t", 3, 41)
    header = ("traceparent", _OTHER_TRACE.encode())
    assert _cause(reader, event, structured, header) == Cause("e1", "t", 3, 41, _OTHER_TRACE)
