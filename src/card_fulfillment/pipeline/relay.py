"""Publishing an output topic's changes from the outbox to Kafka: all of them, once each, in order.

What makes it exactly once is the order in which a relay starts: first every predecessor is fenced
off, only then the last committed record of each lane is read, and publishing goes on after it. So
nothing that happens to a transaction needs to be understood: in doubt the producer is thrown away
and the relay starts again. The lease only keeps two relays from fencing each other in turns.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from card_fulfillment.pipeline.failpoints import failpoint
from card_fulfillment.pipeline.output_check import Alarm, last_seqs, starting_points
from card_fulfillment.pipeline.relay_ports import (
    LaneRows,
    Outbox,
    OutputRefused,
    Page,
    Publisher,
    RelayPorts,
    Unavailable,
)
from card_fulfillment.pipeline.task_group import task_group

_LEASE_POLL_SECONDS: Final = 1.0
_IDLE_POLL_SECONDS: Final = 1.0
_BOOKS_SECONDS: Final = 0.2
_BOOKS_PER_LEASE: Final = 5  # so the lease of three seconds is renewed each second
# A Kafka transaction costs more than its records: where many changes come, they wait for company.
_MANY_ROWS: Final = 1000
_COMPANY_SECONDS: Final = 0.05
# Kafka says that a transaction is over before it has written its end to every partition. Whoever
# begins the next one before that is refused and tries again 20 ms later: a shorter pause is faster.
_MARKING_SECONDS: Final = 0.006
_STOP_SECONDS: Final = 1.5  # for the transaction in flight; closing comes on top
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0


class RelayState(Enum):
    WAITING_FOR_LEASE = "waiting_for_lease"
    STARTING = "starting"
    PUBLISHING = "publishing"
    RETRYING = "retrying"
    ALARMED = "alarmed"
    STOPPED = "stopped"


@dataclass
class RelayStatus:
    """What a relay does now.

    In any state but ALARMED an alarm stands until publishing succeeds, or is another's turn.
    """

    state: RelayState = RelayState.WAITING_FOR_LEASE
    alarm: Alarm | None = None
    failures: int = 0
    """In a row."""
    last_failure: str = ""
    published: int = 0
    """Records, since the process began."""
    positions: Mapping[int, int] = field(default_factory=dict)
    """Seq by lane, as published."""
    turns: int = 0
    """Rounds of its loops; where they stand still and no alarm stands, it is stuck."""


class _Alarmed(Exception):
    def __init__(self, alarm: Alarm) -> None:
        super().__init__(alarm.message)
        self.alarm = alarm


class _LeaseLost(Exception):
    pass


@dataclass
class _Session:
    """One life of a producer: from its epoch to the first doubt."""

    outbox: Outbox
    publisher: Publisher
    after: dict[int, int]


class Relay:
    """Publishes one output topic while it holds the topic's lease; `run` it once."""

    def __init__(
        self,
        ports: RelayPorts,
        *,
        observe: Callable[[RelayStatus], None] = lambda _: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`observe` is called after each change of state. `chance` in [0, 1) spreads retries."""
        self.status = RelayStatus()
        self._ports = ports
        self._observe = observe
        self._chance = chance
        self._wake = asyncio.Event()
        self._recorded: dict[int, int] = {}

    def wake(self) -> None:
        """There may be new changes; from the event loop's own thread only."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop`, then what was committed by then, where it is no more than a page.

        At most five seconds more. Raises nothing but what `observe` raises: see `status`.
        """
        work = asyncio.create_task(self._work(stop))
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            self.wake()
            await asyncio.wait({work}, timeout=_STOP_SECONDS)
        finally:
            work.cancel()
            stopped.cancel()
            await asyncio.wait({work, stopped})
            self._enter(RelayState.STOPPED)
        if not work.cancelled():
            work.result()

    async def _work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self.status.turns += 1
            try:
                await self._session(stop)
            except Exception as error:  # noqa: BLE001 - whatever it is, a new producer is the answer
                self._note(_first_cause(error))
            if self.status.state is RelayState.ALARMED:
                await stop.wait()
            elif self.status.state is RelayState.RETRYING:
                await _within(self._pause(), stop)

    def _note(self, error: BaseException) -> None:
        match error:
            case _LeaseLost():
                return
            case _Alarmed(alarm=alarm):
                self.status.alarm = alarm
                self._enter(RelayState.ALARMED)
                return
            case OutputRefused():
                self.status.alarm = Alarm("output_refused", str(error))
            case Unavailable():
                pass
            case _:
                self.status.alarm = Alarm("relay_failing", f"{type(error).__name__}: {error}")
        self.status.failures += 1
        self.status.last_failure = str(error)
        self._enter(RelayState.RETRYING)

    def _pause(self) -> float:
        longest = _FIRST_PAUSE_SECONDS * float(2 ** min(self.status.failures - 1, 10))
        return min(longest, _LONGEST_PAUSE_SECONDS) * (1 + self._chance()) / 2

    def _enter(self, state: RelayState) -> None:
        if self.status.state is not state:
            self.status.state = state
            self._observe(self.status)

    async def _session(self, stop: asyncio.Event) -> None:
        async with self._ports.outbox(self.wake) as outbox:
            if not await self._obtain_lease(outbox, stop):
                return
            try:
                await self._hold_lease(outbox, stop)
            finally:
                await outbox.release_lease()

    async def _obtain_lease(self, outbox: Outbox, stop: asyncio.Event) -> bool:
        while not await outbox.take_lease():
            self._all_is_well()  # how publishing fares is told by whoever has the lease
            self._enter(RelayState.WAITING_FOR_LEASE)
            self.status.turns += 1
            if await _within(_LEASE_POLL_SECONDS, stop):
                return False
        return True

    async def _hold_lease(self, outbox: Outbox, stop: asyncio.Event) -> None:
        over = asyncio.Event()
        async with task_group() as tasks:
            tasks.create_task(self._keep_books(outbox, over))
            async with self._ports.publisher() as publisher:
                session = await self._start(outbox, publisher)
                await self._publish_all(session, stop)
            over.set()

    async def _keep_books(self, outbox: Outbox, over: asyncio.Event) -> None:
        while not over.is_set():
            if not await outbox.take_lease():
                raise _LeaseLost
            for _ in range(_BOOKS_PER_LEASE):
                await _within(_BOOKS_SECONDS, over)
                await self._record(outbox)

    async def _record(self, outbox: Outbox) -> None:
        """Note in the database what was published: late, never early, for nobody waits for it."""
        news = self.status.positions.items() - self._recorded.items()
        if news:
            due = dict(news)
            done = await outbox.advance(due)
            self._recorded |= {lane: due[lane] for lane in done}

    async def _start(self, outbox: Outbox, publisher: Publisher) -> _Session:
        self._enter(RelayState.STARTING)
        await publisher.start()
        failpoint("relay.after_init")
        before = await outbox.lanes()
        tails = await publisher.tails()
        since = await outbox.pin(len(tails))
        values = await outbox.values(last_seqs(tails))
        after = starting_points(tails, before=before, since=since, values=values)
        if isinstance(after, Alarm):
            raise _Alarmed(after)
        self.status.positions = after
        self._enter(RelayState.PUBLISHING)
        return _Session(outbox, publisher, dict(after))

    async def _publish_all(self, session: _Session, stop: asyncio.Event) -> None:
        page = Page()
        while not stop.is_set():
            self.status.turns += 1
            if not page.lanes and not (page := await self._next_page(session)).lanes:
                continue
            many = page.rows >= _MANY_ROWS
            page = await self._publish(session, page)
            pause = _COMPANY_SECONDS if many and not page.lanes else _MARKING_SECONDS
            await _within(pause, stop)
        if not page.lanes and (last := await self._read(session)).lanes:
            await self._publish(session, last)

    async def _next_page(self, session: _Session) -> Page:
        self._wake.clear()
        page = await self._read(session)
        if not page.lanes:
            self._all_is_well()
            await _within(_IDLE_POLL_SECONDS, self._wake)
        return page

    async def _read(self, session: _Session) -> Page:
        return await session.outbox.read(session.after, self._ports.limits)

    async def _publish(self, session: _Session, page: Page) -> Page:
        """Publish a page and read the one after it meanwhile, where there is one already."""
        session.after |= {lane.lane: _end_of(lane, session.after) for lane in page.lanes}
        async with task_group() as tasks:
            following = tasks.create_task(self._read(session)) if page.full else None
            await session.publisher.publish(page.lanes)
            failpoint("relay.after_commit")
            self.status.positions = dict(session.after)
            self.status.published += page.rows
            self._all_is_well()
        return following.result() if following else Page()

    def _all_is_well(self) -> None:
        self.status.failures = 0
        self.status.alarm = None


def _end_of(lane: LaneRows, after: Mapping[int, int]) -> int:
    """Give the last seq of the rows; they must follow what was published without a gap."""
    begin = after[lane.lane] + 1
    end = begin + len(lane.rows)
    for expected, row in enumerate(lane.rows, begin):
        if row.seq != expected:
            where = f"lane {lane.lane} lacks {expected} to {row.seq - 1}"
            raise _Alarmed(Alarm("lane_gap", where))
    return end - 1


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for an event, but not for longer; says whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _first_cause(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
