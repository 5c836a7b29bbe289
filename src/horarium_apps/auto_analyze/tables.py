"""The application's tables (SQLAlchemy Core), in the plan's database. Every name begins with `auto_analyze_`.

A document and its status are written in the transaction that marks the video's item as done, so that neither is ever
there without the other.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware time in UTC: `timestamptz` on PostgreSQL, whole microseconds since 1970 on SQLite, which has no type."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type in the database."""
        own = DateTime(timezone=True) if dialect.name == "postgresql" else BigInteger()
        return dialect.type_descriptor(own)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """To the database."""
        return value if value is None or dialect.name == "postgresql" else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From the database."""
        del dialect
        if value is None:
            return None
        return _EPOCH + value * _MICROSECOND if isinstance(value, int) else value.astimezone(UTC)


# SQLite counts rows by itself only in a column that is spelled INTEGER.
_Key = BigInteger().with_variant(Integer, "sqlite")

users = Table(
    "auto_analyze_users",
    metadata,
    Column("id", _Key, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

videos = Table(
    "auto_analyze_videos",
    metadata,
    Column("id", _Key, primary_key=True, autoincrement=True),
    Column("user_id", _Key, ForeignKey("auto_analyze_users.id"), nullable=False),
    # The file as it was imported: an absolute path, the SHA-256 of its content in hexadecimal, bytes, nanoseconds.
    Column("path", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("added_at", Instant, nullable=False),
    # How it stands: new, analysing, analysed, failed; which run of which job took it last, when, and how often one did.
    Column("status", Text, nullable=False),
    Column("run_id", Text),
    Column("job_id", Text),
    Column("begun_at", Instant),
    Column("attempts", Integer, nullable=False),
    # What came of it. The duration (seconds) is in the document, too, and here for lists.
    Column("analysed_at", Instant),
    Column("duration", Float),
    Column("document", Text),
    Column("sheet_path", Text),
    Column("error", Text),
    UniqueConstraint("user_id", "content_hash"),
    Index(None, "user_id", "status"),
    sqlite_autoincrement=True,
)
