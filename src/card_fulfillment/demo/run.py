"""The demo from the first download to the last check."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Final

from rich.console import Console

from card_fulfillment import log
from card_fulfillment.demo.bulk_checks import BulkFound
from card_fulfillment.demo.checks import (
    Evidence,
    checks,
    endings,
    read_bulk_events,
    read_dead_letters,
    read_events,
)
from card_fulfillment.demo.performance import PerformanceFailed, Stage, Witnessed, perform
from card_fulfillment.demo.screen import Screen
from card_fulfillment.demo.stories import DAYS, play
from card_fulfillment.demo.story import Play
from card_fulfillment.devstack import DevstackError, Stack, embedded_stack
from card_fulfillment.devstack.process import Command, Supervised
from card_fulfillment.kafka.connection import client_options
from card_fulfillment.kafka.outside import sender, subscriber
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.postgres.accounts import lane_ends, record_classes
from card_fulfillment.postgres.bulk_check import check_bulk
from card_fulfillment.postgres.bulk_timeline import load_bulk_timeline
from card_fulfillment.postgres.connection import connected, connector
from card_fulfillment.postgres.schema import migrate
from card_fulfillment.postgres.timeline import load_timeline
from card_fulfillment.settings import Settings
from card_fulfillment.starting import Unreachable, check_topics
from card_fulfillment.topology import Topology, topology

_OURS: Final = "FULFILLMENT_"
_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONUTF8")
_LOG_TAIL: Final = 3000
_ALL: Final = 10_000
_ASKED_TO_END: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# A play does not wait a second for counts.
_OF_THE_WORKER: Final = {f"{_OURS}LOG_FORMAT": "json", f"{_OURS}BULKS__TICK": "PT0.2S"}

_DONE: Final = 0
_FOUND_WRONG: Final = 1
_UNREACHABLE: Final = 3
_INTERRUPTED: Final = 130


def demo(now: datetime, *, keep: bool) -> int:
    """Tell the stories; returns an exit code.

    Leaves nothing running, unless `keep` and the play came to its end. Blocks for some ten seconds,
    and for the first time also as long as downloading 45 MB takes.
    """
    log.configure("auto", "ERROR")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics just made have no leader yet
    screen = Screen(Console(highlight=False))
    screen.title()
    try:
        with _ended_by_signals():
            return _on_a_stack(screen, now, keep=keep)
    except (DevstackError, Unreachable) as error:
        screen.say(f"card-fulfillment: {error}")
        return _UNREACHABLE
    except PerformanceFailed as error:
        screen.say(f"card-fulfillment: {error}")
        return _FOUND_WRONG
    except KeyboardInterrupt:
        screen.say("Stopped; nothing is left running.")
        return _INTERRUPTED


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Whatever asks this process to end does it as Ctrl-C would: in order."""
    before = {number: signal.getsignal(number) for number in _ASKED_TO_END}
    for number in _ASKED_TO_END:
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    # In the background of a shell it is ignored, and then nothing would end this.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _on_a_stack(screen: Screen, now: datetime, *, keep: bool) -> int:
    # The last day of the play is yesterday.
    the_play = play(datetime.combine(now.date() - timedelta(days=DAYS), time_of_day(), UTC))
    with ExitStack() as until_the_end:
        with screen.busy():
            stack = until_the_end.enter_context(embedded_stack(progress=screen.progress, keep=keep))
            found = asyncio.run(_perform(stack, screen, the_play))
        told = {
            card: replace(timeline, changes=found.events.get(card, ()))
            for card, timeline in found.timelines.items()
        }
        bulks = {i: each.timeline for i, each in found.bulks.items() if each.timeline}
        screen.stories(the_play, told, bulks)
        broken = screen.summary(the_play, found, checks(the_play, found))
        if keep:
            screen.say(_how_to_go_on(stack))
    return _FOUND_WRONG if broken else _DONE


