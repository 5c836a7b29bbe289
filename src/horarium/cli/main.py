"""`horarium`, the command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from horarium.__about__ import __version__
from horarium.cli import exit_codes
from horarium.cli.applications import application_commands
from horarium.cli.catalogue import CATALOGUE
from horarium.cli.exit_codes import ExitCode
from horarium.cli.failures import drop_output, drop_unwritable_output, report
from horarium.cli.global_options import with_global_options
from horarium.cli.groups import Group
from horarium.cli.session import Session, begin_session

if TYPE_CHECKING:
    from typer._click import Context as AnyContext

_JSON = "--json"


class Root(Group):
    """The whole command line: all commands, and what becomes of an error in any of them."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(CATALOGUE, more=application_commands, **attrs)
        with_global_options(self)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line and end the process with its exit code (or answer it, without `standalone_mode`)."""
        given = list(sys.argv[1:] if args is None else args)
        session = begin_session()
        code = self._guarded(session, given, prog_name, complete_var, windows_expand_args, extra)
        if standalone_mode:
            sys.exit(code)
        return code

    def _guarded(
        self,
        session: Session,
        args: list[str],
        prog_name: str | None,
        complete_var: str | None,
        windows_expand_args: bool,
        extra: dict[str, Any],
    ) -> int:
        try:
            try:
                answer = super().main(
                    args,
                    prog_name,
                    complete_var,
                    standalone_mode=False,
                    windows_expand_args=windows_expand_args,
                    obj=session,
                    **extra,
                )
            finally:
                session.closing.close()
            sys.stdout.flush()
        except BrokenPipeError:
            drop_output()
            return ExitCode.BROKEN_PIPE
        except (KeyboardInterrupt, typer.Abort):
            return ExitCode.INTERRUPTED
        except Exception as error:  # noqa: BLE001 - whatever it is, people get a sentence and scripts a code
            drop_unwritable_output()
            return report(error, as_json=session.json or _JSON in args, verbose=session.verbose)
        return answer if isinstance(answer, int) else ExitCode.OK

    def invoke(self, ctx: AnyContext) -> Any:
        """Run the command, and notice that the reader of its output went away before Typer makes it a failure."""
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            drop_output()
            raise typer.Exit(ExitCode.BROKEN_PIPE) from None
        return answer


app = typer.Typer(
    cls=Root,
    name="horarium",
    help="Durable schedules for Python applications: on time, once, surviving crashes, and seen.",
    epilog=f"\b\nExit codes:\n{exit_codes.listing()}",
    no_args_is_help=True,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False,
) -> None:
    """Durable schedules for Python applications: on time, once, surviving crashes, and seen."""
    if version:
        session: Session = context.obj
        typer.echo(f'{{"version": "{__version__}"}}' if session.json else f"horarium {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        context.fail("Missing command.")


def main() -> None:
    """The entry point of the `horarium` script."""
    # Tasks are named "package.module:function"; those of the project that one stands in are found as with `python -m`.
    sys.path.insert(0, str(Path.cwd()))
    app(prog_name="horarium")


if __name__ == "__main__":
    main()
