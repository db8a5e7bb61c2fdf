"""What was promised against what was found."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from card_fulfillment.demo import bulk_checks
from card_fulfillment.demo.bulk_checks import BulkFound, bulk_endings
from card_fulfillment.demo.performance import Witnessed
from card_fulfillment.demo.story import Ending, Play, Told
from card_fulfillment.domain.journey import FactOutcome
from card_fulfillment.kafka.outside import Coordinates
from card_fulfillment.messages.bulk_event_models import BulkIssuanceStatusChanged
from card_fulfillment.messages.event_models import CardStatusChanged, DeadLetterEvent
from card_fulfillment.ops.look import number
from card_fulfillment.pipeline.batch import Partition, RecordClass
from card_fulfillment.pipeline.timeline import Timeline

Classes = Mapping[str, Counter[RecordClass]]


class Check(NamedTuple):
    """wrong: a sentence for each thing that is not as promised; none: it holds."""

    promise: str
    wrong: Sequence[str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was found.

    events: by card, as a subscriber received them. dead_letters: as a subscriber received them.
    timelines: by card, as Postgres has them. bulks: by bulk issuance, all of that.
    classes, lane_ends: the books.
    """

    witnessed: Witnessed
    events: Mapping[str, Sequence[CardStatusChanged]]
    dead_letters: Sequence[DeadLetterEvent]
    timelines: Mapping[str, Timeline]
    bulks: Mapping[str, BulkFound]
    classes: Classes
    lane_ends: Mapping[Partition, int]


def read_events(witnessed: Witnessed, topic: str) -> Mapping[str, list[CardStatusChanged]]:
    """By card."""
    return _events_of("card", witnessed, topic)


def read_bulk_events(
    witnessed: Witnessed, topic: str
) -> Mapping[str, list[BulkIssuanceStatusChanged]]:
    """By bulk issuance."""
    return _events_of("bulk_issuance", witnessed, topic)


def _events_of(subject: str, witnessed: Witnessed, topic: str) -> dict[str, list[Any]]:
    events: defaultdict[str, list[Any]] = defaultdict(list)
    for record in witnessed.received[topic]:
        event = orjson.loads(record.value or b"")
        if event["subject"] == subject:
            events[event[f"{subject}_id"]].append(event)
    return dict(events)


def read_dead_letters(witnessed: Witnessed, topic: str) -> list[DeadLetterEvent]:
    return [orjson.loads(record.value or b"") for record in witnessed.received[topic]]


def endings(play: Play) -> Mapping[str, Ending]:
    return {card: ending for story in play.stories for card, ending in story.endings.items()}


def promised_classes(witnessed: Witnessed) -> Classes:
    promised: defaultdict[str, Counter[RecordClass]] = defaultdict(Counter)
    for step, _ in witnessed.sent:
        promised[step.topic][step.becomes] += 1
    return promised


def checks(play: Play, found: Evidence) -> Sequence[Check]:
    expected, whole = endings(play), bulk_endings(play)
    events = sum(map(len, found.events.values()))
    events += sum(len(each.events) for each in found.bulks.values())
    bulks = number(len(whole), "bulk issuance")
    return (
        Check(
            f"{len(expected)} cards and {bulks} went the way that they should",
            [*_ways(expected, found), *bulk_checks.ways(whole, found.bulks)],
        ),
        Check(
            f"{len(found.witnessed.sent)} records: each was exactly one of the five classes",
            list(_records(found)),
        ),
        Check(
            f"{events} events: the versions of each card or bulk are 1, 2, 3 … without a gap",
            list(_versions(found)),
        ),
        Check(
            f"{bulks}, counted anew from cards and facts: just as it was told last",
            list(bulk_checks.counted_anew(found.bulks)),
        ),
        Check("Each output partition has the sequence 1 … n without a gap", list(_lanes(found))),
        Check(
            "What subscribers received is what Postgres holds",
            [*_stored(found), *bulk_checks.stored(found.bulks)],
        ),
        Check(
            f"{len(found.dead_letters)} dead letters, each with its reason and its place",
            list(_quarantine(found)),
        ),
    )


