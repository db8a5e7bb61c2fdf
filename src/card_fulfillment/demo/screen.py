"""What the demo shows: rich on a terminal, plain lines elsewhere, never wider than the screen."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from rich import box
from rich.columns import Columns
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.status import Status
from rich.table import Table
from rich.text import Text

from card_fulfillment.demo.checks import Check, Evidence, endings, promised_classes
from card_fulfillment.demo.story import Ending, Play, Story
from card_fulfillment.domain.status import STANDING
from card_fulfillment.domain.status import Status as Fulfillment
from card_fulfillment.ops import look
from card_fulfillment.ops.bulk_glance import bulk_glance
from card_fulfillment.ops.glance import glance
from card_fulfillment.pipeline.batch import RecordClass
from card_fulfillment.pipeline.timeline import BulkTimeline, Timeline

_WIDEST: Final = 100
_TOPIC_WIDTH: Final = 22
_CLASSES: Final = sorted(RecordClass)
_SELDOM: Final = 5.0  # seconds between lines that would otherwise only fill a file


_INTRODUCTION: Final = (
    "An issuer announces cards and orders them, two bureaux and a courier report on\n"
    "them in their own words, and the worker tells everybody where each card and each\n"
    "bulk order is. Here it does so on an Apache Kafka 4.3 and a Postgres 18 of its own."
)


class Screen:
    def __init__(self, console: Console) -> None:
        console.width = min(console.width, _WIDEST)
        self._console = console
        self._status = Status("", console=console)
        self._began = time.monotonic()
        self._said = 0.0

    # While it gets ready.

    def title(self) -> None:
        self._console.print(Rule(Text("card fulfillment: where is this card?", "bold")))
        self._console.print(_INTRODUCTION)
        self._console.print()

    @contextmanager
    def busy(self) -> Iterator[None]:
        if not self._console.is_terminal:
            yield
            return
        with self._status:
            yield

    def progress(self, line: str) -> None:
        """Say what is going on; a line that stays where it says that something is up."""
        if " is up " in line:
            self._console.print(Text.assemble(("✓ ", "green"), line))
        elif self._console.is_terminal:
            self._status.update(f"[dim]{line}[/dim]")
        elif time.monotonic() - self._said > _SELDOM:
            self._said = time.monotonic()
            self._console.print(f"… {line}", style="dim", highlight=False)

    def done(self, line: str) -> None:
        took = time.monotonic() - self._began
        self._console.print(
            Text.assemble(("✓ ", "green"), f"{line}  ", (f"{took:.1f} s", "dim")), highlight=False
        )

    # What became of the cards.

    def stories(
        self, play: Play, timelines: Mapping[str, Timeline], bulks: Mapping[str, BulkTimeline]
    ) -> None:
        self._console.print()
        self._console.print(Rule(Text("what a subscriber was told", "bold")))
        self._console.print(
            "[dim]version, when it happened (UTC), status, and what else there is to say[/dim]"
        )
        told = [story for story in play.stories if story.title]
        for number, story in enumerate(told, 1):
            self._head(number, story)
            for bulk in story.bulks:
                self._console.print(bulk_glance(bulks[bulk]))
            self._story(story, timelines, in_full=number == 1)

    def _head(self, number: int, story: Story) -> None:
        self._console.print()
        head = Table.grid(expand=True)
        head.add_column()
        head.add_column(justify="right", style="dim", no_wrap=True)
        title = Text.assemble((f"{number:>2}  ", "bold blue"), (story.title, "bold"))
        about = list(story.bulks or story.endings)
        head.add_row(title, about[0] if len(about) == 1 else "")
        self._console.print(head)

    def _story(self, story: Story, timelines: Mapping[str, Timeline], *, in_full: bool) -> None:
        several = len(story.endings) > 1
        for card, ending in story.endings.items():
            if several:
                self._console.print(Padding(Text(card, "dim"), (0, 0, 0, 4)))
            shown = glance(timelines[card], ending.copies, in_full=in_full)
            self._console.print(shown)
        self._console.print(Padding(Text(story.moral, "italic"), (0, 0, 0, 4)))

    # What was checked.

    def summary(self, play: Play, found: Evidence, results: Sequence[Check]) -> int:
        """Says how many promises were broken."""
        self._console.print()
        self._console.print(Rule(Text("what was promised, and what was found", "bold")))
        self._console.print()
        self._console.print(_classes(found))
        self._console.print()
        for check in results:
            self._check(check)
            if check is results[0]:
                self._console.print(Padding(_end_states(endings(play), found), (0, 0, 0, 2)))
        broken = sum(bool(check.wrong) for check in results)
        self._verdict(broken, len(results))
        return broken

    def _check(self, check: Check) -> None:
        mark = ("✗ ", "bold red") if check.wrong else ("✓ ", "green")
        self._console.print(Text.assemble(mark, check.promise))
        for wrong in check.wrong:
            self._console.print(Padding(Text(wrong, "red"), (0, 0, 0, 4)))

    def _verdict(self, broken: int, promises: int) -> None:
        took = f" after {time.monotonic() - self._began:.0f} s."
        verdict = (
            (f"{broken} of {promises} promises broken", "bold red")
            if broken
            else ("All promises kept", "bold green")
        )
        self._console.print()
        self._console.print(Text.assemble(verdict, took))

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def _end_states(expected: Mapping[str, Ending], found: Evidence) -> Columns:
    wanted = Counter(ending.told[-1].status for ending in expected.values())
    reached = Counter(Fulfillment(e[-1]["fulfillment_status"]) for e in found.events.values())
    return Columns(
        Text.assemble(_found(wanted[status], reached[status]), " ", look.status(status))
        for status in sorted(wanted | reached, key=lambda each: STANDING[each].rank)
    )


def _classes(found: Evidence) -> Table:
    promised = promised_classes(found.witnessed)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("records of", overflow="fold")
    for name in ("all", *_CLASSES):
        table.add_column(name, justify="right", overflow="fold")
    for topic, wanted in promised.items():
        counted = found.classes.get(topic, Counter())
        table.add_row(
            _shortened(topic),
            _found(wanted.total(), counted.total()),
            *(_found(wanted[name], counted[name]) for name in _CLASSES),
        )
    return table


def _shortened(topic: str) -> str:
    """The end of a long name, from a word's beginning."""
    if len(topic) <= _TOPIC_WIDTH:
        return topic
    return "…" + topic[-_TOPIC_WIDTH:].partition("-")[2]


def _found(wanted: int, found: int) -> Text:
    if wanted != found:
        return Text(f"{found} for {wanted}", "bold red")
    return Text(str(found), "" if found else "dim")
