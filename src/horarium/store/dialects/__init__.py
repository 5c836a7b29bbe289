"""What differs between SQLite and PostgreSQL: one file each, and nothing else in them."""

from horarium.errors import ConfigurationError
from horarium.store.dialects.base import Dialect, Finish, Fire, Move, Refused
from horarium.store.dialects.postgres import PostgreSQL
from horarium.store.dialects.sqlite import SQLite

__all__ = ["Dialect", "Finish", "Fire", "Move", "Refused", "dialect_for"]


def dialect_for(name: str) -> Dialect:
    """The dialect of SQLAlchemy's name. Raises ConfigurationError for any but the two."""
    if name == "postgresql":
        return PostgreSQL()
    if name == "sqlite":
        return SQLite()
    raise ConfigurationError(f"the plan cannot be kept in {name!r}; use SQLite or PostgreSQL")
