"""Applications that bring tasks, jobs, tables and commands, found through the entry points `horarium.apps`.

An `App` names its parts by references ("package.module:object"), so that showing the command line's help imports none
of them. A module that defines one imports nothing but this library. The standard library is all that is needed here.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import pkgutil
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from horarium.errors import ConfigurationError

if TYPE_CHECKING:
    from horarium.job import Job

GROUP = "horarium.apps"
"""The entry-point group: `auto_analyze = "horarium_apps.auto_analyze:app"`."""

Part = Literal["cli", "metadata", "routes", "settings"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,26}")
_COMMAND = re.compile(r"[a-z][a-z0-9-]*")
_MODULE = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_MODULE_NAME = re.compile(_MODULE)
_REFERENCE = re.compile(f"{_MODULE}:{_MODULE}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """What an application brings. All but its name may be left out; parts are named by "package.module:object".

    - `name`: up to 27 of a-z, 0-9 and _; that of its entry point, of its branch of migrations, and of its section under
      `apps:` in horarium.yaml.
    - `title`, `version`, `help`: for people; `help` is one line, shown for its commands.
    - `tasks`: what to import so that its tasks are known: modules ("package.jobs") or functions.
    - `jobs`: the jobs to have in the plan whenever it is installed, or a function (or its reference) that is given the
      application's settings and answers them.
    - `metadata` and `migrations`: its tables (an SQLAlchemy MetaData), and the package or folder that has `versions/`.
    - `settings`: its class, derived from `AppSettings`.
    - `cli`: a Typer application, reached as `horarium CLI_NAME` (default: the name with dashes).
    - `routes`: a router for the web service.

    Raises ConfigurationError.
    """

    name: str
    title: str = ""
    version: str = ""
    help: str = ""
    tasks: tuple[str, ...] = ()
    jobs: str | Callable[[Any], Iterable[Job]] | Sequence[Job] = ()
    metadata: str | None = None
    migrations: str | Path | None = None
    settings: str | None = None
    cli: str | None = None
    cli_name: str = ""
    routes: str | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"{self.name!r} cannot name an application; use up to 27 of a-z, 0-9 and _, beginning with a letter"
            )
        put(self, "title", self.title or self.name.replace("_", " ").capitalize())
        put(self, "help", self.help or self.title)
        put(self, "cli_name", self.cli_name or self.name.replace("_", "-"))
        put(self, "tasks", (self.tasks,) if isinstance(self.tasks, str) else tuple(self.tasks))
        if not _COMMAND.fullmatch(self.cli_name):
            raise ConfigurationError(f"{self}: cli_name {self.cli_name!r} is not of a-z, 0-9 and - only")
        if (self.metadata is None) != (self.migrations is None):
            raise ConfigurationError(f"{self}: metadata and migrations belong together; give both or none")
        for part in ("cli", "metadata", "routes", "settings", "jobs"):
            reference = getattr(self, part)
            if isinstance(reference, str) and not _REFERENCE.fullmatch(reference):
                raise ConfigurationError(f"{self}: {part} must be like 'package.module:object', not {reference!r}")
        for task in self.tasks:
            if not _MODULE_NAME.fullmatch(task) and not _REFERENCE.fullmatch(task):
                raise ConfigurationError(
                    f"{self}: tasks are like 'package.module' or 'package.module:function', not {task!r}"
                )

    def __str__(self) -> str:
        return f"application {self.name!r}"

    @property
    def origin(self) -> str:
        """The origin of the jobs that it brings itself."""
        return f"app:{self.name}"

    def load(self, part: Part) -> Any:
        """The object that a part names, imported; None when the application has none. Raises ConfigurationError."""
        reference = getattr(self, part)
        return None if reference is None else self._imported(part, reference)

    def import_tasks(self) -> None:
        """Import what registers its tasks. Raises ConfigurationError."""
        for task in self.tasks:
            self._imported("tasks", task)

    def load_settings(self, config: Path | None) -> Any:
        """Its settings, read from `config` (a horarium.yaml; None: from no file) and the environment; None without any.

        Raises ConfigurationError.
        """
        kind = self.load("settings")
        return None if kind is None else kind(config=config)

    def load_jobs(self, config: Path | None) -> list[Job]:
        """The jobs that it brings, with `origin` as theirs; its settings are read as in `load_settings`.

        Raises ConfigurationError, and whatever its own function raises.
        """
        jobs = self._imported("jobs", self.jobs) if isinstance(self.jobs, str) else self.jobs
        if callable(jobs):
            jobs = jobs(self.load_settings(config))
        return [replace(job, origin=self.origin) for job in jobs]

    def migrations_folder(self) -> Path | None:
        """The folder that has its `versions/`, found without importing the package. Raises ConfigurationError."""
        if self.migrations is None or isinstance(self.migrations, Path):
            return self.migrations
        try:
            spec = importlib.util.find_spec(self.migrations)
        except (Exception, SystemExit) as error:
            raise self._unusable("migrations", self.migrations, error) from error
        places = list(spec.submodule_search_locations or ()) if spec is not None else []
        if not places:
            raise ConfigurationError(f"{self}: there is no package {self.migrations!r} with its migrations")
        return Path(places[0])

    def _imported(self, part: str, reference: str) -> Any:
        try:
            return pkgutil.resolve_name(reference)
        except (Exception, SystemExit) as error:
            raise self._unusable(part, reference, error) from error

    def _unusable(self, part: str, reference: str, error: BaseException) -> ConfigurationError:
        return ConfigurationError(f"{self}: its {part} {reference!r} cannot be imported: {_in_words(error)}")


class AppFault(NamedTuple):
    """An installed application that cannot be used, by the name of its entry point, and why."""

    name: str
    why: str


class FoundApps(NamedTuple):
    """The applications that are installed: those that can be used, and the others."""

    apps: tuple[App, ...]
    faults: tuple[AppFault, ...]


def app_names() -> tuple[str, ...]:
    """The names of the installed applications, usable or not; imports none."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


@functools.cache
def find_apps() -> FoundApps:
    """The applications that are installed, in the order of their names; one that cannot be imported is a fault.

    They are looked for once in a process (`find_apps.cache_clear()` forgets them), and faults are logged then.
    """
    apps: list[App] = []
    faults: list[AppFault] = []
    for point in sorted(set(entry_points(group=GROUP)), key=lambda one: (one.name, one.value)):
        try:
            apps.append(_usable(point, apps))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - one broken application must not stop the others
            faults.append(AppFault(point.name, _in_words(error)))
    for fault in faults:
        _log.error("The application %r cannot be used: %s", fault.name, fault.why)
    return FoundApps(tuple(apps), tuple(faults))


def installed_apps() -> list[App]:
    """The installed applications that can be used; `find_apps` tells of the others, too."""
    return list(find_apps().apps)


def _usable(point: EntryPoint, others: Iterable[App]) -> App:
    app = point.load()
    if not isinstance(app, App):
        raise ConfigurationError(f"{point.value} is not an App, but {type(app).__name__}")
    if app.name != point.name:
        raise ConfigurationError(f"{point.value} is named {app.name!r}; its entry point must have the same name")
    for other in others:
        if other.name == app.name or (app.cli and other.cli and other.cli_name == app.cli_name):
            raise ConfigurationError(f"{point.value} has the name or the cli_name of another installed application")
    return app


def _in_words(error: BaseException) -> str:
    return str(error) if isinstance(error, ConfigurationError) else f"{type(error).__name__}: {error}"
