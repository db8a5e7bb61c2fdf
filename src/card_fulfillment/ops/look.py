"""How statuses, times and what there is to say of an event look to a person."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, TextIO

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from card_fulfillment.domain.bindings import Binding
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Fact, ParcelRole
from card_fulfillment.domain.journey import FactOutcome
from card_fulfillment.domain.naming import OWN_KIND, Subject
from card_fulfillment.domain.status import STANDING, Action, Phase, Status
from card_fulfillment.messages.bulk_event_models import BulkIssuanceStatusChanged
from card_fulfillment.messages.event_models import CardStatusChanged
from card_fulfillment.messages.times import on_its_day
from card_fulfillment.ops.letters import plain
from card_fulfillment.pipeline.timeline import Bound, OpenLetter, Remembered

_TROUBLE: Final = frozenset({Status.PRODUCTION_FAILED, Status.DELIVERY_EXCEPTION, Status.RETURNING})
_LOSS: Final = frozenset(
    {Status.REJECTED, Status.CANCELLED, Status.DELIVERY_FAILED, Status.RETURNED, Status.LOST}
)


class _Harmless:
    """Parts of a page, in which nothing that others say does anything to a terminal."""

    def __init__(self, parts: Iterable[RenderableType]) -> None:
        self._parts = parts

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for part in self._parts:
            for text, style, control in console.render(part, options):
                yield Segment("\n".join(map(plain, text.split("\n"))), style, control)


def show(
    parts: Iterable[RenderableType], file: TextIO | None = None, width: int | None = None
) -> None:
    """Print a page; brackets and colons in what others say are brackets and colons."""
    console = Console(file=file, width=width, highlight=False, markup=False, emoji=False)
    console.print(_Harmless(parts), crop=False)


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


def moment(event: CardStatusChanged | BulkIssuanceStatusChanged) -> datetime:
    return datetime.fromisoformat(event["occurred_at"])


def time_of(micros: int) -> datetime:
    """UTC, of microseconds since the epoch."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


def short_day(time: datetime, precision: str) -> str:
    return f"{on_its_day(time, precision):%d %b}"


def short_time(time: datetime, precision: str) -> str:
    return short_day(time, precision) if precision == Precision.DAY else f"{time:%d %b %H:%M}"


def long_time(time: datetime, precision: str = Precision.SECOND) -> str:
    form = "%Y-%m-%d" if precision == Precision.DAY else "%Y-%m-%d %H:%M"
    return on_its_day(time, precision).strftime(form)


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


def bulk_news(event: BulkIssuanceStatusChanged, known: Collection[str]) -> list[str]:
    """Where the cards are, and what else there is to say. known: discrepancies told before."""
    found = [each["name"] for each in event["discrepancies"]]
    said = [", ".join(f"{count} {status}" for status, count in event["counts"].items())]
    said += ["partial"] if event["is_partial"] else []
    said += list(dict.fromkeys(name for name in found if name not in known))
    said += [f"no more {name}" for name in sorted(set(known) - set(found))]
    said += [event["reason_code"]] if event["reason_code"] else []
    said += ["final"] if event["final"] else []
    return said


def outcome(each: Remembered, version: str = "") -> Text:
    """What a fact has been. version: of what it brought about, after it."""
    is_told = each.outcome is FactOutcome.PUBLISHED
    said = Text(each.outcome + version, "" if is_told else "yellow").append_text(beside(each))
    if each.copies > 1:
        said.append(f" x{each.copies}", "dim")
    return said


def beside(each: Remembered) -> Text:
    """Of which parcel a fact is, where that is not the outbound one."""
    role = each.parcel_role
    return Text("" if role is ParcelRole.OUTBOUND else f" of the {role} parcel", "yellow")


def quarantine(each: OpenLetter) -> Text:
    where = f" ({each.field_path})" if each.field_path else ""
    return Text.assemble((f"quarantined {each.reason}", "magenta"), f": {each.message}{where}")


def table(title: str, *columns: str) -> Table:
    made = Table(
        title=f"\n{title}",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def names(bound: Sequence[Bound]) -> Iterator[RenderableType]:
    """What vendors call a subject; nothing where nobody calls it anything."""
    if not bound:
        return
    shown = table("Names", "vendor", "kind", "value", "attempt", "since (UTC)")
    for reference, binding in bound:
        said = "our id" if reference.kind == OWN_KIND else reference.kind
        since = long_time(time_of(binding.valid_from))
        shown.add_row(reference.vendor, said, reference.value, _meant(binding), since)
    yield shown


def bearing(bound: Sequence[Bound]) -> Table:
    """Whom a name means, or meant."""
    shown = table("Called so", "card or bulk issuance", "by", "as", "attempt", "since (UTC)")
    for reference, binding in bound:
        since = long_time(time_of(binding.valid_from))
        whom = binding.subject.id
        shown.add_row(whom, reference.vendor, reference.kind, _meant(binding), since)
    return shown


def _meant(binding: Binding) -> str:
    return str(binding.attempt) if binding.side is None else f"{binding.attempt}, {binding.side}"


def shipped(subjects: Sequence[Subject]) -> Iterator[RenderableType]:
    """Several whose parcels have the tracking number that was asked for."""
    yield Text("Shipped under this tracking number", "bold")
    for each in subjects:
        yield Text(f"  {each.kind.replace('_', ' ')} {each.id}")


def quarantined(letters: Sequence[OpenLetter]) -> Iterator[RenderableType]:
    """Open dead letters; nothing where there are none."""
    if letters:
        yield Text("\nOpen dead letters", "bold")
    for each in letters:
        yield quarantine(each)
        where = f"{each.topic}[{each.partition}]@{each.offset}"
        yield Text(f"  {each.dead_letter_id} {where}", "dim")


def fact(each: Fact) -> tuple[str, Text]:
    """When, and the status that it states."""
    return long_time(time_of(each.stated), each.precision), status(each.status)


def said_by(each: Fact) -> Text:
    """Whose words they are; and where their time is from, if it is not what they prefer."""
    said = Text(" ".join(filter(None, (each.vendor or "issuer", each.code))))
    if each.precision is Precision.UNKNOWN:
        said.append(" · no time stated", "dim")
    elif each.time_fallback is not None:
        said.append(f" · time from {each.time_fallback}", "dim")
    return said


def whom(each: Fact) -> str:
    """What a fact about a bulk issuance is about."""
    if each.serials is not None:
        first, last = each.serials
        return f"no. {first}" if first == last else f"nos. {first}-{last}"
    parcels = [r.value for r in each.references if r in each.parcels]
    return f"parcel {', '.join(parcels)}" if parcels else "the whole bulk"


def number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
