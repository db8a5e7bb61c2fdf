"""One bulk issuance in full, for the support desk."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from card_fulfillment.domain.bulk import Bulk, Common, RollUp, roll_up, shown
from card_fulfillment.domain.facts import ParcelRole
from card_fulfillment.domain.file_accounts import FileAccount
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.parcels import Parcel
from card_fulfillment.domain.status import Status
from card_fulfillment.messages.bulk_event import parcel_event
from card_fulfillment.messages.bulk_event_models import BulkIssuanceStatusChanged
from card_fulfillment.ops import look
from card_fulfillment.ops.sentences import ranges, sentence
from card_fulfillment.pipeline.file_alerts import file_sentence
from card_fulfillment.pipeline.timeline import Astray, BulkTimeline, Remembered, Shown


def bulk_in_full(timeline: BulkTimeline) -> RenderableType:
    """Identity, where it is, members, parcels, what was published, facts, files, names."""
    return Group(
        _identity(timeline.bulk_id, timeline.bulk),
        *_state(timeline),
        *([_published(timeline.changes)] if timeline.changes.newest else ()),
        _history(timeline.history),
        *([_files(timeline.files)] if timeline.files else ()),
        *look.names(timeline.bound),
        *look.quarantined(timeline.dead_letters),
    )


def _identity(bulk_id: str, bulk: Bulk) -> Text:
    common = bulk.common or Common(None, {})
    said = [common.product or "", *(f"{k}={v}" for k, v in common.labels.items())]
    said += [str(value) for value in shown(bulk).values() if not isinstance(value, bool)]
    return Text.assemble("bulk issuance ", (bulk_id, "bold"), "  ", "  ".join(filter(None, said)))


def _state(timeline: BulkTimeline) -> Iterator[RenderableType]:
    bulk = timeline.bulk
    if bulk.common is None:
        waiting = len(timeline.history.newest) + timeline.history.more
        yield Text(f"no card of it is announced yet; {waiting} facts wait for one", "yellow")
        return
    now = roll_up(bulk)
    yield _now(now)
    if bulk.lags:
        told = f"no. {bulk.spread_number} of {bulk.last_number}"
        yield Text(f"what is said of it is still being brought to its members: {told}", "yellow")
    for found in now.discrepancies:
        yield Text.assemble((f"{found.name}: ", "bold yellow"), sentence(found))
    yield _members(now, timeline.astray)
    if bulk.said.parcels:
        yield _parcels(bulk)


def _now(now: RollUp) -> Text:
    total = "an unknown number" if now.total is None else str(now.total)
    said = [f"attempt {now.attempt}", f"{now.announced} of {total} announced"]
    said += ["partial"] if now.is_partial else []
    said += [look.number(now.exceptions, "exception")] if now.exceptions else []
    said += ["final"] if now.final else []
    return Text.assemble(look.status(now.status), " ", " · ".join(said))


def _members(now: RollUp, astray: Sequence[Astray]) -> Table:
    table = look.table("Members", "status", "cards", "such as")
    few: defaultdict[Status, list[str]] = defaultdict(list)
    for card_id, serial, (status, attempt) in astray:
        serial_number = "" if serial is None else f" no. {serial}"
        ahead = f" (attempt {attempt})" if attempt > now.attempt else ""
        few[status].append(f"{card_id}{serial_number}{ahead}")
    for status, count in now.counts.items():
        table.add_row(look.status(status), str(count), ", ".join(few[status]))
    return table


def _parcels(bulk: Bulk) -> Table:
    table = look.table("Parcels", "parcel", "carton", "serials", "carrier", "status")
    for reference, parcel in sorted(bulk.said.parcels.items()):
        table.add_row(*_parcel(reference, parcel))
    return table


def _parcel(reference: Reference, parcel: Parcel) -> tuple[str, str, str, str, Text]:
    status = parcel.claim.key.status if parcel.claim else None
    told = parcel_event(reference, parcel, status)
    carton, serials = told["carton"], told["serials"]
    known = "all" if serials is None else ranges(tuple((first, last) for first, last in serials))
    role = "" if told["role"] is ParcelRole.OUTBOUND else f" ({told['role']})"
    return (
        told["tracking_number"] + role,
        "" if carton is None else f"{carton['number']}/{carton['of'] or '?'}",
        known if parcel.named else "nobody said what is in it",
        told["carrier"] or "",
        look.status(status),
    )


def _published(changes: Shown[BulkIssuanceStatusChanged]) -> Table:
    table = look.table(_title("Published", changes.more), "v", "when (UTC)", "status", "says")
    known: set[str] = set()
    for event in changes.newest:
        says = f"{event['change']} · {' · '.join(look.bulk_news(event, known))}"
        known = {each["name"] for each in event["discrepancies"]}
        table.add_row(
            str(event["version"]),
            look.long_time(look.moment(event), event["occurred_at_precision"]),
            look.status(event["fulfillment_status"]),
            says,
        )
    return table


def _history(history: Shown[Remembered]) -> Table:
    title = _title("Facts", history.more)
    table = look.table(title, "no.", "when (UTC)", "status", "of", "outcome", "said by")
    for each in history.newest:
        table.add_row(
            str(each.number or ""),
            *look.fact(each.fact),
            look.whom(each.fact),
            look.outcome(each),
            look.said_by(each.fact),
        )
    return table


def _files(files: Sequence[FileAccount]) -> Table:
    table = look.table("Files", "no.", "file", "of", "lines", "cards", "says")
    for each in files:
        number = "" if each.sequence is None else str(each.sequence)
        says = "; ".join(map(file_sentence, each.discrepancies)) or _agreed(each)
        table.add_row(number, *each.name[::-1], str(each.lines), str(each.quantity), says)
    return table


def _agreed(file: FileAccount) -> str:
    return "its trailer agrees" if file.totals else ""


def _title(title: str, more: int) -> str:
    return f"{title}; {more} earlier ones are left out" if more else title
