"""How statuses, times and what there is to say of an event look to a person."""

from datetime import UTC, datetime
from typing import Final

from rich.text import Text

from card_fulfillment.domain.facts import Precision
from card_fulfillment.domain.status import STANDING, Action, Phase, Status
from card_fulfillment.messages.card_event import CardStatusChanged
from card_fulfillment.pipeline.timeline import Quarantined

_TROUBLE: Final = frozenset({Status.PRODUCTION_FAILED, Status.DELIVERY_EXCEPTION, Status.RETURNING})
_LOSS: Final = frozenset(
    {Status.REJECTED, Status.CANCELLED, Status.DELIVERY_FAILED, Status.RETURNED, Status.LOST}
)


def status(value: Status | str | None) -> Text:
    if value is None:
        return Text("no status", "dim")
    return Text(value, _style_of(Status(value)))


def _style_of(value: Status) -> str:
    if value in _LOSS:
        return "bold red"
    if value in _TROUBLE:
        return "bold yellow"
    if value is Status.DELIVERED:
        return "bold green"
    return "cyan" if STANDING[value].phase is Phase.TRANSIT else ""


def moment(event: CardStatusChanged) -> datetime:
    return datetime.fromisoformat(event["occurred_at"])


def time_of(micros: int) -> datetime:
    """UTC, of microseconds since the epoch."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


def short_time(time: datetime, precision: str = Precision.SECOND) -> str:
    return f"{time:%d %b}" if precision == Precision.DAY else f"{time:%d %b %H:%M}"


def long_time(time: datetime, precision: str = Precision.SECOND) -> str:
    return f"{time:%Y-%m-%d}" if precision == Precision.DAY else f"{time:%Y-%m-%d %H:%M}"


def news(event: CardStatusChanged, before: CardStatusChanged | None) -> list[str]:
    """What an event says beside its status; nothing where all goes as it should."""
    shipment, known = event["shipment"], before and before["shipment"]["tracking_number"]
    said = []
    if before is None and event["reference_card_id"]:
        said.append(f"replaces {event['reference_card_id']}")
    if shipment["tracking_number"] not in (None, known):
        said.append(f"{shipment['carrier'] or 'tracking'} {shipment['tracking_number']}")
    elif event["fulfillment_status"] == Status.SHIPPED and event["tracked"] and not known:
        said.append("no tracking number yet")
    if event["reason_code"]:
        said.append(event["reason_code"])
    if event["recommended_action"] != Action.NONE:
        said.append(f"to do: {event['recommended_action']}")
    if event["final"]:
        said.append("final")
    return said


def quarantine(each: Quarantined) -> Text:
    where = f" ({each.field_path})" if each.field_path else ""
    return Text.assemble((f"quarantined {each.reason}", "magenta"), f": {each.message}{where}")
