"""One bulk issuance at a glance: a line where its status, a box or a discrepancy changed."""

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from card_fulfillment.domain.bulk import RollUp, roll_up
from card_fulfillment.domain.facts import ParcelRole
from card_fulfillment.messages.bulk_event import parcel_event
from card_fulfillment.messages.bulk_event_models import BulkIssuanceStatusChanged
from card_fulfillment.ops import look
from card_fulfillment.ops.sentences import ranges, sentence
from card_fulfillment.pipeline.timeline import BulkTimeline

_Event = BulkIssuanceStatusChanged


def bulk_glance(timeline: BulkTimeline) -> Table:
    """What was published, but for counts alone; in the end its boxes and what does not agree."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="dim", width=5)
    table.add_column(style="dim", width=12)
    table.add_column(overflow="fold")
    for event in _notable(timeline.changes.newest):
        when = look.short_time(look.moment(event), event["occurred_at_precision"])
        status = look.status(event["fulfillment_status"])
        table.add_row(str(event["version"]), when, Text.assemble(status, "  ", _where(event)))
    if timeline.bulk.common is not None:
        for line in _in_the_end(timeline, roll_up(timeline.bulk)):
            table.add_row("", "", line)
    return table


def _notable(events: Sequence[_Event]) -> Iterator[_Event]:
    """The last event of each state of what matters."""
    for event, following in zip(events, (*events[1:], None), strict=True):
        if following is None or _matter(event) != _matter(following):
            yield event


def _matter(event: _Event) -> tuple[object, ...]:
    boxes = [parcel["status"] for parcel in event["parcels"]]
    names = [found["name"] for found in event["discrepancies"]]
    return event["fulfillment_status"], boxes, names


def _where(event: _Event) -> str:
    counts = event["counts"]
    if len(counts) > 1:
        return ", ".join(f"{count} {status}" for status, count in counts.items())
    total = event["total"]
    known = total is None or event["announced"] == total
    return f"all {event['announced']}" if known else f"{event['announced']} of {total} announced"


def _in_the_end(timeline: BulkTimeline, now: RollUp) -> Iterator[Text]:
    for reference, parcel in timeline.bulk.said.parcels.items():
        told = parcel_event(reference, parcel, now.parcels.get(reference))
        carton, serials = told["carton"], told["serials"] or []
        role = "" if told["role"] is ParcelRole.OUTBOUND else f"{told['role']} "
        box = f"{role}box {carton['number']}/{carton['of'] or '?'} " if carton else f"{role}box "
        within = ranges(tuple((first, last) for first, last in serials))
        yield Text.assemble(
            (f"{box} {told['tracking_number']}  nos. {within}  ", "dim"),
            look.status(told["status"]),
        )
    for found in now.discrepancies:
        yield Text(f"{found.name}: {sentence(found)}", "yellow")
