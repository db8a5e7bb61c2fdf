"""Kafka's jars: fetched from the Maven repository that the user has configured, and checked."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import stamina

from card_fulfillment.devstack import DevstackError, jars
from card_fulfillment.devstack.jars import Jar, ensure_jars, locked_jars

CONTENT = {"first": b"one" * 1000, "second": b"two" * 2000}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve a Maven repository with two jars, to a user with an empty cache who configured it."""
    root = tmp_path / "repository"
    for name, content in CONTENT.items():
        folder = root / "org" / "example" / name / "1.0"
        folder.mkdir(parents=True)
        (folder / f"{name}-1.0.jar").write_bytes(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    settings = tmp_path / "jgo.conf"
    settings.write_text(f"[repositories]\ncentral = http://127.0.0.1:{server.server_port}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with stamina.set_testing(True):  # a failure is not tried again
        yield root
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _two_jars_are_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tuple(
        Jar(f"org.example:{name}:1.0", len(content), hashlib.sha256(content).hexdigest())
        for name, content in CONTENT.items()
    )
    monkeypatch.setattr(jars, "locked_jars", lambda: lock)


def test_missing_jars_are_downloaded_with_progress_and_then_never_again(repository: Path) -> None:
    said: list[str] = []
    paths = ensure_jars(said.append)
    assert [path.read_bytes() for path in paths] == list(CONTENT.values())
    assert [line.split(",")[0] for line in said] == [
        "Kafka: downloaded 1/2 jars",
        "Kafka: downloaded 2/2 jars",
    ]
    for jar in repository.rglob("*.jar"):
        jar.unlink()
    assert ensure_jars(said.append) == paths
    assert len(said) == 2


def test_two_that_download_at_once_both_find_whole_jars(repository: Path) -> None:
    assert repository.exists()
    found: list[list[bytes]] = []
    threads = [
        threading.Thread(
            target=lambda: found.append([path.read_bytes() for path in ensure_jars(print)])
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [list(CONTENT.values())] * 4


def test_a_jar_that_is_not_the_locked_one_is_refused(repository: Path, tmp_path: Path) -> None:
    (repository / "org" / "example" / "second" / "1.0" / "second-1.0.jar").write_bytes(b"evil")
    with pytest.raises(DevstackError, match=r"second:1[.]0 is not the file"):
        ensure_jars(print)
    assert not list(tmp_path.glob("cache/**/second*"))


def test_a_repository_out_of_reach_is_an_error_that_says_so(
    repository: Path, tmp_path: Path
) -> None:
    assert repository.exists()
    (tmp_path / "jgo.conf").write_text("[repositories]\ncentral = http://127.0.0.1:1\n")
    with pytest.raises(DevstackError, match="cannot be downloaded"):
        ensure_jars(print)


def test_the_lock_names_every_jar_once_with_its_checksum_and_no_host() -> None:
    lock = locked_jars()
    assert len({jar.file_name for jar in lock}) == len(lock) > 40
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in lock)
    assert all(jar.coordinate.count(":") == 2 and "/" not in jar.coordinate for jar in lock)
