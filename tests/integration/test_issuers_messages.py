"""What the issuer itself says, from its topic to what is published."""

from typing import Final

import pytest
from desk import Desk

from card_fulfillment.pipeline.batch import RecordClass
from dlq_samples import CREATED, ORDERED, TRACKING, tracking

ISSUER: Final = "perso-vendor-tracking-issuer"


def said(status: str, day: int, **more: object) -> dict[str, object]:
    at = f"2026-03-{day:02}T06:00:00Z"
    return {
        "event_id": f"say/{status}",
        "occurred_at": at,
        "card_id": "c1",
        "status": status,
    } | more


@pytest.fixture
def desk(dsn: str) -> Desk:
    return Desk(dsn)


async def test_a_card_is_cancelled_before_anybody_was_ordered_to_make_it(desk: Desk) -> None:
    cancelled = said("cancelled", 1, reason="cancelled_by_issuer")

    assert await desk.take("card-created", CREATED) is RecordClass.APPLIED
    assert await desk.take(ISSUER, cancelled) is RecordClass.APPLIED
    assert await desk.take_next(ISSUER, cancelled) is RecordClass.DUPLICATE

    assert await desk.statuses() == ["created", "cancelled"]


async def test_what_is_said_before_the_card_is_announced_waits_for_it(desk: Desk) -> None:
    assert await desk.take(ISSUER, said("cancelled", 1)) is RecordClass.PARKED
    assert await desk.take("card-created", CREATED) is RecordClass.APPLIED

    assert await desk.statuses() == ["created", "cancelled"]


async def test_support_corrects_what_a_vendor_claims(desk: Desk) -> None:
    await desk.take("card-created", CREATED)
    await desk.take("embossing-requested", ORDERED)
    await desk.take(TRACKING, tracking("PERSO_DONE", "SHIPPED"))
    await desk.take(ISSUER, said("delivered", 5))
    await desk.take_next(ISSUER, said("lost", 9, reason="lost"))

    statuses = await desk.statuses()
    assert statuses == ["created", "ordered", "produced", "shipped", "delivered", "lost"]
