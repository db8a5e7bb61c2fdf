"""What there is to say about Kafka, its topics, and how far the worker has come in them."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from card_fulfillment.doctor.findings import Finding, fail, ok, warn
from card_fulfillment.kafka.broker_version import NEWEST_KNOWN
from card_fulfillment.kafka.examination import Ends, GroupSeen, TopicSeen
from card_fulfillment.pipeline.batch import Partition

_FLOOR: Final = (3, 6)
_WANTED_REPLICAS: Final = 3


def of_release(release: tuple[int, int] | None, address: str, brokers: int) -> Finding:
    if release is None:
        return warn(
            f"Kafka at {address} does not tell its version", "make sure that it is 3.6 or newer"
        )
    name = "{}.{}".format(*release) + (" or newer" if release == NEWEST_KNOWN else "")
    if release < _FLOOR:
        return fail(f"Kafka {name} at {address} is older than 3.6", "upgrade the brokers")
    return ok(f"Kafka {name} at {address}, {brokers} brokers")


def of_topics(topics: Mapping[str, TopicSeen], outputs: Collection[str]) -> Iterator[Finding]:
    for name, topic in sorted(topics.items()):
        if topic.leaderless:
            yield fail(
                f"{topic.leaderless} of {topic.partitions} partitions of {name} have no leader",
                "bring the brokers back that hold them",
            )
        elif topic.lagging:
            yield warn(
                f"{topic.lagging} partitions of {name} lack a replica that is in sync",
                "look after the brokers",
            )
        if name in outputs and topic.replicas < _WANTED_REPLICAS:
            yield warn(
                f"{name} has {topic.replicas} replica(s): losing a broker can lose events",
                "use three replicas and min.insync.replicas=2 in production",
            )


def of_reading(unreadable: Collection[str]) -> Finding:
    if unreadable:
        return fail(
            f"this user may not read {', '.join(unreadable)}",
            "grant Read and Describe on the topics (docs/operations.md has the list)",
        )
    return ok("this user may read every topic; whether it may write is tried by a worker only")


def of_group(group: GroupSeen, group_id: str) -> Iterator[Finding]:
    if not group.members:
        yield warn(f"group {group_id} is {group.state or 'unknown'}: no worker runs", "start one")
        return
    yield ok(f"group {group_id} is {group.state}, {len(group.members)} workers:")
    for member in group.members:
        yield ok(f"  {member.client} on {member.host} takes {member.partitions} partitions")
    if group.state != "Stable":
        yield warn(
            f"group {group_id} is {group.state}",
            "wait a few seconds and look again; if it stays so, workers come and go",
        )


def of_lag(
    ends: Mapping[Partition, Ends], positions: Mapping[Partition, int], inputs: Collection[str]
) -> Iterator[Finding]:
    lag: Counter[str] = Counter()
    for partition, (first, end) in ends.items():
        if partition.topic in inputs:
            lag[partition.topic] += max(end - positions.get(partition, first), 0)
    for topic in sorted(inputs):
        yield ok(f"{lag[topic]} offsets of {topic} are not applied yet")
