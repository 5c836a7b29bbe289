"""What the global options say about one call of the command line."""

from __future__ import annotations

from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    # Typer brings its own copy of Click, and gives this type no public name.
    from typer._click import Context as AnyContext


@dataclass
class Session:
    """One call of the command line. Applications' commands find it as `typer.Context.obj`.

    `json` asks for answers that programs can read; `verbose` for more words. `opened` says that the plan was opened.
    What is put on `closing` is closed at the end, whatever happened.
    """

    database: str | None = None
    config: Path | None = None
    json: bool = False
    verbose: bool = False
    opened: bool = False
    closing: ExitStack = field(default_factory=ExitStack, repr=False)

    def note(self, text: str) -> None:
        """Say something beside the answer, on the error stream; programs are not told."""
        if not self.json:
            typer.echo(text, err=True)


_current: ContextVar[Session] = ContextVar("horarium_session")


def begin_session() -> Session:
    """A new session, which `current_session` answers from now on."""
    session = Session()
    _current.set(session)
    return session


def current_session() -> Session:
    """The session of the call that is under way, for code that is given no context."""
    return _current.get()


def session_of(context: AnyContext) -> Session:
    """The session of this call."""
    root = context.find_root()
    if not isinstance(root.obj, Session):
        root.obj = begin_session()
    return root.obj