def _ways(expected: Mapping[str, Ending], found: Evidence) -> Iterator[str]:
    for card, ending in expected.items():
        events = found.events.get(card, ())
        for what, wanted, is_so in _way(ending, events, found.timelines.get(card)):
            if wanted != is_so:
                yield f"{card}: {what}: {is_so}, expected {wanted}"
    for card in found.events.keys() - expected.keys():
        yield f"{card}: nobody expected an event of it"


def _way(
    ending: Ending, events: Sequence[CardStatusChanged], timeline: Timeline | None
) -> Iterator[tuple[str, object, object]]:
    yield "journey", _words(ending.told), _words(_told(events))
    if not events or timeline is None:
        yield "timeline", True, timeline is not None
        return
    shown, history = events[-1], timeline.history
    yield "final", ending.final, shown["final"]
    yield "tracking number", ending.tracking_number, shown["shipment"]["tracking_number"]
    replaces = {event["reference_card_id"] for event in events}
    yield "replaces", {ending.replaces}, replaces
    late = [f.fact.code for f in history if f.outcome is FactOutcome.LATE]
    yield "late", list(ending.late), late
    copies = {f.fact.code: f.copies for f in history if f.fact.code in ending.copies}
    yield "copies", dict(ending.copies), copies


def _told(events: Sequence[CardStatusChanged]) -> Iterable[Told]:
    return (Told(event["fulfillment_status"], event["change"]) for event in events)


def _words(told: Iterable[Told]) -> str:
    return ", ".join(f"{status} ({kind})" for status, kind in told)


def _records(found: Evidence) -> Iterator[str]:
    promised = promised_classes(found.witnessed)
    for topic in promised.keys() | found.classes.keys():
        wanted, counted = promised.get(topic, Counter()), found.classes.get(topic, Counter())
        for name in RecordClass:
            if wanted[name] != counted[name]:
                yield f"{topic}: {counted[name]} {name}, expected {wanted[name]}"


def _versions(found: Evidence) -> Iterator[str]:
    for card, events in found.events.items():
        yield from _gaps(card, [event["version"] for event in events])
    for bulk, each in found.bulks.items():
        yield from _gaps(bulk, [event["version"] for event in each.events])


def _lanes(found: Evidence) -> Iterator[str]:
    seqs = found.witnessed.seqs()
    for partition, end in found.lane_ends.items():
        name, seen = f"{partition.topic}[{partition.partition}]", seqs.get(partition, [])
        yield from _gaps(name, seen)
        if len(seen) != end:
            yield f"{name}: {len(seen)} records, expected {end}"


def _gaps(of: str, numbers: Sequence[int]) -> Iterator[str]:
    if list(numbers) != list(range(1, len(numbers) + 1)):
        yield f"{of}: {', '.join(map(str, numbers))}"


def _stored(found: Evidence) -> Iterator[str]:
    for card, events in found.events.items():
        timeline = found.timelines.get(card)
        if timeline is None or list(timeline.changes) != list(events):
            yield f"{card}: received {len(events)} events, stored are others"
        elif timeline.journey.version != len(events):
            yield f"{card}: its version is {timeline.journey.version}, expected {len(events)}"


def _quarantine(found: Evidence) -> Iterator[str]:
    promised = _refusals(
        (reason.value, path, where)
        for step, where in found.witnessed.sent
        for reason, path in step.refused
    )
    received = _refusals(
        (d["reason"], d["field_path"], Coordinates(d["topic"], d["partition"], d["offset"]))
        for d in found.dead_letters
    )
    yield from (f"missing: {each}" for each in sorted(promised - received))
    yield from (f"not expected: {each}" for each in sorted(received - promised))


def _refusals(each: Iterable[tuple[str, str, Coordinates]]) -> set[str]:
    return {f"{reason} {path} at {t}[{p}]@{o}" for reason, path, (t, p, o) in each}
