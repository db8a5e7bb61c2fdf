import asyncio

from relay_services import configure

from card_fulfillment.kafka.connection import ClientOptions, client_options
from card_fulfillment.kafka.topics import (
    TopicPlan,
    ensure_topics,
    output_configs,
    partition_count,
)
from card_fulfillment.settings import KafkaSettings
from stack import Services


def options_of(stack: Services) -> ClientOptions:
    return client_options(KafkaSettings(bootstrap_servers=stack.bootstrap))


async def test_missing_topics_are_created_as_planned_and_then_found_so(
    stack: Services, prefix: str
) -> None:
    options = options_of(stack)
    plans = [
        TopicPlan(f"{prefix}out", 3, output_configs(-1)),
        TopicPlan(f"{prefix}in", 2, replication_factor=1),
    ]
    assert await ensure_topics(options, plans, check_only=False) == []
    assert await ensure_topics(options, plans, check_only=True) == []
    assert await partition_count(options, f"{prefix}out") == 3
    assert await partition_count(options, f"{prefix}in") == 2


async def test_checking_says_what_is_missing_and_creates_nothing(
    stack: Services, prefix: str
) -> None:
    options = options_of(stack)
    topic = f"{prefix}out"
    found = await ensure_topics(options, [TopicPlan(topic, 3)], check_only=True)
    assert found == [f"topic {topic} is missing"]
    assert await partition_count(options, topic) is None


async def test_existing_topics_are_held_against_the_plan_and_left_alone(
    stack: Services, prefix: str
) -> None:
    options = options_of(stack)
    out, into = f"{prefix}out", f"{prefix}in"
    before = [TopicPlan(out, 3, output_configs(-1)), TopicPlan(into, 3)]
    assert await ensure_topics(options, before, check_only=False) == []
    await configure(options, out, cleanup_policy="compact", message_timestamp_type="LogAppendTime")
    plans = [
        TopicPlan(out, 6, output_configs(-1)),
        TopicPlan(into, 6, partitions_fixed=False),
    ]
    wrong = [
        f"topic {out} has 3 partitions, 6 are wanted",
        f"topic {out} has cleanup.policy=compact, delete is wanted",
        f"topic {out} has retention.ms=604800000, -1 is wanted",
    ]
    async with asyncio.timeout(30):  # the broker shows a new configuration a little later
        while await ensure_topics(options, plans, check_only=False) != wrong:
            pass
    assert await partition_count(options, out) == 3


async def test_a_topic_that_the_broker_refuses_is_a_sentence_and_stops_no_other(
    stack: Services, prefix: str
) -> None:
    plans = [TopicPlan(f"{prefix}bad", 1, {"nonsense": "1"}), TopicPlan(f"{prefix}good", 1)]
    assert await ensure_topics(options_of(stack), plans, check_only=False) == [
        f"topic {prefix}bad could not be created: Unknown topic config name: nonsense"
    ]
    assert await partition_count(options_of(stack), f"{prefix}good") == 1
