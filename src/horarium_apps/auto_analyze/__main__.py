"""`python -m horarium_apps.auto_analyze`: the same as `horarium auto-analyze`."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from typing import Any


def main() -> None:
    """Call the command `horarium`, whose part this application's commands are."""
    (command,) = entry_points(group="console_scripts", name="horarium")
    horarium: Any = command.load()
    sys.argv.insert(1, "auto-analyze")
    horarium()


if __name__ == "__main__":
    main()
