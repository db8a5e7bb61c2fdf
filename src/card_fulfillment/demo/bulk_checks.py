"""What was promised of bulk issuances against what was found."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from card_fulfillment.demo.story import BulkEnding, Play
from card_fulfillment.domain.serials import Range
from card_fulfillment.messages.bulk_event_models import BulkIssuanceStatusChanged
from card_fulfillment.pipeline.timeline import BulkTimeline
from card_fulfillment.postgres.bulk_check import Checked


class BulkFound(NamedTuple):
    """events: as a subscriber received them. checked: counted anew, once all was quiet."""

    events: Sequence[BulkIssuanceStatusChanged]
    timeline: BulkTimeline | None
    checked: Checked | None


def bulk_endings(play: Play) -> Mapping[str, BulkEnding]:
    return {bulk: ending for story in play.stories for bulk, ending in story.bulks.items()}


def ways(expected: Mapping[str, BulkEnding], found: Mapping[str, BulkFound]) -> Iterator[str]:
    for bulk in found.keys() - expected.keys():
        yield f"{bulk}: nobody expected an event of it"
    for bulk, ending in expected.items():
        events = found[bulk].events if bulk in found else ()
        if not events:
            yield f"{bulk}: nobody was told of it"
            continue
        for what, wanted, is_so in _way(ending, events):
            if wanted != is_so:
                yield f"{bulk}: {what}: {is_so}, expected {wanted}"


def _way(
    ending: BulkEnding, events: Sequence[BulkIssuanceStatusChanged]
) -> Iterator[tuple[str, object, object]]:
    last = events[-1]
    yield "statuses", list(ending.statuses), [s for s, _ in groupby(events, _status)]
    yield "counts", dict(ending.counts), last["counts"]
    for event in events:
        yield "sum of counts", event["announced"], sum(event["counts"].values())
    boxes = {parcel["tracking_number"]: parcel["status"] for parcel in last["parcels"]}
    yield "boxes", dict(ending.boxes), boxes
    missing = {d["name"]: tuple(map(_range, d["serials"])) for d in last["discrepancies"]}
    yield "discrepancies", dict(ending.missing), missing


def _status(event: BulkIssuanceStatusChanged) -> str:
    return event["fulfillment_status"]


def _range(serials: Sequence[int]) -> Range:
    first, last = serials
    return first, last


def stored(found: Mapping[str, BulkFound]) -> Iterator[str]:
    for bulk, (events, timeline, _) in found.items():
        if timeline is None or list(timeline.changes.newest) != list(events):
            yield f"{bulk}: received {len(events)} events, stored are others"


def counted_anew(found: Mapping[str, BulkFound]) -> Iterator[str]:
    """Once all is quiet, the last event is what cards and facts come to."""
    for bulk, (_, _, checked) in found.items():
        if checked is None:
            yield f"{bulk}: nothing is stored of it"
            continue
        yield from (f"{bulk}: {wrong}" for wrong in checked.wrong)
        if checked.waits:
            yield f"{bulk}: something of it is still to be spread or published"
