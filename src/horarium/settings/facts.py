"""What is known of a setting beside its type: its names, what it takes, and what it is for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

from pydantic import Field, SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from horarium.settings.secrets import HIDDEN, without_secrets

CONFIG = "config"
CONFIG_VARIABLE = "HORARIUM_CONFIG"
_KEY = "horarium"


class Facts(NamedTuple):
    """What `setting` was told."""

    help: str = ""
    takes: str = ""
    also: tuple[str, ...] = ()
    secret: bool = False
    shown: str = ""


def setting(
    default: Any = ...,
    *,
    help: str,  # noqa: A002 - as people call it
    takes: str = "",
    also: Sequence[str] = (),
    secret: bool = False,
    factory: Callable[[], Any] | None = None,
    shown: str = "",
    **constraints: Any,
) -> Any:
    """A field of a settings class: `threads: int = setting(20, help="...", takes="a whole number", ge=1)`.

    `help` is what it is for and `takes` what it may be, both shown to people; `also` are environment variables that
    are read, too, under exactly these names; a `secret` is never shown. Without a default (or a `factory`, whose value
    is `shown` as that text) it must be given. `constraints` are those of `pydantic.Field`.
    """
    facts = Facts(help, takes, tuple(also), secret, shown)
    extra: dict[str, Any] = {_KEY: facts._asdict()}
    if factory is not None:
        return Field(default_factory=factory, description=help, json_schema_extra=extra, **constraints)
    return Field(default, description=help, json_schema_extra=extra, **constraints)


def facts_of(field: FieldInfo) -> Facts:
    """What is known of a field; of one that was not made by `setting`, its description."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and isinstance(known := extra.get(_KEY), dict):
        facts = Facts(**cast("dict[str, Any]", known))
    else:
        facts = Facts(help=field.description or "")
    return facts._replace(secret=True) if field.annotation in {SecretStr, SecretBytes} else facts


def variables(kind: type[BaseSettings], name: str) -> tuple[str, ...]:
    """The environment variables of a setting, the one that counts first."""
    if name == CONFIG:
        return (CONFIG_VARIABLE,)
    own = f"{kind.model_config.get('env_prefix', '')}{name}".upper()
    return (own, *facts_of(kind.model_fields[name]).also)


def default_text(field: FieldInfo) -> str:
    """A setting's default as people write it; empty when it has none."""
    facts = facts_of(field)
    if facts.shown or field.default_factory is not None:
        return facts.shown
    if field.default is PydanticUndefined or field.default is None:
        return ""
    return HIDDEN if facts.secret else without_secrets(str(field.default))
