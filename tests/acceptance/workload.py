"""Cards on their way from the bank to the cardholder, as events on the worker's input topics.

Each card has seven events, and `JOURNEY` is what the worker makes of them. Cards travel in windows:
every card of a window has its first event before any has its second, so that neighbours in a
partition belong to different cards and many cards are under way at any moment.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer

JOURNEY: Final = (
    "created",
    "ordered",
    "accepted",
    "in_production",
    "shipped",
    "in_transit",
    "delivered",
)
INPUTS: Final = ("card-created", "embossing-requested", "perso-vendor-tracking-meridian")

_CREATED, _REQUESTED, _TRACKED = INPUTS
_MONDAY: Final = datetime(2025, 3, 3, 9, tzinfo=UTC)
_BETWEEN_EVENTS: Final = timedelta(hours=7)
_WINDOW: Final = 50
_PATIENCE_MS: Final = 150_000  # longer than any broker is away
_SHIPPED: Final = JOURNEY.index("shipped")
_STATES: Final = (
    ("DATA_OK", None),
    ("PERSO_ONGOING", None),
    ("SHIPPED", None),
    ("SHIPPED", "InTransit"),
    ("SHIPPED", "Delivered"),
)


class Event(NamedTuple):
    """A record to come; `topic` is without the installation's prefix."""

    topic: str
    key: str
    body: dict[str, Any]


def events(cards: int, *, first: int = 0, window: int = _WINDOW) -> Iterator[Event]:
    """All events of cards `first` and after, each card's own in the order of its journey."""
    beyond = first + cards
    for low in range(first, beyond, window):
        for step in range(len(JOURNEY)):
            for number in range(low, min(low + window, beyond)):
                yield _event(number, step)


def card_id(number: int) -> str:
    return f"card-{number:07d}"


def _event(number: int, step: int) -> Event:
    card = card_id(number)
    if step == 0:
        return Event(_CREATED, card, _created(number))
    if step == 1:
        return Event(_REQUESTED, card, _requested(number))
    return Event(_TRACKED, card, {"notifications": [_notification(number, step)]})


def _created(number: int) -> dict[str, Any]:
    card = card_id(number)
    return {
        "event_id": f"issued/{card}",
        "occurred_at": _time(number, 0),
        "card_id": card,
        "card_product_id": f"product-{number % 3}",
    }


def _requested(number: int) -> dict[str, Any]:
    request = f"request-{number:07d}"
    return {
        "event_id": f"requested/{request}",
        "occurred_at": _time(number, 1),
        "embossing_request_id": request,
        "card_id": card_id(number),
        "attempt": 1,
        "vendor_id": "meridian",
        "references": [
            {"kind": "issuer_ref", "value": request},
            {"kind": "card", "value": f"M{number:07d}"},
        ],
        "shipping": {"method": "express"},
    }


def _notification(number: int, step: int) -> dict[str, Any]:
    state, scan = _STATES[step - 2]
    detail: dict[str, Any] = {"state": state, "site": "DXB2"}
    if scan is not None:
        detail["shipment"] = {
            "carrier": "aramex",
            "trackingNumber": f"W{number:07d}",
            "status": scan,
            "at": _time(number, step),
        }
    return {
        "opId": f"operation-{number:07d}",
        "op": "PRODUCE",
        "outcome": "SUCCESSFUL" if step >= _SHIPPED else "PENDING",
        "startedAt": _time(number, min(step, _SHIPPED)),
        "card": f"M{number:07d}",
        "issuerRef": f"request-{number:07d}",
        "detail": detail,
    }


def _time(number: int, step: int) -> str:
    return (_MONDAY + step * _BETWEEN_EVENTS + timedelta(seconds=number % 1000)).isoformat()


class Load:
    """Produces events to the topics of one installation; knows where each partition then ends."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.ends: dict[tuple[str, int], int] = {}
        self.sent = 0
        self._prefix = prefix
        self._bootstrap = bootstrap

    async def produce(self, coming: Iterable[Event], *, rate: float = 0) -> None:
        """Return when all are acknowledged. `rate`: events a second, 0 is as fast as it goes.

        Every event is in Kafka once, in order, also where the broker goes away meanwhile.
        """
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            enable_idempotence=True,
            request_timeout_ms=_PATIENCE_MS,
            linger_ms=0 if rate else 5,
            max_batch_size=131_072,
        )
        await producer.start()
        try:
            under_way = [await self._send(producer, e) async for e in _paced(coming, rate)]
            for acknowledgement in under_way:
                self.acknowledged(await acknowledgement)
        finally:
            await producer.stop()

    async def _send(self, producer: AIOKafkaProducer, event: Event) -> asyncio.Future[Any]:
        self.sent += 1
        future: asyncio.Future[Any] = await producer.send(
            self._prefix + event.topic, json.dumps(event.body).encode(), key=event.key.encode()
        )
        return future

    def acknowledged(self, where: Any) -> None:  # noqa: ANN401 - aiokafka's RecordMetadata
        place = where.topic, where.partition
        self.ends[place] = max(self.ends.get(place, 0), where.offset + 1)


class Feed:
    """A load that goes on in the background, window by window, for as long as it is needed."""

    def __init__(self, load: Load, *, rate: float, most: int) -> None:
        """`rate` is in events a second, `most` in cards."""
        self._enough = False
        self._cards = 0
        self._most = most
        self._task = asyncio.create_task(load.produce(self._windows(), rate=rate))

    @property
    def running(self) -> bool:
        return not self._task.done()

    async def enough(self) -> range:
        """Finish the window; returns the numbers of the cards that were fed."""
        self._enough = True
        await self._task
        return range(self._cards)

    def _windows(self) -> Iterator[Event]:
        while self._cards < self._most and not self._enough:
            window = min(_WINDOW, self._most - self._cards)
            yield from events(window, first=self._cards, window=window)
            self._cards += window


async def _paced(coming: Iterable[Event], rate: float) -> AsyncIterator[Event]:
    clock = asyncio.get_running_loop().time
    began = clock()
    for number, event in enumerate(coming):
        ahead = began + number / rate - clock() if rate else 0
        if ahead > 0:
            await asyncio.sleep(ahead)
        yield event
