"""All commands of the application."""

from __future__ import annotations

import typer

from horarium_apps.auto_analyze.cli.checking import check
from horarium_apps.auto_analyze.cli.demo import demo
from horarium_apps.auto_analyze.cli.finding import export, search
from horarium_apps.auto_analyze.cli.library import add_user, import_videos, list_videos, show_video
from horarium_apps.auto_analyze.cli.retrying import retry
from horarium_apps.auto_analyze.cli.scheduling import scheduling

app = typer.Typer(name="auto-analyze", invoke_without_command=True, add_completion=False)
app.callback()(scheduling)
app.command("add-user")(add_user)
app.command("import")(import_videos)
app.command("list")(list_videos)
app.command("show")(show_video)
app.command("search")(search)
app.command("export")(export)
app.command("retry")(retry)
app.command("check")(check)
app.command("demo")(demo)
