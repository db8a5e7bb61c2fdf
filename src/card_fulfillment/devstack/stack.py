"""Kafka and Postgres together, started side by side and gone afterwards."""

import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

import psutil

from card_fulfillment.devstack.jars import ensure_jars
from card_fulfillment.devstack.kafka import KafkaServer
from card_fulfillment.devstack.paths import DevstackError, RunDirectory, claim, in_use
from card_fulfillment.devstack.postgres import PostgresServer
from card_fulfillment.devstack.process import Command, Supervised

_KEPT: Final = "kept.json"
_POLL_SECONDS: Final = 0.05
_ENDS_WITHIN: Final = 30.0
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class Stack:
    """The running pair; `kafka` and `postgres` can be stopped and started meanwhile."""

    directory: Path
    kafka: KafkaServer
    postgres: PostgresServer
    lock: int = field(repr=False)
    companions: list[Supervised] = field(default_factory=list, repr=False)

    @property
    def bootstrap(self) -> str:
        return self.kafka.bootstrap

    @property
    def dsn(self) -> str:
        return self.postgres.dsn

    @property
    def socket_dsn(self) -> str | None:
        return self.postgres.socket_dsn

    def run(self, command: Command) -> Supervised:
        """Run one more program: it ends before the servers, whatever ends them, or stays too."""
        companion = Supervised(command, held=self.lock)
        self.companions.append(companion)
        return companion


def _silent(_line: str) -> None:
    pass


@contextmanager
def embedded_stack(
    directory: Path | None = None,
    *,
    progress: Callable[[str], None] = _silent,
    keep: bool = False,
    durable: bool = True,
    kafka_properties: Mapping[str, str] = _NOTHING,
) -> Iterator[Stack]:
    """Start an embedded Kafka and Postgres; both are stopped at the end, whatever ends it.

    `directory` holds their data and logs and stays; None takes a temporary one, deleted at the end.
    `keep` leaves all running after a block that ended well, until `stop_kept(stack.directory)`.
    `progress` gets a line for a person now and then. `durable=False` trades Postgres' fsync for
    speed. Blocks while starting and stopping; raises DevstackError when a server cannot be had.
    """
    jars = ensure_jars(progress)
    run = claim(directory)
    (run.path / _KEPT).unlink(missing_ok=True)
    kafka = KafkaServer(run.path / "kafka", jars, properties=kafka_properties, held=run.lock)
    postgres = PostgresServer(run.path / "postgres", durable=durable, held=run.lock)
    stack = Stack(run.path, kafka, postgres, run.lock)
    stays = False
    try:
        _start(stack, progress)
        yield stack
        stays = keep
    finally:
        _leave(stack, run) if stays else _stop(stack, in_order=not run.temporary)
        kafka.release()
        postgres.release()
        run.release(remove=not stays)


def stop_kept(directory: Path) -> None:
    """Stop what `embedded_stack(keep=True)` left running in `directory`.

    Its temporary directory is deleted. Raises DevstackError if there is no such stack, or if it has
    not ended after half a minute.
    """
    directory = directory.resolve()
    note = directory / _KEPT
    if not note.exists():
        raise DevstackError(f"no embedded stack was left running in {directory}")
    kept = json.loads(note.read_text(encoding="utf-8"))
    if in_use(directory):
        for guardian in kept["guardians"]:
            _terminate(guardian, directory)
        _wait_until_unused(directory)
    note.unlink()
    if kept["temporary"]:
        shutil.rmtree(directory, ignore_errors=True)


def _start(stack: Stack, progress: Callable[[str], None]) -> None:
    began = time.monotonic()
    progress("starting Kafka and Postgres")
    with ThreadPoolExecutor(2, thread_name_prefix="devstack") as pool:
        try:
            starting = {pool.submit(one.start): one for one in (stack.kafka, stack.postgres)}
            for future in as_completed(starting):
                future.result()
                took = time.monotonic() - began
                server = starting[future]
                progress(f"{server.name} is up on 127.0.0.1:{server.port} after {took:.1f} s")
        except BaseException:
            _stop(stack, in_order=False)  # or the pool would wait for a start that goes on
            raise


def _stop(stack: Stack, *, in_order: bool) -> None:
    """Stop all; data that nobody will read again need no order."""
    for companion in stack.companions:
        companion.stop(signal.SIGTERM if in_order else signal.SIGKILL, timeout=10.0)
    stack.postgres.give_up(signal.SIGINT if in_order else signal.SIGQUIT)
    stack.kafka.give_up(signal.SIGTERM if in_order else signal.SIGKILL)


def _leave(stack: Stack, run: RunDirectory) -> None:
    up = [server for server in (stack.kafka, stack.postgres) if server.running]
    guardians = [
        *(each.leave_running() for each in stack.companions if each.running),
        *(server.leave_running() for server in up),
    ]
    kept = {"guardians": guardians, "temporary": run.temporary}
    (run.path / _KEPT).write_text(json.dumps(kept), encoding="utf-8")


def _terminate(pid: int, directory: Path) -> None:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if str(directory) in " ".join(process.cmdline()):  # or the number is another's by now
            process.terminate()


def _wait_until_unused(directory: Path) -> None:
    deadline = time.monotonic() + _ENDS_WITHIN
    while in_use(directory):
        if time.monotonic() > deadline:
            raise DevstackError(f"the stack in {directory} has not ended within {_ENDS_WITHIN:g} s")
        time.sleep(_POLL_SECONDS)
