"""How what is said reaches the worker: shuffled, doubled, cut into batches, useless things too."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from builders import Sent, altered, at_other_times, hour, sent
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Announcement, Fact, Order, Statement
from card_fulfillment.domain.files import FileLine
from card_fulfillment.messages.envelope import Ignored, RefusalReason, Refused
from card_fulfillment.pipeline.batch import Element

Told = Statement | FileLine


def deliveries(rng: Random, told: Sequence[Told]) -> list[list[Sent]]:
    """Cut into batches what is said: shuffled, doubled, over partitions, with things of no use."""
    records = [_record(rng, [each]) for each in _copied(rng, told)]
    records += [_record(rng, [_useless(rng)]) for _ in range(rng.choice((0, 0, 1, 2)))]
    rng.shuffle(records)
    if rng.random() < 0.3:
        topics = rng.sample(_TOPICS, len(_TOPICS))
        records.sort(key=lambda r: topics.index(r.topic))
    return cut(rng, _merged(rng, records))


_TOPICS: Final = ("announcements", "orders", "tracking")


def _record(rng: Random, elements: Sequence[Element]) -> Sent:
    match elements[0]:
        case Announcement():
            topic = _TOPICS[0]
        case Order():
            topic = _TOPICS[1]
        case _:
            topic = _TOPICS[2]
    return sent(*elements, topic=topic, partition=rng.randint(0, 1))


def _copied(rng: Random, told: Sequence[Told]) -> Iterable[Told]:
    for each in told:
        yield each
        while rng.random() > 0.8:  # so that the least draw ends it
            yield _copy(rng, each)


def _copy(rng: Random, statement: Told) -> Told:
    """A copy that comes in a record of another time, read by another mapping."""
    later = hour(rng.choice((0, 1, 24))) - hour(0)
    if isinstance(statement, FileLine):
        return replace(statement, received_at=statement.received_at + later)
    if not isinstance(statement, Fact):
        stated = statement.fact
        copy = at_other_times(stated, stated.stated, stated.received_at + later)
        return altered(statement, fact=copy)
    if statement.precision is Precision.UNKNOWN:
        return _untimed_copy(statement, later)
    copy = at_other_times(statement, statement.stated, statement.received_at + later)
    return altered(copy, time_fallback="message.other")


def _untimed_copy(fact: Fact, later: int) -> Fact:
    """Only by a trusted id is it known to be one."""
    if fact.cause.event_id is None:
        return fact
    return at_other_times(fact, fact.stated + later, fact.received_at + later)


def _useless(rng: Random) -> Element:
    if rng.random() < 0.5:
        return Ignored("", "a test notification")
    return Refused(RefusalReason.MALFORMED, "a.b", "not a thing")


def _merged(rng: Random, records: Iterable[Sent]) -> list[Sent]:
    """Messages of a vendor with several elements."""
    merged: list[Sent] = []
    for each in records:
        before = merged[-1] if merged else None
        if before and before.topic == each.topic == _TOPICS[2] and rng.random() < 0.3:
            merged[-1] = before._replace(elements=before.elements + each.elements)
        else:
            merged.append(each)
    return merged


def cut(rng: Random, records: Sequence[Sent]) -> list[list[Sent]]:
    most = rng.choice((1, 3, 8, len(records) or 1))
    batches: list[list[Sent]] = []
    taken = 0
    while taken < len(records):
        size = rng.randint(1, most)
        batches.append(list(records[taken : taken + size]))
        taken += size
    return batches


def interleaved(rng: Random, queues: Sequence[Sequence[Sent]]) -> list[Sent]:
    """Any skew between the queues, each in its own order."""
    turns = [i for i, queue in enumerate(queues) for _ in queue]
    rng.shuffle(turns)
    if rng.random() < 0.3:
        turns.sort(key=rng.sample(range(len(queues)), len(queues)).index)
    rest = [iter(queue) for queue in queues]
    return [next(rest[turn]) for turn in turns]
