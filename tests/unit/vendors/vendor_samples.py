"""Profiles and messages for tests of the profile engine."""

from pathlib import Path
from typing import Final

import orjson

from card_fulfillment.domain.facts import Cause, Fact
from card_fulfillment.vendors.examples import moment
from card_fulfillment.vendors.mapping import map_message
from card_fulfillment.vendors.outcomes import Outcome
from card_fulfillment.vendors.profile import Profile, load_profile

CAUSE: Final = Cause(None, "perso-vendor-tracking-test", 0, 7)
# 2026-03-10T00:00:00Z
RECEIVED: Final = 1_773_100_800_000_000

HEAD: Final = """
vendor: acme
role: bureau
version: 3
live_tracking: false
reference_kinds: [card, batch]
"""
FLAT: Final = """
rules:
  - references: {card: message.card}
    facts:
      - code: message.code
        codes: {A: accepted, S: shipped, K: keep}
        time: message.at
"""
NESTED: Final = """
rules:
  - each: {order: message.orders, card: order.cards}
    references: {batch: order.number, card: card.id}
    facts:
      - code: [order.stage, card.stage]
        codes:
          P/ok: produced
          P/*: {status: production_failed, reason: damaged}
          "*/gone": {status: lost, evidence: inferred}
        ignore: P/test
        time: [{at: card.day, format: "%d/%m/%Y", zone: Asia/Dubai}, order.at]
"""
RICH: Final = """
zone: Asia/Riyadh
rules:
  - references:
      card: message.card
      batch: message.lines[?type=='batch'].value | [0]
    event_id: header.event-id
    facts:
      - when: {absent: message.test}
        code: message.code
        codes: {X: delivery_exception, K: keep, R: {status: returned, reason: refused}}
        reason: {at: message.why, codes: {"14": recipient_absent}}
        time: message.at
        attributes:
          carrier: message.carrier
          tracking_url: message.url
          method: message.method
          estimated_delivery: {at: message.eta, format: "%d %B %Y"}
        names: [{vendor: speedy, role: carrier, kind: waybill, value: message.awb}]
        text: message.label
        evidence: carrier_scan
"""


# Some codes, for where another thing matters.
TABLE: Final = "codes: {A: accepted, S: shipped, D: delivered, K: keep}"


def profile_of(directory: Path, text: str, name: str = "acme.yaml") -> Profile:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return load_profile(path)


def written(
    directory: Path, facts: str, rule: str = "references: {card: message.card}", head: str = ""
) -> Profile:
    """Write a profile of one rule: its facts, what comes before them, and before the rules."""
    indented = "".join(f"      {line}\n" for line in facts.splitlines())
    return profile_of(directory, f"{HEAD}{head}\nrules:\n  - {rule}\n    facts:\n{indented}")


def outcomes(
    profile: Profile,
    message: object,
    received_at: int = RECEIVED,
    headers: dict[str, bytes] | None = None,
) -> list[Outcome]:
    payload = message if isinstance(message, bytes) else orjson.dumps(message)
    return map_message(
        profile, payload, received_at=received_at, headers=headers or {}, cause=CAUSE
    )


def facts(profile: Profile, message: object, received_at: int = RECEIVED) -> list[Fact]:
    """Facts of a message that brings nothing else."""
    found = outcomes(profile, message, received_at)
    assert all(isinstance(outcome, Fact) for outcome in found), found
    return [outcome for outcome in found if isinstance(outcome, Fact)]


def fact(profile: Profile, message: object, received_at: int = RECEIVED) -> Fact:
    (only,) = facts(profile, message, received_at)
    return only


def at(profile: Profile, message: object) -> str:
    return moment(fact(profile, message).stated)


def statuses(profile: Profile, message: object) -> list[str | None]:
    return [each.status for each in facts(profile, message)]
