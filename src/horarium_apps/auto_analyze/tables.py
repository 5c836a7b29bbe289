"""The application's tables (SQLAlchemy Core), in the plan's database. Every name begins with `auto_analyze_`.

A document and its status are written in the transaction that marks the video's item as done, so that neither is ever
there without the other.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
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
    false,
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
    # After a failure, of the video or of one of its stages: how many there were in a row, and when it is tried again by
    # itself, if it is.
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("retry_at", Instant),
    # Whether the next analysis is to do every stage again; what is there stays until that one has succeeded.
    Column("afresh", Boolean, nullable=False, server_default=false()),
    # By which near-duplicates are found: as in the document, and here to be read for many videos at once.
    Column("fingerprint", Text),
    UniqueConstraint("user_id", "content_hash"),
    Index(None, "user_id", "status"),
    sqlite_autoincrement=True,
)

texts = Table(
    "auto_analyze_texts",
    metadata,
    Column("video_id", _Key, ForeignKey("auto_analyze_videos.id"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    # "speech" or "screen"; seconds of the video; the words, and the same as they are searched.
    Column("source", Text, nullable=False),
    Column("start", Float, nullable=False),
    Column("end", Float, nullable=False),
    Column("text", Text, nullable=False),
    Column("folded", Text, nullable=False),
)
"""What is said and shown, piece by piece: what searches look through. It follows from the document."""
