"""The Maven repository, through jgo as its user has configured it."""

from pathlib import Path
from typing import Final

from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext

_TIMEOUT_SECONDS: Final = 30


def client(storage: Path) -> MavenContext:
    """Return a client that stores into `storage`."""
    remotes = {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}
    return MavenContext(repo_cache=storage, remote_repos=remotes, timeout=_TIMEOUT_SECONDS)


def fetch(coordinate: str, storage: Path) -> Path:
    """Download one file (group:artifact:version); raises OSError or RuntimeError if it cannot."""
    maven = client(storage)
    path = maven.resolver.download(maven.create_dependency(coordinate).artifact)
    if path is None:
        raise OSError(f"{coordinate} cannot be downloaded")
    return path
