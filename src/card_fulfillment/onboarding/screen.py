"""What the commands about profiles show: for people, in colours where there are, or as JSON."""

from collections.abc import Iterable, Sequence
from typing import Final

import orjson
import typer
from rich.console import Console
from rich.text import Text

from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.files import FileLine
from card_fulfillment.messages.envelope import Ignored, Refused
from card_fulfillment.onboarding import as_data
from card_fulfillment.onboarding.checking import Checked
from card_fulfillment.onboarding.inquiry import Answer, Inquiry
from card_fulfillment.onboarding.proving import Proved
from card_fulfillment.onboarding.story import Attempted, Chapter, Met, Step
from card_fulfillment.ops.letters import plain
from card_fulfillment.vendors.examples import Trial, as_expected, moment
from card_fulfillment.vendors.outcomes import Outcome, Unusable

_PART_WIDTH: Final = 24
_ABSENT: Final = "absent"
_REFUSED: Final = "unreadable"


class _Page:
    """Lines of plain characters, whatever a message holds."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)

    def line(self, depth: int, *parts: tuple[str, str] | str) -> None:
        text = Text("  " * depth)
        for part in parts:
            words, style = (part, "") if isinstance(part, str) else part
            text.append(plain(words), style)
        self._console.print(text)


def checked(all_checked: Sequence[Checked], *, as_json: bool) -> None:
    if as_json:
        _dump([as_data.checked(each) for each in all_checked])
        return
    page = _Page()
    for each in all_checked:
        _verdict(page, each)
    wrong = sum(bool(each.mistakes) for each in all_checked)
    warnings = sum(len(each.warnings) for each in all_checked)
    page.line(0, f"{len(all_checked)} profiles, {wrong} wrong, {warnings} warnings")


def _verdict(page: _Page, each: Checked) -> None:
    if each.profile is not None and not each.mistakes:
        page.line(0, ("ok    ", "green"), f"{each.profile.vendor} {each.profile.version}")
    for mistake in each.mistakes:
        page.line(0, ("wrong ", "bold red"), str(mistake))
    for warning in each.warnings:
        page.line(0, ("warn  ", "yellow"), str(warning))


def proved(all_proved: Sequence[Proved], *, as_json: bool) -> None:
    if as_json:
        _dump([as_data.proved(each) for each in all_proved])
        return
    page = _Page()
    for each in all_proved:
        failed = [trial for trial in each.trials if trial.differences]
        verdict = ("ok    ", "green") if each.holds else ("wrong ", "bold red")
        held = f"{len(each.trials) - len(failed)} of {len(each.trials)} examples hold"
        page.line(0, verdict, f"{each.profile.vendor} {each.profile.version}: {held}")
        for trial in failed:
            _failure(page, trial)
        for field, entry in each.unshown:
            page.line(1, (f"in no example: {field} {entry}", "dim"))
        for field, path in each.absent:
            page.line(1, (f"absent in all examples: {field} {path}", "dim"))


def _failure(page: _Page, trial: Trial) -> None:
    page.line(1, (trial.example.name, "bold"))
    where = ""
    for difference in trial.differences:
        if difference.where != where:
            where = difference.where
            page.line(2, where)
        page.line(3, (f"- {difference.field}: {_word(difference.expected)}", "red"))
        page.line(3, (f"+ {difference.field}: {_word(difference.found)}", "green"))


def _word(value: object) -> str:
    return _ABSENT if value is None else str(value)


def explained(inquiry: Inquiry, answer: Answer, *, as_json: bool) -> None:
    if as_json:
        _dump(as_data.explained(inquiry, answer))
        return
    page, profile = _Page(), inquiry.profile
    received = moment(inquiry.received_at)
    page.line(0, (profile.vendor, "bold"), f" {profile.version}, received {received}")
    if answer.kept_from_mapping is not None:
        page.line(0, (kept_from_mapping(answer.kept_from_mapping), "bold red"))
        return
    for chapter in answer.chapters:
        _chapter(page, chapter)
    page.line(0, ("What comes out", "bold"))
    _outcomes(page, answer.outcomes)
    if answer.unread:
        page.line(0, ("Nothing reads ", "dim"), (", ".join(answer.unread), "dim"))


def kept_from_mapping(refused: Refused) -> str:
    why = f"{refused.reason}: {refused.message} {refused.field_path}".rstrip()
    return f"The worker does not let a profile read it: {why}"


def _chapter(page: _Page, chapter: Chapter) -> None:
    page.line(0, (chapter.field, "bold"))
    if not chapter.met:
        page.line(1, "was not reached")
    for met in chapter.met:
        _met(page, met)


def _met(page: _Page, met: Met) -> None:
    page.line(1, (met.path or "the message", "cyan"))
    _steps(page, met.steps)
    for fact in met.facts:
        _attempt(page, fact)
    if met.outcome is not None:
        page.line(2, ("=> ", "bold"), *_short(met.outcome))


def _attempt(page: _Page, fact: Attempted) -> None:
    verdict = "" if fact.applies else " does not apply"
    page.line(2, (fact.field + verdict, "" if fact.applies else "dim"))
    _steps(page, fact.steps, depth=3)
    if fact.outcome is not None:
        page.line(3, ("=> ", "bold"), *_short(fact.outcome))


def _steps(page: _Page, steps: Iterable[Step], depth: int = 2) -> None:
    for step in steps:
        missing = _REFUSED if step.refused else _ABSENT
        gave = missing if step.gave is None else step.gave
        says = f"  -> {step.says}" if step.says else ""
        page.line(
            depth,
            (_column(step.part), "dim"),
            f"{step.selector} " if step.selector else "",
            (gave, "dim" if step.gave is None else "bold"),
            says,
        )


def _column(word: str) -> str:
    return f"{word.ljust(_PART_WIDTH)} "


def _short(outcome: Outcome) -> tuple[tuple[str, str], str]:
    match outcome:
        case Fact():
            return ("fact", "green"), f" {outcome.status or 'keep'}"
        case FileLine():
            return ("line", "cyan"), f" {outcome.line} of {outcome.file.name}"
        case Ignored():
            return ("ignored", "yellow"), f": {outcome.why}"
        case Unusable():
            code = f": {outcome.code!r}" if outcome.code else ""
            return ("unusable", "red"), f" ({outcome.reason}): {outcome.message}{code}"


def _outcomes(page: _Page, outcomes: Sequence[Outcome]) -> None:
    seen: dict[bytes, int] = {}
    for i, outcome in enumerate(outcomes):
        path = (
            "" if isinstance(outcome, Fact | FileLine) else f"  at {outcome.path or 'the message'}"
        )
        page.line(1, f"{i}  ", *_short(outcome), path)
        if isinstance(outcome, Fact):
            first = seen.setdefault(outcome.fact_id, i)
            copy = "" if first == i else f", a copy of {first}"
            page.line(3, (_column("identity"), "dim"), outcome.fact_id.hex() + copy)
            for name, value in _details(outcome):
                page.line(3, (_column(name), "dim"), value)


def _details(fact: Fact) -> Iterable[tuple[str, str]]:
    for name, value in as_expected(fact)["fact"].items():
        if isinstance(value, dict):
            yield from ((f"{name} {n}", str(v)) for n, v in value.items())
        elif value is not None and name != "status" and value != ():
            yield name, str(value)


def _dump(value: object) -> None:
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode())
