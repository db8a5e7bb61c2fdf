"""Which topics there are, by the settings: names, readers and what they should be like."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from card_fulfillment.domain.facts import DAY
from card_fulfillment.domain.windows import Windows
from card_fulfillment.kafka.topics import TopicPlan, output_configs
from card_fulfillment.messages.dead_letter import Mask
from card_fulfillment.messages.pan_guard import OWN_IDS, Spared
from card_fulfillment.pipeline.decode import Reader
from card_fulfillment.pipeline.readers import card_created, embossing_requested, vendor_tracking
from card_fulfillment.settings import BindingSettings, Settings, TopicSettings
from card_fulfillment.vendors.masking import mask_of
from card_fulfillment.vendors.near_miss import hint
from card_fulfillment.vendors.profile import Profile, load_profiles

_MICROSECOND: Final = timedelta(microseconds=1)


class UnknownVendor(ValueError):
    """A topic is given to a vendor that has no profile."""


@dataclass(frozen=True, slots=True)
class Topology:
    """Every topic, by its full name.

    readers: of each input topic, how its records are read.
    spared: of each input topic, where ids stand that may look like card numbers.
    vendors: of each vendor's topic, whose it is. masks: of those with private fields, their mask.
    plans: what all topics should be like.
    windows: for how long vendors' references mean somebody.
    """

    readers: Mapping[str, Reader]
    spared: Mapping[str, Spared]
    vendors: Mapping[str, str]
    masks: Mapping[str, Mask]
    windows: Windows
    status_changed: str
    dead_letter: str
    plans: tuple[TopicPlan, ...]

    @property
    def outputs(self) -> tuple[str, str]:
        return self.status_changed, self.dead_letter


def topology(settings: Settings) -> Topology:
    """Raises ProfileError or UnknownVendor."""
    topics, vendors = settings.topics, settings.vendors
    profiles = load_profiles(vendors.directory, vendors.enabled)
    of_vendors = _of_vendors(topics, profiles)
    inputs = _inputs(topics, profiles, of_vendors)
    status_changed = topics.prefix + topics.status_changed
    dead_letter = topics.prefix + topics.dead_letter
    return Topology(
        readers={topics.prefix + name: reader for name, (reader, _) in inputs.items()},
        spared={topics.prefix + name: spared for name, (_, spared) in inputs.items()},
        vendors={topics.prefix + name: vendor for name, vendor in of_vendors.items()},
        masks={
            topics.prefix + name: mask
            for name, vendor in of_vendors.items()
            if (mask := mask_of(profiles[vendor])) is not None
        },
        windows=_windows(settings.bindings, profiles),
        status_changed=status_changed,
        dead_letter=dead_letter,
        plans=(
            *(_input_plan(topics, topics.prefix + name) for name in inputs),
            _output_plan(topics, status_changed),
            _output_plan(topics, dead_letter),
        ),
    )


def _windows(bindings: BindingSettings, profiles: Mapping[str, Profile]) -> Windows:
    days = {vendor: profile.source.window_days for vendor, profile in profiles.items()}
    return Windows(
        bindings.grace // _MICROSECOND,
        bindings.window // _MICROSECOND,
        {vendor: number * DAY for vendor, number in days.items() if number is not None},
    )


def _of_vendors(topics: TopicSettings, profiles: Mapping[str, Profile]) -> Mapping[str, str]:
    """Return whose each vendor topic is; UnknownVendor where one has no profile."""
    of_vendors = topics.vendor_tracking or {f"perso-vendor-tracking-{v}": v for v in profiles}
    for vendor in sorted(set(of_vendors.values()) - set(profiles)):
        meant = hint(vendor, profiles) or f" ({', '.join(sorted(profiles))})"
        raise UnknownVendor(f"topics.vendor_tracking: no profile of {vendor!r}{meant}")
    return of_vendors


def _inputs(
    topics: TopicSettings, profiles: Mapping[str, Profile], of_vendors: Mapping[str, str]
) -> dict[str, tuple[Reader, Spared]]:
    return {
        topics.card_created: (card_created, OWN_IDS),
        topics.embossing_requested: (embossing_requested(profiles), OWN_IDS),
    } | {topic: _vendor_input(profiles[vendor]) for topic, vendor in of_vendors.items()}


def _vendor_input(profile: Profile) -> tuple[Reader, Spared]:
    return vendor_tracking(profile), profile.spared


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
