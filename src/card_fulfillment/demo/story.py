"""A story is data: what is sent and what must come of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from card_fulfillment.domain.discrepancies import DiscrepancyName
from card_fulfillment.domain.journey import ChangeKind
from card_fulfillment.domain.serials import Ranges
from card_fulfillment.domain.status import Status
from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.batch import RecordClass


class Input(StrEnum):
    """Topics, in the order in which the records of a day are sent."""

    CARD_CREATED = "card-created"
    EMBOSSING_REQUESTED = "embossing-requested"
    MERIDIAN = "perso-vendor-tracking-meridian"
    DELTA = "perso-vendor-tracking-delta"
    SAHRA = "perso-vendor-tracking-sahra"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A record.

    day: of the play; a day's records of one topic are sent together, and taken in before the next.
    becomes: what the worker must count it as.
    refused: reason and field path of each dead letter that it must end as.
    """

    day: int
    topic: Input
    key: str
    value: bytes
    becomes: RecordClass = RecordClass.APPLIED
    refused: tuple[tuple[RefusalReason, str], ...] = ()


class Told(NamedTuple):
    """A published change."""

    status: Status
    kind: ChangeKind = ChangeKind.PROGRESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What must be true of a card in the end.

    told: all that subscribers hear of it, in order.
    late: vendor codes of facts that come too late and are history only.
    copies: by vendor code, how often a fact comes, where that is what the story is about.
    replaces: the card that its events must name as the one before it.
    """

    told: tuple[Told, ...]
    final: bool = False
    tracking_number: str | None = None
    late: tuple[str, ...] = ()
    copies: Mapping[str, int] = field(default_factory=dict)
    replaces: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkEnding:
    """What must be true of a bulk issuance in the end.

    statuses: those that it goes through; how often counts are told meanwhile is chance.
    boxes: by tracking number. missing: discrepancies by name, with the serials that they are about.
    """

    statuses: tuple[Status, ...]
    counts: Mapping[Status, int]
    boxes: Mapping[str, Status]
    missing: Mapping[DiscrepancyName, Ranges]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Without a title it happens in the background."""

    endings: Mapping[str, Ending]
    steps: tuple[Step, ...]
    bulks: Mapping[str, BulkEnding] = field(default_factory=dict)
    title: str = ""
    moral: str = ""


class Play(NamedTuple):
    """`begins`: midnight (UTC) of day 0."""

    begins: datetime
    stories: tuple[Story, ...]
