"""Dead letters: what stands in quarantine is found, shown, and applied again by the same rules."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from acceptance.world import World, installed
from card_fulfillment.kafka.connection import client_options
from card_fulfillment.kafka.outside import Message, sender
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.apply import apply
from card_fulfillment.pipeline.batch import Batch, Move, Partition, RecordClass
from card_fulfillment.pipeline.redrive import BytesGone, Quarantined, Redriven, Redriver, Selection
from card_fulfillment.postgres.connection import connect
from card_fulfillment.postgres.outbox import pin_lanes
from card_fulfillment.postgres.positions import PostgresPositions
from card_fulfillment.postgres.quarantine import RedrivingQuarantine
from card_fulfillment.postgres.store import PostgresStore
from card_fulfillment.settings import Settings
from card_fulfillment.topology import topology
from card_fulfillment.worker import decoder, publishing
from stack import Services

TRACKING: Final = "perso-vendor-tracking-meridian"
NOW: Final = 1_780_000_000_000_000
PARTITIONS: Final = 2


def profile_without(directory: Path, *codes: str) -> Path:
    """A directory of a user whose profile of Meridian lacks codes."""
    profile = files("card_fulfillment.vendors").joinpath("profiles/meridian.yaml").read_text()
    profile = profile.partition("\nexamples:")[0]
    for code in codes:
        kept = [line for line in profile.splitlines() if not line.strip().startswith(f"{code}:")]
        assert len(kept) == len(profile.splitlines()) - 1
        profile = "\n".join(kept)
    directory.mkdir(exist_ok=True)
    (directory / "meridian.yaml").write_text(profile + "\n")
    return directory


def notification(state: str, hour: int, card: str = "M1") -> dict[str, Any]:
    return {
        "opId": f"{card}/{state}",
        "op": "PRODUCE",
        "outcome": "OK",
        "startedAt": f"2026-03-02T{hour:02}:00:00Z",
        "detail": {"state": state},
        "card": card,
    }


CREATED: Final = {
    "event_id": "created/c1",
    "occurred_at": "2026-03-01T06:00:00Z",
    "card_id": "c1",
    "card_product_id": "gold",
}
ORDERED: Final = {
    "event_id": "ordered/c1",
    "occurred_at": "2026-03-01T07:00:00Z",
    "embossing_request_id": "r1",
    "card_id": "c1",
    "vendor_id": "meridian",
    "references": [{"kind": "card", "value": "M1"}],
    "shipping": {"method": "express"},
}


def tracking(*states: str) -> dict[str, Any]:
    return {"notifications": [notification(s, 8 + n) for n, s in enumerate(states)]}


class Desk:
    """Records are taken in and redriven, without Kafka."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.offset = 0
        self.directory: Path | None = None

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(
            {"postgres": {"dsn": self.dsn}, "vendors": {"directory": self.directory}}
        )

    async def lanes(self) -> dict[tuple[str, int], int]:
        known = topology(self.settings)
        connection = await asyncpg.connect(self.dsn)
        try:
            return {
                (topic, partition): lane
                for topic in (known.status_changed, known.dead_letter)
                for partition, lane in (await pin_lanes(connection, topic, PARTITIONS)).items()
            }
        finally:
            await connection.close()

    async def take(self, topic: str, body: object) -> RecordClass:
        value = body if isinstance(body, bytes) else json.dumps(body).encode()
        record = Record(topic, 0, self.offset, NOW, b"k", value)
        known, lanes = topology(self.settings), await self.lanes()
        open_ = partial(connect, self.settings.postgres, application_name="tests")
        await PostgresPositions(open_).begin({Partition(topic, 0): self.offset})
        moves = {Partition(topic, 0): Move(self.offset, self.offset + 1, record)}
        store = PostgresStore(open_, lanes)
        try:
            effects = await apply(
                store,
                Batch([decoder(self.settings, known)(record)], moves),
                publishing(self.settings, known, lanes),
                NOW,
            )
        finally:
            store.discard()
        ((became,),) = effects.counts.values()
        return became

    async def take_next(self, topic: str, body: object) -> RecordClass:
        """Behind the one before in the same topic."""
        self.offset += 1
        await self.fetch("UPDATE input_position SET next_offset = $1", self.offset)
        return await self.take(topic, body)

    @asynccontextmanager
    async def redriver(self, *, dry_run: bool = False) -> AsyncIterator[Redriver]:
        known, lanes = topology(self.settings), await self.lanes()
        open_ = partial(connect, self.settings.postgres, application_name="tests")
        quarantine = RedrivingQuarantine(
            open_, lanes, publishing(self.settings, known, lanes), lambda: NOW
        )

        async def gone(_: Quarantined) -> Record:
            raise BytesGone("gone")

        yield Redriver(
            quarantine, known.readers, decoder(self.settings, known), gone, "tester", dry_run
        )

    async def redrive(self, *, dry_run: bool = False, state: str | None = "open") -> list[Redriven]:
        async with self.redriver(dry_run=dry_run) as redriver:
            letters = [each async for each in redriver.quarantine.select(Selection(state=state))]
            return [await redriver(letter) for letter in letters]

    async def fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetch(statement, *values)
        finally:
            await connection.close()

    async def everything(self) -> list[list[asyncpg.Record]]:
        """All that a redrive may touch."""
        tables = ("card", "fact", "change", "dead_letter", "lane", "input_position", "waiting")
        return [await self.fetch(f"SELECT * FROM {t} ORDER BY 1, 2") for t in tables]  # noqa: S608

    async def statuses(self) -> list[str]:
        rows = await self.fetch("SELECT value FROM change WHERE card_id = 'c1' ORDER BY version")
        return [json.loads(row[0])["fulfillment_status"] for row in rows]

    async def copies(self) -> list[int]:
        return [row[0] for row in await self.fetch("SELECT copies FROM fact ORDER BY 1")]


