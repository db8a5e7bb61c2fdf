"""Parts of the pipeline as settings and profiles make them, for a worker and for commands."""

from collections import Counter

from card_fulfillment.kafka.partitioner import partition_of
from card_fulfillment.messages.outbound import Encoder
from card_fulfillment.messages.pan_guard import PanGuard
from card_fulfillment.pipeline.decode import Decoder
from card_fulfillment.pipeline.publishing import Publishing
from card_fulfillment.postgres.changes_writing import Lanes
from card_fulfillment.settings import Settings
from card_fulfillment.topology import Topology


def decoder(settings: Settings, known: Topology) -> Decoder:
    most_bytes = settings.intake.max_record_bytes
    guard = PanGuard(settings.guard.bins, known.spared, most_bytes)
    return Decoder(known.readers, guard, most_bytes, known.vendors)


def publishing(settings: Settings, known: Topology, lanes: Lanes) -> Publishing:
    partitions = Counter(topic for topic, _ in lanes)
    return Publishing(
        Encoder(),
        known.status_changed,
        known.dead_letter,
        lambda topic, key: partition_of((key or "").encode(), partitions[topic]),
        updates=settings.events.updates,
        masks=known.masks,
        windows=known.windows,
    )
