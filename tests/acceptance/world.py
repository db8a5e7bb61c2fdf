"""One installation of the worker: its topics, its database, its processes, and how it is judged."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from card_fulfillment.audit.topic import TopicAudit
from card_fulfillment.kafka.connection import client_options
from card_fulfillment.kafka.topics import ensure_topics
from card_fulfillment.pipeline.audit import Finding
from card_fulfillment.settings import Settings
from card_fulfillment.topology import topology

from .audit import Published, anomalies, open_transactions, read_output, record_counts
from .books import EndState, differences, end_state, wrong_books, wrong_lanes
from .worker_process import WorkerProcess
from .workload import INPUTS, Feed, Load, card_id

CARDS: Final = 2000
_SHORTLY: Final = 0.02
_PASSING: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

_LEASE: Final = """
SELECT count(*) FROM relay_lease
WHERE split_part(holder, '/', 2) = $1 AND expires_at > clock_timestamp()
"""
_PROGRESS: Final = """
SELECT coalesce((SELECT sum(next_offset) FROM input_position), 0),
       coalesce((SELECT sum(published_seq) FROM lane), 0)
"""
_POSITIONS: Final = "SELECT topic, partition, next_offset FROM input_position"
_UNPUBLISHED: Final = "SELECT count(*) FROM lane WHERE published_seq < last_seq"
_IN_TRANSACTIONS: Final = """
SELECT pid, application_name, state, wait_event, now() - xact_start AS age,
       now() - state_change AS since, pg_blocking_pids(pid) AS blocked_by, left(query, 200) AS query
FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL
"""


class Heard:
    """What an audit told."""

    def __init__(self) -> None:
        self.records = 0
        self.findings: list[Finding] = []

    def held(self, _topic: str, records: int, found: Sequence[Finding]) -> None:
        self.records += records
        self.findings += found


@dataclass
class World:
    """`directory` is for logs, `partitions` are those of each topic."""

    bootstrap: str
    dsn: str
    prefix: str
    directory: Path
    partitions: int = 3
    vendors: Sequence[str] = ("meridian",)
    processes: list[WorkerProcess] = field(default_factory=list)

    @property
    def output(self) -> str:
        return f"{self.prefix}fulfillment_status-changed"

    @property
    def group(self) -> str:
        return f"{self.prefix}workers"

    def settings(self, **more: str) -> dict[str, str]:
        """As environment variables; names in `more` are without their prefix."""
        return {
            "FULFILLMENT_KAFKA__BOOTSTRAP_SERVERS": self.bootstrap,
            "FULFILLMENT_KAFKA__GROUP_ID": self.group,
            "FULFILLMENT_KAFKA__TRANSACTIONAL_ID": f"{self.prefix}relay",
            "FULFILLMENT_KAFKA__SESSION_TIMEOUT": "PT1.5S",
            "FULFILLMENT_POSTGRES__DSN": self.dsn,
            "FULFILLMENT_TOPICS__PREFIX": self.prefix,
            "FULFILLMENT_TOPICS__PARTITIONS": str(self.partitions),
            "FULFILLMENT_VENDORS__ENABLED": json.dumps(self.vendors),
            "FULFILLMENT_INTAKE__BATCH_RECORDS": "100",
        } | {f"FULFILLMENT_{name}": value for name, value in more.items()}

    async def create_topics(self) -> None:
        settings = Settings.model_validate(
            {
                "kafka": {"bootstrap_servers": self.bootstrap},
                "topics": {"prefix": self.prefix, "partitions": self.partitions},
                "vendors": {"enabled": list(self.vendors)},
            }
        )
        options, plans = client_options(settings.kafka), topology(settings).plans
        assert await ensure_topics(options, plans, check_only=False) == []

    def load(self) -> Load:
        return Load(self.bootstrap, self.prefix)

    def feed(self, load: Load, *, rate: float = 500) -> Feed:
        """Start a load that lasts until it is told that it is enough, 2,000 cards at most."""
        return Feed(load, rate=rate, most=CARDS)

    def worker(self, failpoint: str = "", *, mortal_of: str = "", **more: str) -> WorkerProcess:
        """Start one; it is killed at the end of the test at the latest."""
        flaws = {"FAILPOINT": failpoint, "MORTAL_OF": mortal_of}
        settings = self.settings(**more) | {name: flaw for name, flaw in flaws.items() if flaw}
        worker = WorkerProcess(settings, self.directory / "worker.log")
        self.processes.append(worker)
        return worker

    def command(self, *arguments: str, **more: str) -> WorkerProcess:
        """Run another command on this installation."""
        log = self.directory / f"{'-'.join(arguments)}.log"
        self.processes.append(WorkerProcess(self.settings(**more), log, *arguments))
        return self.processes[-1]

    async def stop(self) -> None:
        """End all workers in order."""
        for process in self.processes:
            process.send(signal.SIGTERM)
            await process.ended()

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    def audit(self, heard: "Heard", last: int | None = None) -> TopicAudit:
        """Of the output topic, in this process."""
        settings = Settings.model_validate(
            {"kafka": {"bootstrap_servers": self.bootstrap}, "postgres": {"dsn": self.dsn}}
        )
        return TopicAudit(settings, self.output, last, heard)

    # Conditions, to be waited for.

    async def is_up(self, worker: WorkerProcess) -> bool:
        """Whether it holds the leases: it publishes, and has all that it needs for it."""
        return bool((await self.fetch(_LEASE, str(worker.pid)))[0][0])

    async def progress(self) -> tuple[int, int]:
        """Records taken and events published, as far as the database knows."""
        taken, published = (await self.fetch(_PROGRESS))[0]
        return int(taken), int(published)

    async def has_drained(self, load: Load) -> bool:
        positions = {(t, p): o for t, p, o in await self.fetch(_POSITIONS)}
        if any(positions.get(partition, 0) < end for partition, end in load.ends.items()):
            return False
        return not (await self.fetch(_UNPUBLISHED))[0][0]

    async def is_connected(self, worker: WorkerProcess) -> bool:
        """Whether it has opened any connection to the database."""
        return worker.is_connected_to(urlsplit(self.dsn).port or 5432)

    async def until(
        self,
        condition: Callable[[], Awaitable[bool]],
        *living: WorkerProcess,
        within: float = 60.0,
    ) -> None:
        """Wait for a condition; fails where one of `living` ends before, or the time does."""
        ends = asyncio.get_running_loop().time() + within
        while not await _holds(condition):
            for worker in living:
                assert worker.running, f"the worker ended:\n{worker.output}"
            assert asyncio.get_running_loop().time() < ends, await self._state(condition)
            await asyncio.sleep(_SHORTLY)

    async def until_drained(self, load: Load, *living: WorkerProcess, within: float = 60) -> None:
        """Wait until a subscriber can see it all: Kafka confirms before its markers are there."""
        await self.until(lambda: self.has_drained(load), *living, within=within)
        await self.until(self.is_visible, *living)

    async def is_visible(self) -> bool:
        """Whether no transaction is open on the output."""
        return not await open_transactions(self.bootstrap, self.output)

    async def _state(self, condition: object) -> str:
        logs = self.processes[-1].output if self.processes else ""
        sessions = "\n".join(map(repr, await self.fetch(_IN_TRANSACTIONS)))
        return f"{condition}: never; progress {await self.progress()}\n{sessions}\n{logs}"

    # Verdicts.

    async def verdict(self, cards: Sequence[int], *, given: EndState | None = None) -> list[str]:
        """Every anomaly after a drain: from outside, in the books, and against an end state."""
        output = await read_output(self.bootstrap, self.output)
        records = await record_counts(self.bootstrap, [self.prefix + t for t in INPUTS])
        return [
            *anomalies(output, cards),
            *await wrong_lanes(self.fetch, self.output, _ends(output)),
            *await wrong_books(self.fetch, records, len(cards)),
            *await self._audited(),
            *(_differences(await self.end_state(), given, cards) if given else ()),
        ]

    async def _audited(self) -> list[str]:
        """What the product's own auditor finds."""
        heard = Heard()
        async with self.audit(heard).connected() as connected:
            await connected.read_to_the_end()
        return [str(finding) for finding in heard.findings]

    async def end_state(self) -> EndState:
        return await end_state(self.fetch, self.prefix)


def _ends(output: Sequence[Published]) -> Mapping[int, int]:
    return {record.partition: record.seq for record in output}


def _differences(found: EndState, given: EndState, cards: Sequence[int]) -> list[str]:
    return [said for i in map(card_id, cards) for said in differences(i, found, given)]


async def _holds(condition: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await condition()
    except _PASSING:
        return False  # the database is away just now


@asynccontextmanager
async def installed(
    world: World,
) -> AsyncIterator[World]:
    """Set up an installation's topics; its processes end with it."""
    await world.create_topics()
    try:
        yield world
    finally:
        for process in world.processes:
            if process.running:
                await process.kill()
