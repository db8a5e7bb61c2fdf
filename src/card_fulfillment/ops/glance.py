"""One card at a glance: what goes as it should is one line, what does not has a line of its own."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from rich.table import Table
from rich.text import Text

from card_fulfillment.domain.journey import ChangeKind, FactOutcome
from card_fulfillment.messages.event_models import CardStatusChanged
from card_fulfillment.ops import look
from card_fulfillment.pipeline.timeline import Remembered, Timeline

_ARROW: Final = " → "


class _Line(NamedTuple):
    version: str
    when: str
    what: Text


def glance(timeline: Timeline, copies_of: Collection[str], *, in_full: bool) -> Table:
    """What was published, what was late, what is in quarantine.

    copies_of: vendor codes of which it matters how often they came. in_full: a line for each event.
    """
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="dim", width=5)
    table.add_column(style="dim", width=12)
    table.add_column(overflow="fold")
    lines = _Lines(timeline, copies_of, in_full=in_full)
    for line in lines:
        table.add_row(*line)
    if waited := _waited(timeline):
        table.add_row("", "", Text(f"{waited} facts came before the card, and waited", "yellow"))
    for each in timeline.dead_letters:
        table.add_row("✗", "", look.quarantine(each))
    return table


def _waited(timeline: Timeline) -> int:
    announced = timeline.announced_at
    return sum(announced is not None and f.recorded_at < announced for f in timeline.history)


class _Lines:
    def __init__(self, timeline: Timeline, copies_of: Collection[str], *, in_full: bool) -> None:
        self._changes = timeline.changes
        self._late = [f for f in timeline.history if f.outcome is FactOutcome.LATE]
        self._copies = {f.fact.code: f.copies for f in timeline.history if f.fact.code in copies_of}
        self._in_full = in_full
        self._usual: list[CardStatusChanged] = []

    def __iter__(self) -> Iterator[_Line]:
        before = None
        for event in self._changes:
            note = " · ".join(self._note(event, before))
            overtaken = self._overtaken_by(event)
            if note or overtaken or self._in_full:
                yield from self._told()
            yield from map(_late_line, overtaken)
            if note or self._in_full:
                yield _event_line(event, note)
            else:
                self._usual.append(event)
            before = event
        yield from self._told()
        yield from map(_late_line, self._late)

    def _note(self, event: CardStatusChanged, before: CardStatusChanged | None) -> list[str]:
        kind = [] if event["change"] == ChangeKind.PROGRESS else [str(event["change"])]
        vendor = event["vendor"]
        copies = self._copies.get(vendor["code"], 1) if vendor else 1
        seen = [f"came {copies} times, told once"] if copies > 1 else []
        return kind + look.news(event, before) + seen

    def _overtaken_by(self, event: CardStatusChanged) -> list[Remembered]:
        """The late facts of before it, each once."""
        told = look.moment(event)
        overtaken = [f for f in self._late if look.time_of(f.fact.effective) <= told]
        self._late = [f for f in self._late if f not in overtaken]
        return overtaken

    def _told(self) -> Iterator[_Line]:
        """The usual events until now, on one line."""
        if self._usual:
            yield _usual_line(self._usual)
        self._usual = []


def _usual_line(events: Sequence[CardStatusChanged]) -> _Line:
    first, last = events[0], events[-1]
    if first is last:
        return _event_line(first, "")
    statuses = Text(_ARROW, "dim").join(look.status(e["fulfillment_status"]) for e in events)
    since = look.short_day(look.moment(first), first["occurred_at_precision"])
    return _Line(f"{first['version']}-{last['version']}", f"{since} …", statuses)


def _event_line(event: CardStatusChanged, note: str) -> _Line:
    when = look.short_time(look.moment(event), event["occurred_at_precision"])
    what = Text.assemble(look.status(event["fulfillment_status"]), "  " if note else "", note)
    return _Line(str(event["version"]), when, what)


def _late_line(each: Remembered) -> _Line:
    what = Text.assemble(
        (each.fact.status or "", "dim"), ("  late: kept as history only", "yellow")
    )
    return _Line("-", look.short_time(look.time_of(each.fact.stated), each.fact.precision), what)
