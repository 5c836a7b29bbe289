"""Where settings come from, beside arguments: the environment, and a file."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, YamlConfigSettingsSource

from horarium.errors import ConfigurationError
from horarium.settings.facts import CONFIG, CONFIG_VARIABLE, variables
from horarium.settings.yaml_file import read_yaml

Part = Callable[[dict[str, Any], Path], dict[str, Any]]

DEFAULT_FILE = "horarium.yaml"
"""The file that is read when none is named, if it is in the working directory."""

_LOOKS_LIKE = 0.8


class Environment(EnvSettingsSource):
    """Environment variables: a setting's own name with the prefix, then the other names that it goes by."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The value of the first variable that is set and not empty."""
        del field
        found = self.variable_of(field_name)
        return None if found is None else self.env_vars[found.lower()], field_name, False

    def prepare_field_value(self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool) -> Any:
        """The value; lists and mappings are written as JSON."""
        try:
            return super().prepare_field_value(field_name, field, value, value_is_complex)
        except ValueError as error:
            name = self.variable_of(field_name) or field_name
            raise ConfigurationError(f'{name} in the environment takes JSON, such as ["a", "b"]: {error}') from error

    def variable_of(self, field_name: str) -> str | None:
        """The variable that a setting is taken from; None if none is set."""
        names = variables(self.settings_cls, field_name)
        return next((name for name in names if self.env_vars.get(name.lower()) is not None), None)

    def misspelt(self) -> dict[str, str]:
        """Variables with the prefix that are no settings and look like one, with the one meant."""
        begin = self.env_prefix.lower()
        names = (variables(self.settings_cls, name)[0].lower() for name in self.settings_cls.model_fields)
        known = {name.removeprefix(begin) for name in names}
        given = [name.removeprefix(begin) for name in self.env_vars if begin and name.startswith(begin)]
        near = {name: get_close_matches(name, known, n=1, cutoff=_LOOKS_LIKE) for name in given if name not in known}
        return {f"{begin}{name}".upper(): f"{begin}{match[0]}".upper() for name, match in near.items() if match}


class ConfigFile(YamlConfigSettingsSource):
    """A YAML file, or no file; `part` picks what belongs to the settings class."""

    def __init__(self, settings_cls: type[BaseSettings], path: Path | None, part: Part) -> None:
        self._part = part
        self._path = path
        super().__init__(settings_cls, yaml_file=path)

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        values = self._part(read_yaml(file_path), file_path)
        if CONFIG in values:
            raise ConfigurationError(
                f"{file_path}: the file cannot say which file is read; set {CONFIG_VARIABLE} in the environment"
            )
        return values

    def __call__(self) -> dict[str, Any]:
        """The values, and the file that they are from."""
        return {**super().__call__(), CONFIG: self._path}


def whole_path(path: str | Path) -> Path:
    """The path from the root, which stays right when the working directory changes."""
    return Path(path).expanduser().absolute()


def file_to_read(arguments: dict[str, Any], environment: Environment) -> Path | None:
    """The file that `config=` names, or HORARIUM_CONFIG, or horarium.yaml if there is one here; `config=None`: none.

    Raises ConfigurationError when the one that was named is not there.
    """
    if CONFIG in arguments:
        named, where = arguments[CONFIG], "argument"
    else:
        named, where = environment.env_vars.get(CONFIG_VARIABLE.lower()), f"{CONFIG_VARIABLE} in the environment"
        if named is None:
            here = Path(DEFAULT_FILE).absolute()
            return here if here.is_file() else None
    if named is None:
        return None
    path = whole_path(named)
    if not path.is_file():
        raise ConfigurationError(f"config ({where}): there is no file {path}")
    return path
