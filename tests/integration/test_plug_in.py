"""A vendor whose messages only a plug-in can read, through a worker and the commands beside it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from acceptance.audit import read_output
from acceptance.world import World, installed
from card_fulfillment.kafka.connection import client_options
from card_fulfillment.kafka.outside import Message, sender
from card_fulfillment.settings import Settings
from dlq_samples import CREATED, ORDERED, TRACKING
from plug_in_samples import install
from stack import Services

SOURCE: Final = """
from xml.etree import ElementTree

def scan(body, headers):
    return ElementTree.fromstring(body).attrib
"""
PROFILE: Final = """
vendor: meridian
role: bureau
version: "1"
live_tracking: true
reference_kinds: [card]
plug_in: falcon
private: [holder]
rules:
  - references: {card: message.card}
    facts:
      - {code: message.code, codes: {OUT: out_for_delivery}, time: message.at}
"""
SAID: Final = (
    b'<scan card="M1" code="OUT" at="2026-03-02T06:00:00Z"/>',
    b'<scan card="M1" code="NEW" at="2026-03-02T07:00:00Z" holder="A. Name"/>',
    b'<scan card="M1" code="OUT"',
    b'<scan card="M1" code="OUT" note="4111111111111111"/>',
)
LETTERS: Final = 'SELECT reason, message, value FROM dead_letter ORDER BY "offset"'
COUNTED: Final = """
SELECT (SELECT coalesce(sum(applied + quarantined), 0) FROM input_position),
       (SELECT coalesce(sum(published_seq), 0) FROM lane)
"""


@pytest.fixture
async def world(
    stack: Services, dsn: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "meridian.yaml").write_text(PROFILE)
    install(tmp_path, SOURCE, "falcon = falcon_feed:scan")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    async with installed(World(stack.bootstrap, dsn, prefix, tmp_path)) as ready:
        yield ready


async def test_what_it_tells_moves_cards_and_what_it_cannot_tell_is_quarantined(
    world: World,
) -> None:
    sent = [("card-created", json.dumps(CREATED).encode())]
    sent += [("embossing-requested", json.dumps(ORDERED).encode())]
    sent += [(TRACKING, body) for body in SAID]
    kafka = Settings.model_validate({"kafka": {"bootstrap_servers": world.bootstrap}}).kafka
    async with sender(client_options(kafka)) as out:
        await out.send([Message(world.prefix + topic, b"c1", body) for topic, body in sent])
    worker = world.worker(VENDORS__DIRECTORY=str(world.directory / "profiles"))

    async def all_told() -> bool:
        return tuple((await world.fetch(COUNTED))[0]) == (6, 6)

    await world.until(all_told, worker)
    output = await read_output(world.bootstrap, world.output)
    assert [each.event["fulfillment_status"] for each in output] == [
        "created",
        "ordered",
        "out_for_delivery",
    ]
    assert [tuple(letter) for letter in await world.fetch(LETTERS)] == [
        ("unmapped_code", "the profile does not know the code: 'NEW'", None),
        ("malformed", "the plug-in falcon failed: ParseError", None),
        ("card_data", "digits that may be a card number", None),
    ]
    assert "A. Name" not in worker.output
    assert "4111111111111111" not in worker.output
    await _mapped_by_another_profile(world)


async def _mapped_by_another_profile(world: World) -> None:
    """Nothing of it was kept, for a part of it is private: it is read from Kafka again."""
    profile = world.directory / "profiles" / "meridian.yaml"
    profile.write_text(PROFILE.replace("OUT: out_for_delivery", "OUT: in_transit, NEW: delivered"))
    settings = {"VENDORS__DIRECTORY": str(world.directory / "profiles")}
    redrive = world.command("dlq", "redrive", "--reason", "unmapped_code", **settings)
    assert await redrive.ended() == 0, redrive.output

    async def is_told() -> bool:
        ((versions,),) = await world.fetch("SELECT max(version) FROM change WHERE card_id = 'c1'")
        return bool(versions > 3)

    await world.until(is_told)
    ((event,),) = await world.fetch("SELECT value FROM change WHERE card_id = 'c1' AND version = 4")
    assert json.loads(event)["fulfillment_status"] == "delivered"
