"""All settings as a table for the documents, and as a file of environment variables."""

from __future__ import annotations

from pydantic.fields import FieldInfo

from horarium.settings.base import LayeredSettings
from horarium.settings.core import Settings
from horarium.settings.facts import default_text, facts_of, variables

_HEAD = """\
# The settings of Horarium as environment variables, each at its default. Made from the code.
# Copy this file to `.env`, take the # away before what you want to change, and have it loaded:
# `set -a; . ./.env; set +a` in a shell, `--env-file .env` with Docker, EnvironmentFile= with systemd.
"""


def settings_table(kind: type[LayeredSettings] = Settings) -> str:
    """The settings of a class as a table in Markdown."""
    rows: list[tuple[str, ...]] = [("setting", "environment", "default", "takes", "what it is for")]
    rows.append(("---",) * len(rows[0]))
    for name, field in kind.model_fields.items():
        facts = facts_of(field)
        names = ", ".join(f"`{one}`" for one in variables(kind, name))
        rows.append((f"`{name}`", names, _default_cell(field), facts.takes, facts.help))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def env_example(*kinds: type[LayeredSettings]) -> str:
    """A file of environment variables with all settings, commented out: those of the core, or of these classes."""
    parts = [_HEAD]
    for kind in kinds or (Settings,):
        for name, field in kind.model_fields.items():
            own, *others = variables(kind, name)
            facts = facts_of(field)
            default = default_text(field)
            lines = [f"# {facts.help.replace('`', '')}"] if facts.help else []
            if facts.takes:
                lines.append(f"# Takes {facts.takes.replace('`', '')}.")
            if others:
                lines.append(f"# {', '.join(others)} is read too, when this is not set.")
            if facts.shown:
                lines.append(f"# Default: {facts.shown}.")
                default = ""
            parts.append("\n".join([*lines, f"#{own}={default}", ""]))
    return "\n".join(parts)


def _default_cell(field: FieldInfo) -> str:
    text = default_text(field)
    if field.is_required():
        return "(must be given)"
    return text if facts_of(field).shown else f"`{text}`" if text else "none"
