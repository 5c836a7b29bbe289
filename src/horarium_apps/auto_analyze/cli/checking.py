"""`horarium auto-analyze check`: why nothing is analysed."""

from __future__ import annotations

from typing import Annotated

import typer

from horarium import get_scheduler
from horarium_apps.auto_analyze.cli.output import table, wants_json, write, write_json
from horarium_apps.auto_analyze.diagnosis import diagnose


def check(
    context: typer.Context,
    user_id: Annotated[int | None, typer.Option("--user-id", metavar="N", help="Only for this user.")] = None,
) -> None:
    """Look at all that the analysis needs, and say what is in the way. Exits with 1 when something is."""
    findings = list(diagnose(get_scheduler(), user_id))
    faults = [each for each in findings if each.fault]
    if wants_json(context):
        told = [{"about": each.about, "ok": not each.fault, "sentence": each.sentence} for each in findings]
        write_json({"ok": not faults, "findings": told})
    else:
        made = table("", "", "")
        for each in findings:
            made.add_row("!!" if each.fault else "ok", each.about, each.sentence)
        made.show_header = False
        write(made)
    if faults:
        raise typer.Exit(1)