@pytest.fixture
def desk(dsn: str, tmp_path: Path) -> Desk:
    desk = Desk(dsn)
    desk.directory = profile_without(tmp_path / "profiles", "PERSO_ONGOING", "PERSO_DONE")
    return desk


async def with_an_unmapped_code(desk: Desk) -> None:
    """A card that is ordered, and a message of three states of which the second is not mapped."""
    assert await desk.take("card-created", CREATED) is RecordClass.APPLIED
    assert await desk.take("embossing-requested", ORDERED) is RecordClass.APPLIED
    became = await desk.take(TRACKING, tracking("DATA_OK", "PERSO_DONE", "SHIPPED"))
    assert became is RecordClass.QUARANTINED


async def test_after_the_profile_was_extended_the_code_is_applied_and_its_neighbours_are_not(
    desk: Desk, tmp_path: Path
) -> None:
    await with_an_unmapped_code(desk)
    assert await desk.statuses() == ["created", "ordered", "accepted", "shipped"]
    desk.directory = profile_without(tmp_path / "extended", "PERSO_ONGOING")
    (redriven,) = await desk.redrive()
    assert (redriven.became, redriven.closed) == (RecordClass.APPLIED, True)
    assert redriven.still == []
    assert redriven.published == []  # it is late: the card was shipped already
    assert await desk.statuses() == ["created", "ordered", "accepted", "shipped"]
    assert await desk.copies() == [1, 1, 1, 1, 1]
    (letter,) = await desk.fetch("SELECT state, closed_by, closed_at FROM dead_letter")
    assert (letter["state"], letter["closed_by"]) == ("closed", "tester")
    assert letter["closed_at"] is not None


async def test_a_redrive_twice_does_nothing_new(desk: Desk, tmp_path: Path) -> None:
    await with_an_unmapped_code(desk)
    desk.directory = profile_without(tmp_path / "extended")
    await desk.redrive()
    before = await desk.everything()
    (again,) = await desk.redrive(state=None)
    assert (again.became, again.closed, again.published) == (RecordClass.DUPLICATE, True, [])
    assert await desk.everything() == before
    assert await desk.redrive() == []


