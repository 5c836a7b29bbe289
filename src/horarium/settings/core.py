"""The settings of a scheduler."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, model_validator
from pydantic_settings import SettingsConfigDict

from horarium.errors import ConfigurationError
from horarium.plugins import app_names
from horarium.settings.base import APPS, AppSettings, LayeredSettings, sections, setting, unknown_name
from horarium.settings.secrets import without_secrets
from horarium.when.zones import zone_name

JOBS = "jobs"
NAME = "name"
NOT_SETTINGS = {
    JOBS: "jobs to have in the plan",
    NAME: "what the jobs of this file belong to, in the plan",
    APPS: "the settings of each application",
}
"""What else may stand in horarium.yaml."""

NOTE = "x-"
"""Names that begin so are left alone: a place for YAML's anchors."""

_PLAN_ADDRESSES = ("sqlite:///", "postgresql://", "postgres://", "postgresql+psycopg://")
_REDIS_ADDRESSES = ("redis://", "rediss://", "unix://")


def _number(value: Any) -> Any:
    if isinstance(value, bool):  # `threads: true` would be 1
        raise ValueError(f"a number is wanted, not {value!r}")  # noqa: TRY004 - pydantic takes no TypeError
    return value


def _or_none(value: Any) -> Any:
    return None if isinstance(value, str) and value.strip().lower() == "none" else _number(value)


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _plan_address(value: str) -> str:
    return _address(value, _PLAN_ADDRESSES, "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")


def _redis_address(value: str | None) -> str | None:
    return None if value is None else _address(value, _REDIS_ADDRESSES, "redis://HOST:6379/0")


def _address(value: str, beginnings: tuple[str, ...], example: str) -> str:
    if not value.strip().startswith(beginnings):
        given = without_secrets(repr(value))
        raise ValueError(f"{given} is not an address that is understood; write {example}")
    return value.strip()


def _zone(value: str) -> str:
    return zone_name(value) or "UTC"


def _engine(value: Any) -> Any:
    value = _lower(value)
    if value == "celery":
        raise ValueError("'celery' is not installed: this release brings the engines apscheduler and inline")
    return value


def _cpus() -> int:
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable is not None else os.cpu_count() or 1


Whole = Annotated[int, BeforeValidator(_number)]
Seconds = Annotated[float, BeforeValidator(_number)]
_WHOLE = "a whole number, 1 or more"
_SECONDS = "seconds, more than 0"


class Settings(LayeredSettings):
    """The settings of a scheduler, from arguments, `HORARIUM_*` in the environment, and horarium.yaml.

    `Settings(config="other.yaml")` reads another file than horarium.yaml, and `config=None` none. Raises
    ConfigurationError.
    """

    model_config = SettingsConfigDict(env_prefix="HORARIUM_")

    database_url: Annotated[str, AfterValidator(_plan_address)] = setting(
        "sqlite:///horarium.db",
        help="Where the plan is kept.",
        takes="an address: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`",
        also=["DATABASE_URL"],
    )
    engine: Annotated[Literal["apscheduler", "inline"], BeforeValidator(_engine)] = setting(
        "apscheduler",
        help="What drives the ticks; `inline` is for tests.",
        takes="`apscheduler` or `inline`",
        also=["SCHEDULER_BACKEND"],
    )
    timezone: Annotated[str, AfterValidator(_zone)] = setting(
        "UTC",
        help="The zone of jobs that have none of their own.",
        takes="the IANA name of a time zone, such as `Europe/Rome`",
    )
    threads: Whole = setting(20, help="How many plain functions run at once on a node.", takes=_WHOLE, ge=1)
    processes: Whole = setting(
        factory=_cpus,
        shown="the number of CPUs",
        help="How many runs have a child process at once on a node, and how many items of batches.",
        takes=_WHOLE,
        ge=1,
    )
    loop: Whole = setting(1000, help="How many async functions run at once on a node.", takes=_WHOLE, ge=1)
    lease: Seconds = setting(
        30.0, help="How long a node's runs stay its own when nothing is heard from it.", takes=_SECONDS, gt=0
    )
    heartbeat: Seconds = setting(
        5.0,
        help="The time between two signs of life of a node; at most a third of the lease.",
        takes=_SECONDS,
        gt=0,
    )
    tick_batch: Whole = setting(1000, help="How many due jobs one tick takes on.", takes=_WHOLE, ge=1)
    keep_days: Annotated[float | None, BeforeValidator(_or_none)] = setting(
        90.0, help="How long history is kept.", takes="days, more than 0, or `none` for no limit", gt=0
    )
    keep_runs: Annotated[int | None, BeforeValidator(_or_none)] = setting(
        1000, help="How many runs of each job are kept.", takes=f"{_WHOLE}, or `none` for no limit", ge=1
    )
    shutdown_grace: Seconds = setting(
        25.0, help="How long a node that is told to stop waits for its runs to end.", takes="seconds, 0 or more", ge=0
    )
    sqlite_synchronous: Annotated[Literal["EXTRA", "FULL", "NORMAL", "OFF"], BeforeValidator(_upper)] = setting(
        "FULL",
        help="What SQLite does at a commit; with less than `FULL` a loss of power can undo what was committed.",
        takes="`EXTRA`, `FULL`, `NORMAL` or `OFF`",
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)] = setting(
        "INFO",
        help="The least important lines that `horarium run` logs.",
        takes="`DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`",
    )
    log_format: Annotated[Literal["console", "json"], BeforeValidator(_lower)] = setting(
        "console", help="How `horarium run` logs: for people, or a JSON object a line.", takes="`console` or `json`"
    )
    redis_url: Annotated[str | None, AfterValidator(_redis_address)] = setting(
        None,
        help="A Redis that applications may keep a cache in.",
        takes="an address: `redis://HOST:6379/0`",
        also=["REDIS_URL"],
    )
    port: Whole = setting(
        8000,
        help="The port of the web service.",
        takes="a port number, 0 to 65535 (0: any free one)",
        also=["PORT"],
        ge=0,
        le=65535,
    )

    @model_validator(mode="after")
    def _heartbeat_fits_lease(self) -> Self:
        # With a short lease the default beats faster by itself; what somebody asked for is not changed silently.
        if "heartbeat" in self.model_fields_set and self.heartbeat > self.lease / 3:
            raise ValueError(
                f"heartbeat ({self.heartbeat:g} s) must be at most a third of lease ({self.lease:g} s), "
                "so that a node that misses one keeps its runs"
            )
        return self

    @classmethod
    def part_of_file(cls, data: dict[str, Any], path: Path) -> dict[str, Any]:
        """What is left without jobs, the sections of applications and notes; the sections must be known ones."""
        known = set(_known_sections())
        for name in sections(data, path):
            if name not in known:
                raise ConfigurationError(f"{path}: {APPS}: {unknown_name(name, known, 'application')}")
        return {name: value for name, value in data.items() if name not in NOT_SETTINGS and not name.startswith(NOTE)}

    @classmethod
    def names_in_file(cls) -> list[str]:
        """The settings, and what else may stand beside them."""
        return [*super().names_in_file(), *NOT_SETTINGS]


def _known_sections() -> Iterator[str]:
    """The installed applications, and those whose settings classes this process knows."""
    yield from app_names()
    waiting = [AppSettings]
    while waiting:
        kinds = waiting.pop().__subclasses__()
        yield from (kind.file_section for kind in kinds)
        waiting.extend(kinds)
