"""A play performed on a running worker, and what its neighbours saw of it."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from card_fulfillment.demo.story import Input, Play, Step
from card_fulfillment.kafka.outside import Coordinates, Message, Sender, Subscriber
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.postgres.accounts import bulks_at_work, lane_ends, record_classes
from card_fulfillment.postgres.connection import Connection

_SETTLED_WITHIN: Final = 30.0
_TOPICS: Final = tuple(Input)


class PerformanceFailed(Exception):
    """The worker did not do its part; the message is for a person."""


@dataclass(slots=True)
class Witnessed:
    """sent: where each step's record is. received: by output topic, in order of arrival."""

    sent: list[tuple[Step, Coordinates]] = field(default_factory=list)
    received: defaultdict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))

    def receive(self, records: Iterable[Record]) -> None:
        for record in records:
            self.received[record.topic].append(record)

    def seqs(self) -> Mapping[Partition, list[int]]:
        """Sequence numbers by output partition, as they came."""
        found: defaultdict[Partition, list[int]] = defaultdict(list)
        for records in self.received.values():
            for record in records:
                partition = Partition(record.topic, record.partition)
                found[partition].append(int(dict(record.headers)["seq"]))
        return found


@dataclass(frozen=True, slots=True)
class Stage:
    """What a performance needs. check: raises PerformanceFailed where the worker has ended."""

    sender: Sender
    subscriber: Subscriber
    books: Connection
    check: Callable[[], None]


async def perform(play: Play, stage: Stage, tell: Callable[[int, Witnessed], None]) -> Witnessed:
    """Send everything, wave by wave; each is taken in and published before the next.

    tell: is called with the day and what was witnessed so far. Raises PerformanceFailed.
    """
    witnessed = Witnessed()
    for day, wave in _waves(play):
        tell(day, witnessed)
        messages = [Message(step.topic, step.key.encode(), step.value) for step in wave]
        witnessed.sent += zip(wave, await stage.sender.send(messages), strict=True)
        await _settle(stage, witnessed)
    return witnessed


def _waves(play: Play) -> Iterator[tuple[int, Sequence[Step]]]:
    steps = [step for story in play.stories for step in story.steps]
    steps.sort(key=_when)
    for (day, _), wave in groupby(steps, _when):
        yield day, list(wave)


def _when(step: Step) -> tuple[int, int]:
    return step.day, _TOPICS.index(step.topic)


async def _settle(stage: Stage, witnessed: Witnessed) -> None:
    """Wait until all that was sent is taken in, and all that came of it is published."""
    ends = time.monotonic() + _SETTLED_WITHIN
    sent = Counter(where.topic for _, where in witnessed.sent)
    while not await _is_settled(stage, sent, witnessed):
        stage.check()
        if time.monotonic() > ends:
            raise PerformanceFailed(f"the worker is not done after {_SETTLED_WITHIN:g} s")
        witnessed.receive(await stage.subscriber.receive())


async def _is_settled(stage: Stage, sent: Mapping[str, int], witnessed: Witnessed) -> bool:
    taken = await record_classes(stage.books)
    if await bulks_at_work(stage.books) or any(
        taken.get(topic, Counter()).total() < count for topic, count in sent.items()
    ):
        return False
    seen = {partition: seqs[-1] for partition, seqs in witnessed.seqs().items()}
    ends = await lane_ends(stage.books)
    return all(seen.get(partition, 0) >= seq for partition, seq in ends.items())