async def test_a_dry_run_says_what_would_change_and_changes_nothing(
    desk: Desk, tmp_path: Path
) -> None:
    assert await desk.take("card-created", CREATED) is RecordClass.APPLIED
    assert await desk.take("embossing-requested", ORDERED) is RecordClass.APPLIED
    await desk.take(TRACKING, tracking("DATA_OK", "PERSO_DONE"))
    desk.directory = profile_without(tmp_path / "extended")
    before = await desk.everything()
    (would,) = await desk.redrive(dry_run=True)
    assert await desk.everything() == before
    (did,) = await desk.redrive()
    assert would._replace(letter=did.letter) == did
    assert did.published == ["card c1 version 4"]
    assert await desk.statuses() == ["created", "ordered", "accepted", "produced"]


async def test_what_fails_again_in_the_same_way_stays_open_and_is_not_told_again(
    desk: Desk,
) -> None:
    await with_an_unmapped_code(desk)
    before = await desk.everything()
    (redriven,) = await desk.redrive()
    assert (redriven.became, redriven.closed) == (RecordClass.QUARANTINED, False)
    assert "unmapped_code" in redriven.still[0]
    assert await desk.everything() == before


async def test_each_unmapped_code_of_a_record_has_a_letter_and_closes_by_itself(
    desk: Desk, tmp_path: Path
) -> None:
    assert await desk.take("card-created", CREATED) is RecordClass.APPLIED
    assert await desk.take("embossing-requested", ORDERED) is RecordClass.APPLIED
    await desk.take(TRACKING, tracking("PERSO_ONGOING", "PERSO_DONE"))
    desk.directory = profile_without(tmp_path / "extended", "PERSO_ONGOING")
    closed = sorted(each.closed for each in await desk.redrive())
    assert closed == [False, True]
    desk.directory = profile_without(tmp_path / "complete")
    (last,) = await desk.redrive()
    assert (last.closed, last.became) == (True, RecordClass.APPLIED)
    assert await desk.statuses() == ["created", "ordered", "produced"]


async def test_an_alert_is_no_record_and_is_left_to_the_fact_that_it_is_about(desk: Desk) -> None:
    await desk.take("card-created", CREATED)
    other = {**CREATED, "event_id": "other", "card_product_id": "silver"}
    assert await desk.take_next("card-created", other) is RecordClass.QUARANTINED
    await desk.fetch("UPDATE dead_letter SET reason = 'parking_deadline', value = NULL")
    (redriven,) = await desk.redrive()
    assert (redriven.became, redriven.closed) == (None, False)
    assert "stored" in redriven.still[0]


async def test_a_topic_that_is_no_input_any_more_is_said_and_not_misread(desk: Desk) -> None:
    await with_an_unmapped_code(desk)
    await desk.fetch("UPDATE dead_letter SET topic = 'gone-topic'")
    (redriven,) = await desk.redrive()
    assert (redriven.closed, redriven.still) == (
        False,
        ["gone-topic is no input topic by the settings"],
    )


async def test_more_letters_than_fit_a_page_are_all_found_once(desk: Desk) -> None:
    await with_an_unmapped_code(desk)
    await desk.fetch(_MANY)
    async with desk.redriver() as redriver:
        found = [each.id async for each in redriver.quarantine.select(Selection())]
    assert len(found) == len(set(found)) == 251


_MANY: Final = """
INSERT INTO dead_letter (dead_letter_id, reason, topic, partition, "offset", record_timestamp,
                         sha256, recorded_at)
SELECT gen_random_uuid(), 'empty', 'card-created', 0, n, 0, '', now() - n % 7 * interval '1 s'
FROM generate_series(1, 250) n
"""


# The commands, as processes of their own.


