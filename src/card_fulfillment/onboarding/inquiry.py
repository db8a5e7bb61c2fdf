"""One message and a profile: what the worker would make of it, and an example to keep of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import yaml

from card_fulfillment.messages.envelope import Record, Refused
from card_fulfillment.messages.pan_guard import PanGuard
from card_fulfillment.onboarding.story import Chapter, story
from card_fulfillment.onboarding.unread import unread
from card_fulfillment.pipeline.decode import Decoder
from card_fulfillment.settings import Settings
from card_fulfillment.vendors.examples import as_expected, moment
from card_fulfillment.vendors.explaining import Explanation, explain
from card_fulfillment.vendors.outcomes import Outcome
from card_fulfillment.vendors.profile import Profile

_TOPIC: Final = "explain"
_WIDTH: Final = 100
_NEXT_LINE: Final = "\x85"


@dataclass(frozen=True, slots=True)
class Inquiry:
    """received_at: microseconds."""

    profile: Profile
    payload: bytes
    headers: Mapping[str, bytes]
    key: bytes | None
    received_at: int

    def explained(self) -> Explanation:
        return explain(
            self.profile, self.payload, received_at=self.received_at, headers=self.headers
        )

    def example(self) -> str:
        """Write what comes of it as an example for the profile's file.

        UnicodeDecodeError where it is no text.
        """
        example: dict[str, object] = {
            "name": "what it shows",
            "messages": self.payload.decode(),
        }
        if self.headers:
            example["headers"] = {n: v.decode() for n, v in self.headers.items()}
        example["received_at"] = moment(self.received_at)
        example["expect"] = [_telling(outcome) for outcome in self.explained().outcomes]
        return yaml.dump(
            {"examples": [example]},
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            width=_WIDTH,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """kept_from_mapping: why the worker would not let the profile read it at all, else null.

    Nothing comes of it then, and nothing of it is told: it may be a card number.
    """

    kept_from_mapping: Refused | None
    outcomes: list[Outcome]
    chapters: list[Chapter]
    unread: list[str]


def inquire(inquiry: Inquiry, settings: Settings) -> Answer:
    refused = guarded(inquiry, settings)
    if refused is not None:
        return Answer(refused, [], [], [])
    told = inquiry.explained()
    nothing_reads = unread(inquiry.payload, inquiry.headers, inquiry.profile)
    return Answer(None, told.outcomes, story(told, inquiry.profile.source), nothing_reads)


def guarded(inquiry: Inquiry, settings: Settings) -> Refused | None:
    """Ask what stands before every profile: the guard of card numbers, and bounds of size."""
    most_bytes = settings.intake.max_record_bytes
    spared = {_TOPIC: inquiry.profile.spared}
    guard = PanGuard(settings.guard.bins, spared, most_bytes)
    record = Record(
        _TOPIC,
        0,
        0,
        inquiry.received_at,
        inquiry.key,
        inquiry.payload,
        tuple(inquiry.headers.items()),
    )
    elements = Decoder({_TOPIC: lambda _: ()}, guard, most_bytes)(record).elements
    return next((each for each in elements if isinstance(each, Refused)), None)


def _telling(outcome: Outcome) -> dict[str, object]:
    """Write what an example should expect: all that is there."""
    return {kind: _present(said) for kind, said in as_expected(outcome).items()}


def _present(said: object) -> object:
    if not isinstance(said, dict):
        return said
    return {name: value for name, value in said.items() if value not in (None, {}, ())}


class _Dumper(yaml.SafeDumper):
    """Messages of several lines as they are; values of enums as their texts."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    if _NEXT_LINE in value:  # elsewhere it would be read as a line's end, or as a blank
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_multi_representer(str, _text)
