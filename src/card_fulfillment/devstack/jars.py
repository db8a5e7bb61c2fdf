"""Apache Kafka's jars: named with their checksums in kafka.lock, fetched once per user."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import stamina

from card_fulfillment.devstack.paths import DevstackError, cache_directory, exclusive

_MEGABYTE: Final = 1_000_000
_DOWNLOADS_AT_ONCE: Final = 8


@dataclass(frozen=True)
class Jar:
    """One line of the lock: Maven coordinate (group:artifact:version), bytes, SHA-256."""

    coordinate: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def locked_jars() -> tuple[Jar, ...]:
    """Read the lock."""
    lines = (files(__package__) / "kafka.lock").read_text(encoding="utf-8").splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return tuple(Jar(coordinate, int(size), sha256) for coordinate, size, sha256 in rows)


def ensure_jars(progress: Callable[[str], None]) -> Sequence[Path]:
    """Return the paths of all locked jars, downloading and verifying those that are missing.

    Raises DevstackError if one cannot be had or is not the one that was locked.
    """
    directory = cache_directory() / "jars"
    directory.mkdir(exist_ok=True)
    jars = locked_jars()
    if _missing(jars, directory):
        with exclusive(directory / "download.lock"):
            _download_all(_missing(jars, directory), directory, _Tally(jars, progress))
    return [directory / jar.file_name for jar in jars]


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


class _Tally:
    """Counts what is there and says so."""

    def __init__(self, jars: Sequence[Jar], progress: Callable[[str], None]) -> None:
        self._total = len(jars)
        self._total_bytes = sum(jar.size for jar in jars)
        self._progress = progress
        self._count = 0
        self._bytes = 0

    def already(self, missing: Sequence[Jar]) -> None:
        self._count = self._total - len(missing)
        self._bytes = self._total_bytes - sum(jar.size for jar in missing)

    def add(self, jar: Jar) -> None:
        self._count += 1
        self._bytes += jar.size
        megabytes, total = self._bytes / _MEGABYTE, self._total_bytes / _MEGABYTE
        self._progress(
            f"Kafka: downloaded {self._count}/{self._total} jars, {megabytes:.1f} of {total:.1f} MB"
        )


def _missing(jars: Sequence[Jar], directory: Path) -> list[Jar]:
    return [jar for jar in jars if not _is_there(directory / jar.file_name, jar)]


def _is_there(path: Path, jar: Jar) -> bool:
    # The content was verified before the file got its name, so a look at the size is enough.
    return path.is_file() and path.stat().st_size == jar.size


def _download_all(jars: Sequence[Jar], directory: Path, tally: _Tally) -> None:
    tally.already(jars)
    pool = ThreadPoolExecutor(_DOWNLOADS_AT_ONCE, thread_name_prefix="jars")
    try:
        for done in as_completed([pool.submit(_download, jar, directory) for jar in jars]):
            tally.add(done.result())
    except (OSError, RuntimeError) as error:
        raise DevstackError(f"Kafka's jars cannot be downloaded: {error}") from error
    finally:
        pool.shutdown(cancel_futures=True)


@stamina.retry(on=OSError, attempts=3)
def _download(jar: Jar, directory: Path) -> Jar:
    from card_fulfillment.devstack.maven import fetch  # noqa: PLC0415 - slow to import, needed once

    with TemporaryDirectory(dir=directory, prefix=".download-") as repository:
        fetched = fetch(jar.coordinate, Path(repository))
        if digest(fetched) != jar.sha256:
            raise OSError(f"{jar.coordinate} is not the file that kafka.lock names")
        fetched.replace(directory / jar.file_name)
    return jar
