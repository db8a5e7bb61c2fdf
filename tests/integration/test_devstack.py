"""The embedded stack: it serves, it survives its own crashes, and it never outlives its owner."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from card_fulfillment.devstack import DevstackError, Stack, embedded_stack, stop_kept
from card_fulfillment.devstack.paths import claim

OWNER = """
import json, os, signal, sys, time
from card_fulfillment.devstack import embedded_stack

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job is born deaf to it

def say(**words):
    print(json.dumps(words), flush=True)

with embedded_stack(progress=lambda line: say(line=line), keep="keep" in sys.argv) as stack:
    if "fork" in sys.argv and os.fork() == 0:
        time.sleep(60)  # a child that has inherited every descriptor
        os._exit(0)
    say(directory=str(stack.directory), pids=[stack.kafka.pid, stack.postgres.pid])
    if "wait" in sys.argv:
        sys.stdin.read()
"""


class Owner:
    """Another process that has a stack, in a process group and a temporary directory of its own."""

    def __init__(self, temporary: Path, *arguments: str) -> None:
        self.temporary = temporary
        self.process = subprocess.Popen(  # noqa: S603 - the script above
            [sys.executable, "-c", OWNER, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"TMPDIR": str(temporary)},
            start_new_session=True,
        )

    def hear(self, word: str) -> dict[str, Any]:
        """Wait until it says something with this word in it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said: dict[str, Any] = json.loads(line)
            if word in said or word in said.get("line", ""):
                return said
        raise AssertionError(self.process.communicate()[1].decode())

    def servers(self) -> list[psutil.Process]:
        """Return what runs on behalf of it: guardians and servers, dead ones not counted."""
        everything = psutil.process_iter(["cmdline", "status"])
        mine = [one for one in everything if str(self.temporary) in str(one.info["cmdline"])]
        return [one for one in mine if one.info["status"] != psutil.STATUS_ZOMBIE]

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture(scope="module")
def own() -> Iterator[Stack]:
    with embedded_stack(durable=False) as stack:
        yield stack


@pytest.fixture
def temporary() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not within its time"
        time.sleep(0.05)


async def create_topic(stack: Stack, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def topics(stack: Stack) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap)
    await admin.start()
    try:
        return list(await admin.list_topics())
    finally:
        await admin.close()


async def ask(dsn: str, *statements: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return [await connection.fetchval(statement) for statement in statements][-1]
    finally:
        await connection.close()


async def test_topics_survive_a_clean_restart_and_a_crash_at_the_same_address(own: Stack) -> None:
    address = own.bootstrap
    await create_topic(own, "kept")
    own.kafka.stop()
    own.kafka.start()
    assert "kept" in await topics(own)
    own.kafka.kill()
    own.kafka.start()
    assert "kept" in await topics(own)
    assert own.bootstrap == address


async def test_rows_survive_a_clean_restart_and_a_crash_at_the_same_address(own: Stack) -> None:
    await ask(own.dsn, "CREATE TABLE kept (value int)", "INSERT INTO kept VALUES (1)")
    own.postgres.stop()
    own.postgres.start()
    own.postgres.stop("immediate")
    own.postgres.start()
    assert await ask(own.dsn, "SELECT value FROM kept") == 1


async def test_postgres_answers_on_a_socket_as_well(own: Stack) -> None:
    assert own.socket_dsn is not None
    assert await ask(own.socket_dsn, "SELECT inet_server_addr()") is None


def test_a_server_that_is_down_has_no_process_and_one_that_is_up_starts_once(own: Stack) -> None:
    own.postgres.stop()
    assert not own.postgres.running
    with pytest.raises(DevstackError, match="Postgres is not running"):
        _ = own.postgres.pid
    own.postgres.start()
    with pytest.raises(DevstackError, match="running already"):
        own.postgres.start()


async def test_two_stacks_do_not_meet_and_the_second_leaves_nothing(
    own: Stack, temporary: Path
) -> None:
    extra = {"message.max.bytes": "2000000"}
    with embedded_stack(temporary / "second", kafka_properties=extra) as second:
        assert {own.kafka.port, own.postgres.port}.isdisjoint(
            {second.kafka.port, second.postgres.port}
        )
        assert await ask(second.dsn, "SHOW fsync", "SHOW synchronous_commit") == "on"
        await create_topic(second, "elsewhere")
        assert "elsewhere" not in await topics(own)
        with pytest.raises(DevstackError, match="in use"), embedded_stack(second.directory):
            pass
        pids = [second.kafka.pid, second.postgres.pid]
    assert not any(map(psutil.pid_exists, pids))
    assert (second.directory / "postgres" / "data" / "PG_VERSION").exists()


def test_servers_end_with_an_owner_that_was_killed_and_the_next_start_sweeps(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = Owner(temporary, "wait", "fork")
    with closing(owner):
        owner.hear("pids")
        owner.process.kill()
        wait_until(lambda: not owner.servers())
    assert list(temporary.glob("card-fulfillment-*"))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    claim(None).release(remove=True)
    assert not list(temporary.glob("card-fulfillment-*"))


@pytest.mark.parametrize("moment", ["starting", "pids"])
def test_ctrl_c_at_any_moment_leaves_nothing(temporary: Path, moment: str) -> None:
    owner = Owner(temporary, "wait")
    with closing(owner):
        owner.hear(moment)
        os.killpg(owner.process.pid, signal.SIGINT)
        _, errors = owner.process.communicate(timeout=15)
        assert errors.decode().rstrip().endswith("KeyboardInterrupt")
        assert not owner.servers()
        assert not list(temporary.glob("card-fulfillment-*"))


def test_a_stack_that_is_kept_runs_until_it_is_stopped(temporary: Path) -> None:
    owner = Owner(temporary, "keep")
    with closing(owner):
        directory = Path(owner.hear("pids")["directory"])
        assert owner.process.wait(15) == 0
        assert len(owner.servers()) == 4
        stop_kept(directory)
        assert not owner.servers()
        assert not directory.exists()
        with pytest.raises(DevstackError, match="no embedded stack"):
            stop_kept(directory)
