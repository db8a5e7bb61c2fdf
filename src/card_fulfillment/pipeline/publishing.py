"""The settings that decide along with what comes, and how what is published is addressed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from card_fulfillment.domain.naming import Subject
from card_fulfillment.domain.windows import Windows
from card_fulfillment.messages.dead_letter import DeadLetter, Mask
from card_fulfillment.messages.envelope import Outgoing
from card_fulfillment.messages.outbound import Encoder
from card_fulfillment.pipeline.effects import NewChange


@dataclass(frozen=True, slots=True)
class Publishing:
    """`partition_of(topic, key)` is the partition that a key belongs to.

    updates: whether changes of details alone are published. masks: by topic, what may be stored of
    a value that is quarantined. windows: of what is bound. None has a default: a worker that forgot
    its masks would store what profiles call private.
    """

    encoder: Encoder
    status_topic: str
    dead_letter_topic: str
    partition_of: Callable[[str, str | None], int]
    updates: bool
    masks: Mapping[str, Mask]
    windows: Windows

    def change(self, outgoing: Outgoing, subject: Subject, version: int) -> NewChange:
        partition = self.partition_of(self.status_topic, outgoing.key)
        return NewChange(self.status_topic, partition, subject, version, outgoing)

    def dead_letter(self, letter: DeadLetter, now: int) -> NewChange:
        outgoing = self.encoder.dead_letter(letter, now)
        partition = self.partition_of(self.dead_letter_topic, outgoing.key)
        return NewChange(self.dead_letter_topic, partition, None, None, outgoing)
