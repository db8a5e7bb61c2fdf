"""Which topics there are, by the settings: names, readers and what they should be like."""

from collections.abc import Mapping
from dataclasses import dataclass

from card_fulfillment.kafka.topics import TopicPlan, output_configs
from card_fulfillment.pipeline.decode import Reader
from card_fulfillment.pipeline.readers import card_created, embossing_requested, vendor_tracking
from card_fulfillment.settings import Settings, TopicSettings
from card_fulfillment.vendors.profile import Profile, load_profiles


class UnknownVendor(ValueError):
    """A topic is given to a vendor that has no profile."""


@dataclass(frozen=True, slots=True)
class Topology:
    """readers: of the input topics, by full name."""

    readers: Mapping[str, Reader]
    status_changed: str
    dead_letter: str
    plans: tuple[TopicPlan, ...]


def topology(settings: Settings) -> Topology:
    """Raises ProfileError or UnknownVendor."""
    topics, vendors = settings.topics, settings.vendors
    profiles = load_profiles(vendors.directory, vendors.enabled)
    readers = {topics.prefix + name: reader for name, reader in _readers(topics, profiles).items()}
    status_changed = topics.prefix + topics.status_changed
    dead_letter = topics.prefix + topics.dead_letter
    return Topology(
        readers,
        status_changed,
        dead_letter,
        (
            *(_input_plan(topics, name) for name in readers),
            _output_plan(topics, status_changed),
            _output_plan(topics, dead_letter),
        ),
    )


def _readers(topics: TopicSettings, profiles: Mapping[str, Profile]) -> dict[str, Reader]:
    of_vendors = topics.vendor_tracking or {f"perso-vendor-tracking-{v}": v for v in profiles}
    unknown = set(of_vendors.values()) - set(profiles)
    if unknown:
        raise UnknownVendor(
            f"topics.vendor_tracking: no profile for {', '.join(sorted(unknown))}; "
            f"there are {', '.join(sorted(profiles))}"
        )
    return {
        topics.card_created: card_created,
        topics.embossing_requested: embossing_requested(profiles),
    } | {topic: vendor_tracking(profiles[vendor]) for topic, vendor in of_vendors.items()}


def _input_plan(topics: TopicSettings, name: str) -> TopicPlan:
    return TopicPlan(
        name,
        topics.partitions,
        replication_factor=topics.replication_factor,
        partitions_fixed=False,
    )


def _output_plan(topics: TopicSettings, name: str) -> TopicPlan:
    return TopicPlan(
        name,
        topics.partitions,
        output_configs(topics.output_retention_ms),
        replication_factor=topics.replication_factor,
    )
