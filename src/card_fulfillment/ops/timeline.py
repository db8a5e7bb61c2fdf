"""One card in full, for the support desk."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.journey import ChangeKind, FactOutcome
from card_fulfillment.domain.status import Action
from card_fulfillment.messages.event_models import CardStatusChanged
from card_fulfillment.ops import look
from card_fulfillment.pipeline.timeline import Remembered, Timeline

_Told = tuple[str, int, int, str | None]


def in_full(timeline: Timeline) -> RenderableType:
    """Identity, where it is, what was published, every fact, its names, its open dead letters."""
    return Group(
        _identity(timeline),
        _now(timeline),
        *_shipment(timeline),
        *([_published(timeline)] if timeline.changes else ()),
        _history(timeline),
        *look.names(timeline.bound),
        *look.quarantined(timeline.dead_letters),
    )


def facts_that_wait(called: str, facts: Iterable[Remembered]) -> RenderableType:
    """The facts that are found by a name of nobody."""
    table = look.table("Facts that wait", "when (UTC)", "status", "said by")
    for each in facts:
        table.add_row(*look.fact(each.fact), look.said_by(each.fact))
    return Group(Text(f"who is called {called} is not known yet", "yellow"), table)


def _identity(timeline: Timeline) -> Text:
    line = Text(timeline.card_id, "bold")
    if timeline.identity is None:
        return line
    identity = timeline.identity
    said = [identity.card_product_id, *(f"{k}={v}" for k, v in identity.labels.items())]
    if identity.reference_card_id:
        said.append(f"replaces {identity.reference_card_id}")
    if identity.bulk_issuance_id:
        serial = f" no. {identity.serial_number}" if identity.serial_number else ""
        said.append(f"of bulk issuance {identity.bulk_issuance_id}{serial}")
    return line.append("  " + "  ".join(said), "default")


def _now(timeline: Timeline) -> Text:
    if not timeline.changes:
        return Text(f"not announced yet; {len(timeline.history)} facts wait for it", "yellow")
    last = timeline.changes[-1]
    since = look.long_time(look.moment(last), last["occurred_at_precision"])
    said = [f"since {since} UTC", f"attempt {last['attempt']}"]
    said += ["final"] if last["final"] else []
    said += [f"reason {last['reason_code']}"] if last["reason_code"] else []
    if last["recommended_action"] != Action.NONE:
        said.append(f"to do: {last['recommended_action']}")
    return Text.assemble(look.status(last["fulfillment_status"]), " ", " · ".join(said))


def _shipment(timeline: Timeline) -> Iterator[Text]:
    if timeline.changes:
        last = timeline.changes[-1]
        tracked = {True: "tracked", False: "untracked", None: None}[last["tracked"]]
        said = [value for value in (*last["shipment"].values(), tracked) if value]
        if said:
            yield Text(" · ".join(map(str, said)), "dim")


def _published(timeline: Timeline) -> Table:
    table = look.table("Published", "v", "when (UTC)", "status", "change", "says")
    for before, event in zip((None, *timeline.changes), timeline.changes, strict=False):
        table.add_row(
            str(event["version"]),
            look.long_time(look.moment(event), event["occurred_at_precision"]),
            look.status(event["fulfillment_status"]),
            event["change"],
            " · ".join(look.news(event, before)),
        )
    return table


def _history(timeline: Timeline) -> Table:
    """Its own facts, and those of its bulk that concern it, marked so."""
    table = look.table(
        "Facts, by the time they state", "when (UTC)", "status", "outcome", "said by"
    )
    versions = _versions(timeline.changes)
    rows = [(f, _outcome(f, versions, timeline.announced_at)) for f in timeline.history]
    rows += [(f, _shared(f, versions, timeline.folded)) for f in timeline.through_bulk]
    for each, outcome in sorted(rows, key=lambda row: row[0].fact.effective):
        table.add_row(*look.fact(each.fact), outcome, look.said_by(each.fact))
    return table


def _shared(each: Remembered, versions: Mapping[_Told, str], folded: int) -> Text:
    """What is said of the whole bulk, of a range or of a box has no outcome for each member."""
    whom = look.whom(each.fact)
    if (each.number or 0) > folded:
        return Text(f"of {whom}, not spread to this card yet", "yellow")
    version = versions.get(_told(each.fact, each.fact.status), "")
    return Text(f"of {whom}{version}").append_text(look.beside(each))


def _versions(changes: Iterable[CardStatusChanged]) -> Mapping[_Told, str]:
    """What came of a record: by its place and the status told; an update has none of its own."""
    versions: dict[_Told, str] = {}
    for event in changes:
        cause = event["cause"]
        is_update = event["change"] == ChangeKind.UPDATE
        status = None if is_update else event["fulfillment_status"]
        told = (cause["topic"], cause["partition"], cause["offset"], status)
        versions[told] = f" v{event['version']}"
    return versions


def _told(fact: Fact, status: str | None) -> _Told:
    return (fact.cause.topic, fact.cause.partition, fact.cause.offset, status)


def _outcome(
    each: Remembered, versions: Mapping[_Told, str], announced_at: datetime | None
) -> Text:
    is_told = each.outcome is FactOutcome.PUBLISHED
    version = versions.get(_told(each.fact, each.fact.status if is_told else None), "")
    outcome = look.outcome(each, version)
    if announced_at is not None and each.recorded_at < announced_at:
        outcome.append(" waited", "yellow")
    return outcome