async def command(settings: dict[str, str], *arguments: str) -> tuple[int, str]:
    """The exit code, and all that it wrote."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "card_fulfillment",
        *arguments,
        env={**os.environ, **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.fixture
async def world(stack: Services, dsn: str, prefix: str, tmp_path: Path) -> AsyncIterator[World]:
    async with installed(World(stack.bootstrap, dsn, prefix, tmp_path)) as ready:
        yield ready


@pytest.fixture
def restricted(tmp_path: Path) -> str:
    return str(profile_without(tmp_path / "profiles", "PERSO_DONE"))


async def send(world: World, *bodies: tuple[str, object]) -> None:
    options = client_options(
        Settings.model_validate({"kafka": {"bootstrap_servers": world.bootstrap}}).kafka
    )
    async with sender(options) as out:
        for topic, body in bodies:
            value = body if isinstance(body, bytes) else json.dumps(body).encode()
            await out.send([Message(world.prefix + topic, b"c1", value)])


async def published(world: World) -> list[str]:
    rows = await world.fetch(
        "SELECT c.value FROM change c JOIN lane l USING (lane) "
        "WHERE c.card_id = 'c1' AND c.seq <= l.published_seq ORDER BY c.version"
    )
    return [json.loads(row[0])["fulfillment_status"] for row in rows]


async def test_a_running_worker_publishes_at_once_what_a_redrive_wrote(
    world: World, restricted: str
) -> None:
    worker = world.worker(VENDORS__DIRECTORY=restricted)
    await send(
        world,
        ("card-created", CREATED),
        ("embossing-requested", ORDERED),
        (TRACKING, tracking("DATA_OK", "PERSO_DONE")),
    )

    async def until(statuses: list[str]) -> bool:
        return await published(world) == statuses

    await world.until(lambda: until(["created", "ordered", "accepted"]), worker)
    code, listed = await command(world.settings(VENDORS__DIRECTORY=restricted), "dlq", "list")
    assert code == 0
    letter_id = listed.split()[0]
    assert listed.splitlines()[-1] == "1 open: 1 unmapped_code (meridian)"
    code, shown = await command(world.settings(), "dlq", "show", letter_id)
    assert (code, "PERSO_DONE" in shown, "open since" in shown) == (0, True, True)
    code, would = await command(
        world.settings(), "dlq", "redrive", "--reason", "unmapped_code", "--dry-run"
    )
    assert (code, "publishes card c1 version 4" in would) == (0, True), would
    code, did = await command(world.settings(), "dlq", "redrive", letter_id, "--by", "night shift")
    assert (code, did.splitlines()[-1]) == (0, "1 of 1 closed"), did
    await world.until(lambda: until(["created", "ordered", "accepted", "produced"]), worker)
    code, closed = await command(world.settings(), "dlq", "list", "--state", "closed")
    assert (code, "closed by night shift" in closed) == (0, True), closed


async def test_what_may_be_card_data_is_read_from_kafka_again_once_the_guard_knows_better(
    world: World,
) -> None:
    worker = world.worker()
    # A customer's number that looks like a card's.
    await send(world, ("card-created", {**CREATED, "note": "4111 1111 1111 1111"}))

    async def quarantined() -> bool:
        return len(await world.fetch("SELECT 1 FROM dead_letter WHERE value IS NULL")) == 1

    await world.until(quarantined, worker)
    code, same = await command(world.settings(), "dlq", "redrive", "--all")
    assert (code, "stays open" in same, "4111" in same) == (1, True, False), same
    code, did = await command(
        world.settings(GUARD__BINS='["555555"]'), "dlq", "redrive", "--reason", "card_data"
    )
    assert (code, "publishes card c1 version 1" in did) == (0, True), did


async def test_a_redrive_of_everything_must_be_asked_for(world: World) -> None:
    code, said = await command(world.settings(), "dlq", "redrive")
    assert (code, "--all" in said) == (2, True), said
