"""Initial."""

import sqlalchemy as sa
from alembic import op

revision = "auto_analyze_0001"
down_revision = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """From `nothing` to `auto_analyze_0001`."""
    op.create_table(
        "auto_analyze_users",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auto_analyze_users")),
        sa.UniqueConstraint("name", name=op.f("uq_auto_analyze_users_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "auto_analyze_videos",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("job_id", sa.Text(), nullable=True),
        sa.Column("begun_at", INSTANT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("analysed_at", INSTANT, nullable=True),
        sa.Column("duration", sa.Float(), nullable=True),
        sa.Column("document", sa.Text(), nullable=True),
        sa.Column("sheet_path", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retry_at", INSTANT, nullable=True),
        sa.Column("afresh", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["auto_analyze_users.id"], name=op.f("fk_auto_analyze_videos_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auto_analyze_videos")),
        sa.UniqueConstraint("user_id", "content_hash", name=op.f("uq_auto_analyze_videos_user_id_content_hash")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("auto_analyze_videos", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_auto_analyze_videos_user_id_status"), ["user_id", "status"], unique=False)
    op.create_table(
        "auto_analyze_texts",
        sa.Column("video_id", KEY, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("start", sa.Float(), nullable=False),
        sa.Column("end", sa.Float(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["video_id"], ["auto_analyze_videos.id"], name=op.f("fk_auto_analyze_texts_video_id")),
        sa.PrimaryKeyConstraint("video_id", "position", name=op.f("pk_auto_analyze_texts")),
    )
