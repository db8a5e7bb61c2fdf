"""Dead letters: what stands in quarantine is found, shown, and applied again by the same rules."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.apply import apply
from card_fulfillment.pipeline.batch import Batch, Move, Partition, RecordClass
from card_fulfillment.pipeline.redrive import BytesGone, Quarantined, Redriven, Redriver, Selection
from card_fulfillment.postgres.connection import connect
from card_fulfillment.postgres.outbox import pin_lanes
from card_fulfillment.postgres.positions import PostgresPositions
from card_fulfillment.postgres.quarantine import RedrivingQuarantine
from card_fulfillment.postgres.store import PostgresStore, PostgresTransaction
from card_fulfillment.settings import Settings
from card_fulfillment.topology import topology
from card_fulfillment.worker import decoder, publishing
from dlq_samples import CREATED, ORDERED, TRACKING, profile_without, tracking

NOW: Final = 1_780_000_000_000_000
PARTITIONS: Final = 2


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
        store = PostgresStore(open_, lanes, PostgresTransaction)
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
