"""Settings in layers: arguments, then the environment, then horarium.yaml, then defaults."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from horarium.errors import ConfigurationError
from horarium.settings.facts import CONFIG, facts_of, setting, variables
from horarium.settings.secrets import HIDDEN, without_secrets
from horarium.settings.sources import DEFAULT_FILE, ConfigFile, Environment, file_to_read, whole_path

__all__ = ["APPS", "AppSettings", "LayeredSettings", "sections", "setting", "unknown_name"]

APPS = "apps"
"""The name in the file under which each application has its section."""

_log = logging.getLogger(__name__)


def _whole(path: Path | None) -> Path | None:
    return None if path is None else whole_path(path)


class LayeredSettings(BaseSettings):
    """Values from keyword arguments, the environment, a YAML file and defaults, in this order. Frozen.

    An empty environment variable counts as not set. What cannot be used raises ConfigurationError, which names the
    setting, where its value came from, and what it takes.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_ignore_empty=True, env_nested_delimiter="__", allow_inf_nan=False
    )

    config: Annotated[Path | None, AfterValidator(_whole)] = setting(
        None,
        help="The file with settings and jobs that is read.",
        takes="the path of a YAML file",
        shown=f"{DEFAULT_FILE}, if it is in the working directory",
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except SettingsError as error:
            raise ConfigurationError(str(error.__cause__ or error)) from error
        except ValidationError as error:
            # Not chained: pydantic's own message shows what was given, passwords included.
            raise ConfigurationError(_explained(type(self), error, values)) from None
        for name, meant in Environment(type(self)).misspelt().items():
            _log.warning("%s in the environment is not a setting; did you mean %s?", name, meant)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The layers, the strongest first."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        arguments = init_settings.init_kwargs if isinstance(init_settings, InitSettingsSource) else {}
        environment = Environment(cls)
        path = file_to_read(arguments, environment)
        return init_settings, environment, ConfigFile(cls, path, cls.part_of_file)

    @classmethod
    def part_of_file(cls, data: dict[str, Any], path: Path) -> dict[str, Any]:
        """The values for this class among what the file holds. Raises ConfigurationError."""
        raise NotImplementedError

    @classmethod
    def place_in_file(cls, path: Path) -> str:
        """Where in the file this class's part stands, for people."""
        return str(path)

    @classmethod
    def names_in_file(cls) -> list[str]:
        """What may stand in this class's part of the file."""
        return [name for name in cls.model_fields if name != CONFIG]

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Without what must not be seen."""
        for name, value in super().__repr_args__():
            if name in type(self).model_fields and facts_of(type(self).model_fields[name]).secret:
                yield name, HIDDEN
            else:
                yield name, without_secrets(value) if isinstance(value, str) else value

    def __str__(self) -> str:
        return repr(self)


class AppSettings(LayeredSettings):
    """Base class for the settings of an application.

    `class Settings(AppSettings, section="my_app")` reads what stands under `apps:` `my_app:` in horarium.yaml, and
    environment variables that begin with MY_APP_; `prefix="..."` is another beginning. The section is the name of the
    application. Fields are made by `setting`, or as pydantic knows them. `config` is the file that was read.
    """

    file_section: ClassVar[str] = ""

    def __init_subclass__(cls, *, section: str = "", prefix: str | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.file_section = section or cls.file_section
        if not cls.file_section:
            raise ConfigurationError(
                f'{cls.__name__} needs a section in the file: class {cls.__name__}(AppSettings, section="my_app")'
            )
        if section or prefix is not None:
            cls.model_config["env_prefix"] = f"{section}_".upper() if prefix is None else prefix

    @classmethod
    def part_of_file(cls, data: dict[str, Any], path: Path) -> dict[str, Any]:
        """The application's section."""
        return sections(data, path).get(cls.file_section, {})

    @classmethod
    def place_in_file(cls, path: Path) -> str:
        """The file and the section."""
        return f"{path}: {APPS}: {cls.file_section}"


def sections(data: Mapping[str, Any], path: Path) -> dict[str, dict[str, Any]]:
    """The sections of applications in a file. Raises ConfigurationError."""
    apps = data.get(APPS) or {}
    if not isinstance(apps, dict):
        raise ConfigurationError(f"{path}: {APPS} must hold a section for each application, not {apps!r}")
    for name, section in apps.items():
        if section is not None and not isinstance(section, dict):
            raise ConfigurationError(f"{path}: {APPS}: {name} must hold settings as `name: value`, not {section!r}")
    return {name: section or {} for name, section in apps.items()}


def unknown_name(name: str, known: Iterable[str], what: str) -> str:
    """A sentence that says that there is no such thing, and which one may be meant."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    others = f"there are {', '.join(names)}" if names else "there are none here"
    advice = f"did you mean {near[0]!r}?" if near else others
    return f"there is no {what} {name!r}; {advice}"


def _explained(kind: type[LayeredSettings], error: ValidationError, arguments: Mapping[str, Any]) -> str:
    """All that is wrong, a sentence each."""
    environment = Environment(kind)
    path = file_to_read(dict(arguments), environment)
    place = "default" if path is None else kind.place_in_file(path)
    return "\n".join(_sentence(kind, one, _origin(one, arguments, environment, place)) for one in error.errors())


def _origin(one: ErrorDetails, arguments: Mapping[str, Any], environment: Environment, place: str) -> str:
    name = str(one["loc"][0]) if one["loc"] else ""
    if name in arguments:
        return "argument"
    if name in environment.settings_cls.model_fields and (found := environment.variable_of(name)):
        return f"{found} in the environment"
    return place


def _sentence(kind: type[LayeredSettings], one: ErrorDetails, origin: str) -> str:
    said = one["msg"].removeprefix("Value error, ")
    if not one["loc"]:
        return said
    name = str(one["loc"][0])
    inner = ".".join(map(str, one["loc"]))
    if name not in kind.model_fields:
        known = kind.names_in_file() if origin != "argument" else kind.model_fields
        return f"{origin}: {unknown_name(name, known, 'setting')}"
    facts = facts_of(kind.model_fields[name])
    if one["type"] == "missing" and inner == name:
        return f"{name} is not set; set {variables(kind, name)[0]} in the environment, or {name} in {DEFAULT_FILE}"
    if one["type"] == "value_error":
        return f"{inner} ({origin}): {said if not facts.secret else 'what it is set to cannot be used'}"
    given = "what it is set to" if facts.secret else without_secrets(repr(one["input"]))
    if facts.takes and inner == name:
        return f"{name} ({origin}) takes {facts.takes.replace('`', '')}, not {given}"
    return f"{inner} ({origin}): {said[:1].lower()}{said[1:]}, not {given}"
