"""What operators read names everything that the worker shows, and nothing else."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, SecretStr

from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.metrics import AUDIT_CATALOGUE, CATALOGUE, PREFIX
from card_fulfillment.ops.audit_health import AUDIT_VIOLATION
from card_fulfillment.ops.health import ALARMS
from card_fulfillment.pipeline.audit import Violation
from card_fulfillment.settings import Settings

DOCS = Path(__file__).parents[3] / "docs"
SOURCES = Path(__file__).parents[3] / "src" / "card_fulfillment"
LOUD = re.compile(r'log\.(?:warning|error|exception)\(\s*"(.+?)"')


def test_every_metric_is_documented_with_its_labels_and_meaning_and_no_other_is() -> None:
    rows = re.findall(
        rf"^\| `({PREFIX}\w+)` \| (.*?) \| (.*?) \|$",
        (DOCS / "operations.md").read_text(),
        re.MULTILINE,
    )
    assert rows == [
        (
            metric.full_name,
            ", ".join(f"`{label}`" for label in metric.labels) or "none",
            metric.meaning,
        )
        for metric in dict.fromkeys((*CATALOGUE, *AUDIT_CATALOGUE))
    ]


def test_every_alarm_has_a_page_of_the_runbook() -> None:
    pages = re.findall(r"^## (\w+)$", (DOCS / "runbook.md").read_text(), re.MULTILINE)
    assert sorted(pages) == sorted((*ALARMS, AUDIT_VIOLATION))


def test_every_violation_that_an_auditor_finds_is_explained() -> None:
    (page,) = re.findall(
        r"^## audit_violation$(.*?)^## ",
        (DOCS / "runbook.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    explained = " ".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE))
    assert sorted(re.findall(r"`(\w+)`", explained)) == sorted(Violation)


def first_columns(of_headings: str) -> list[str]:
    """The words in backquotes that begin the rows of tables, below headings of the runbook."""
    pages = re.findall(
        rf"^## (?:{of_headings})$(.*?)(?=^## |\Z)",
        (DOCS / "runbook.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    columns = re.findall(r"^\| (`.*?) \|", "".join(pages), re.MULTILINE)
    return re.findall(r"`([\w.]+)`", " ".join(columns))


def test_every_reason_of_a_dead_letter_is_explained_once() -> None:
    explained = first_columns(
        "Records in quarantine|Records that nobody foresaw|Alerts about vendors"
    )
    assert sorted(explained) == sorted(RefusalReason)


def test_every_line_of_the_log_that_warns_is_explained_and_no_other_is() -> None:
    said = {each for file in SOURCES.rglob("*.py") for each in LOUD.findall(file.read_text())}
    assert sorted(first_columns("Lines of the log")) == sorted(said)


def defaults(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            yield from defaults(type(default), f"{prefix}{name}.")
        else:
            yield prefix + name, default


def is_said(default: object, cell: str) -> bool:
    """Whether a cell of the column of defaults says it: durations with their unit."""
    match default:
        case timedelta():
            units = {"s": "seconds", "h": "hours", "d": "days"}
            number, unit = cell.split(" ")
            return timedelta(**{units[unit]: int(number)}) == default
        case SecretStr():
            return cell == "the local server"
        case None | "" | [] | {}:
            return cell in ("\N{EN DASH}", "none", "empty", "all")
        case _:
            return cell.strip("`").lower() == str(default).lower()


def test_every_setting_is_documented_with_its_default_and_meaning_and_no_other_is() -> None:
    page = (DOCS / "operations.md").read_text()
    (table,) = re.findall(r"^\| setting \|.*?\n\n", page, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| `([\w.]+)` \| (.+?) \| (.+?) \|$", table, re.MULTILINE)
    said = {name: cell for name, cell, _ in rows}
    known = dict(defaults(Settings))
    assert list(said) == list(known)
    assert [name for name, default in known.items() if not is_said(default, said[name])] == []
