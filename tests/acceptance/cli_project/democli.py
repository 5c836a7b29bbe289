"""The commands of an application, for the tests of the command line."""

import typer

from horarium import get_scheduler

app = typer.Typer()


@app.command("where")
def where(context: typer.Context, loud: bool = False) -> None:
    """Say which plan it is given."""
    address = get_scheduler().database_url
    typer.echo(f'{{"plan": "{address}"}}' if context.obj.json else address.upper() if loud else address)


@app.command("fail")
def fail() -> None:
    """Fail in a way that nobody thought of."""
    raise RuntimeError("the demo broke")