async def _perform(stack: Stack, screen: Screen, the_play: Play) -> Evidence:
    settings = _settings(stack)
    known = topology(settings)
    screen.progress("creating the schema and the topics")
    await _prepare(settings, known)
    screen.done(f"the schema and {len(known.plans)} topics are there")
    worker = stack.run(_worker_command(stack))
    screen.progress("starting the worker")
    async with _stage(settings, known, worker) as stage:

        def tell(day: int, so_far: Witnessed) -> None:
            events = len(so_far.received[known.status_changed])
            screen.progress(
                f"day {day + 1} of {DAYS}: {len(so_far.sent)} messages in, {events} events out"
            )

        witnessed = await perform(the_play, stage, tell)
        screen.done(
            f"{len(endings(the_play))} cards, {DAYS} days, {len(witnessed.sent)} messages: "
            "the worker has done its part"
        )
        return await _evidence(stage, known, the_play, witnessed)


def _settings(stack: Stack) -> Settings:
    """Those of the worker; whatever the environment says of other installations is not for us."""
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        del os.environ[name]
    os.environ.update(_environment(stack))
    return Settings.load()


def _environment(stack: Stack) -> Mapping[str, str]:
    return {
        f"{_OURS}KAFKA__BOOTSTRAP_SERVERS": stack.bootstrap,
        f"{_OURS}POSTGRES__DSN": stack.dsn,
    }


async def _prepare(settings: Settings, known: Topology) -> None:
    migrating = migrate(settings.postgres.dsn.get_secret_value())
    _, findings = await asyncio.gather(migrating, check_topics(settings, known, check_only=False))
    if findings:
        raise PerformanceFailed("; ".join(findings))


def _log(stack: Stack) -> Path:
    return stack.directory / "worker.log"


def _worker_command(stack: Stack) -> Command:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return Command(
        name="the worker",
        argv=(sys.executable, "-m", "card_fulfillment", "run"),
        log=_log(stack),
        environment={**passed_on, **_environment(stack), **_OF_THE_WORKER},
        stop_signal=signal.SIGTERM,
        grace=10.0,
    )


@asynccontextmanager
async def _stage(settings: Settings, known: Topology, worker: Supervised) -> AsyncIterator[Stage]:
    def check() -> None:
        if not worker.running:
            raise PerformanceFailed(f"the worker ended:\n{worker.output()[-_LOG_TAIL:]}")

    options = client_options(settings.kafka)
    lanes = [
        Partition(topic, partition)
        for topic in known.outputs
        for partition in range(settings.topics.partitions)
    ]
    async with (
        connected(connector(settings.postgres, "demo")) as books,
        sender(options) as sending,
        subscriber(options, lanes) as receiving,
    ):
        yield Stage(sending, receiving, books, check)


async def _evidence(
    stage: Stage, known: Topology, the_play: Play, witnessed: Witnessed
) -> Evidence:
    timelines = {card: await load_timeline(stage.books, card) for card in endings(the_play)}
    events = read_bulk_events(witnessed, known.status_changed)
    bulks = {
        bulk: BulkFound(
            told,
            await load_bulk_timeline(stage.books, bulk, _ALL, few=1),
            await check_bulk(stage.books, bulk),
        )
        for bulk, told in events.items()
    }
    return Evidence(
        witnessed,
        read_events(witnessed, known.status_changed),
        read_dead_letters(witnessed, known.dead_letter),
        {card: timeline for card, timeline in timelines.items() if timeline is not None},
        bulks,
        await record_classes(stage.books),
        await lane_ends(stage.books),
    )


def _how_to_go_on(stack: Stack) -> str:
    python = Path(sys.executable)
    if python.is_relative_to(Path.cwd()):
        python = python.relative_to(Path.cwd())
    exports = "\n".join(f"  export {name}={value}" for name, value in _environment(stack).items())
    return f"""
Kafka, Postgres and the worker go on running. In a shell:

{exports}
  {python} -m card_fulfillment timeline card-1004
  {python} -m card_fulfillment timeline bulk-3001
  {python} -m card_fulfillment check bulks
  {python} -m card_fulfillment audit
  {python} -m card_fulfillment overdue
  {python} -m card_fulfillment topics --check
  tail -f {_log(stack)}

Stop all three, and delete their data:

  {python} -m card_fulfillment.devstack stop {stack.directory}
"""
