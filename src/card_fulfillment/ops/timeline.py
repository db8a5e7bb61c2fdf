"""One card in full, for the support desk."""

from collections import defaultdict
from collections.abc import Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from card_fulfillment.domain.facts import OWN_KIND
from card_fulfillment.domain.journey import ChangeKind, FactOutcome
from card_fulfillment.messages.outbound import CardStatusChanged
from card_fulfillment.ops import look
from card_fulfillment.pipeline.timeline import Bound, Remembered, Timeline


def in_full(timeline: Timeline) -> RenderableType:
    """Identity, where it is, what was published, every fact, its names, its open dead letters."""
    return Group(
        _identity(timeline),
        _now(timeline),
        *_shipment(timeline),
        *([_published(timeline)] if timeline.changes else ()),
        _history(timeline),
        *([_names(timeline)] if timeline.bound else ()),
        *_quarantine(timeline),
    )


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
    said += [f"to do: {last['recommended_action']}"]
    return Text.assemble(look.status(last["fulfillment_status"]), " ", " · ".join(said))


def _shipment(timeline: Timeline) -> Iterator[Text]:
    if timeline.changes:
        last = timeline.changes[-1]
        tracked = {True: "tracked", False: "untracked", None: None}[last["tracked"]]
        said = [value for value in (*last["shipment"].values(), tracked) if value]
        if said:
            yield Text(" · ".join(map(str, said)), "dim")


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=f"\n{title}",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _published(timeline: Timeline) -> Table:
    table = _table("Published", "v", "when (UTC)", "status", "change", "says")
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
    table = _table("Facts, by the time they state", "when (UTC)", "status", "said by", "outcome")
    published, updates = _versions(timeline)
    for each in timeline.history:
        fact = each.fact
        at = fact.cause[1:4]
        versions = (
            published[*at, fact.status] if each.outcome is FactOutcome.PUBLISHED else updates[at]
        )
        table.add_row(
            look.long_time(look.time_of(fact.stated), fact.precision),
            look.status(fact.status),
            " ".join(filter(None, (fact.vendor or "issuer", fact.code))),
            _outcome(timeline, each, versions),
        )
    return table


def _versions(
    timeline: Timeline,
) -> tuple[defaultdict[tuple[object, ...], list[int]], defaultdict[tuple[object, ...], list[int]]]:
    """Which versions came of a record: by place and status, and the updates by place alone."""
    published: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    updates: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for event in timeline.changes:
        at = _place(event)
        if event["change"] == ChangeKind.UPDATE:
            updates[at].append(event["version"])
        else:
            published[*at, event["fulfillment_status"]].append(event["version"])
    return published, updates


def _place(event: CardStatusChanged) -> tuple[str, int, int]:
    cause = event["cause"]
    return cause["topic"], cause["partition"], cause["offset"]


def _outcome(timeline: Timeline, each: Remembered, versions: list[int]) -> Text:
    late = each.outcome is FactOutcome.LATE
    outcome = Text(
        each.outcome.value, "yellow" if late or each.outcome is FactOutcome.PARKED else ""
    )
    if versions:
        outcome.append(" v" + ", v".join(map(str, versions)))
    if each.copies > 1:
        outcome.append(f" · came {each.copies} times")
    announced = timeline.announced_at
    if announced is not None and each.recorded_at < announced:
        outcome.append(" · waited for the card")
    return outcome


def _names(timeline: Timeline) -> Table:
    table = _table("Names", "vendor", "kind", "value", "attempt", "since (UTC)")
    for each in timeline.bound:
        table.add_row(*_name(each))
    return table


def _name(each: Bound) -> tuple[str, str, str, str, str]:
    reference, binding = each
    kind = "our id" if reference.kind == OWN_KIND else reference.kind
    since = look.long_time(look.time_of(binding.valid_from))
    return reference.vendor, kind, reference.value, str(binding.attempt), since


def _quarantine(timeline: Timeline) -> Iterator[RenderableType]:
    if timeline.dead_letters:
        yield Text("\nOpen dead letters", "bold")
    for each in timeline.dead_letters:
        yield look.quarantine(each)
        where = f"{each.topic}[{each.partition}]@{each.offset}"
        yield Text(f"  {each.dead_letter_id} {where}", "dim")
