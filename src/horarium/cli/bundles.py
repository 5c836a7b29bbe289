"""Bundles of options: a dataclass whose fields are options, so that several commands take the same ones."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints


def takes_bundles(command: Callable[..., None]) -> Callable[..., None]:
    """A command that is given its bundles whole, and shows Typer their fields as options one by one.

    A bundle is a parameter whose annotation is a dataclass with `Annotated[..., typer.Option(...)]` fields, each with
    a default.
    """
    hints = get_type_hints(command, include_extras=True)
    bundles = {name: kind for name, kind in hints.items() if isinstance(kind, type) and is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []
    for name, own in inspect.signature(command).parameters.items():
        if name in bundles:
            parameters.extend(_parameters(bundles[name]))
        else:
            parameters.append(own.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def whole(**given: Any) -> None:
        for name, kind in bundles.items():
            given[name] = kind(**{one.name: given.pop(one.name) for one in fields(kind)})
        command(**given)

    whole.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect, and so Typer, reads
    whole.__annotations__ = {one.name: one.annotation for one in parameters}
    del whole.__wrapped__
    return whole


def _parameters(bundle: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(bundle, include_extras=True)
    return [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if one.default is MISSING else one.default,
            annotation=hints[one.name],
        )
        for one in fields(bundle)
    ]
