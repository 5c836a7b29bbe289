"""Libraries that a stage needs and that an installation may be without."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from horarium_apps.auto_analyze.domain.errors import StageSkippedError


def load(module: str, *, without: str) -> Any:
    """Import a module, late and by its name.

    Parameters:
        module: its full name.
        without: what is left out when it cannot be imported, as the beginning of a sentence.

    Raises:
        StageSkippedError: it cannot be imported; says why, and what to install.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise StageSkippedError(
            f"{without}, for {package} cannot be imported ({error}): "
            "`pip install 'horarium[auto-analyze]'` installs it."
        ) from error
