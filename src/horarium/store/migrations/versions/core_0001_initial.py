"""Initial."""

import sqlalchemy as sa
from alembic import op

revision = "core_0001"
down_revision = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    """From `nothing` to `core_0001`."""
    op.create_table(
        "horarium_attempts",
        sa.Column("scheduled_at", INSTANT, nullable=False),
        sa.Column("job_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=True),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("finished_at", INSTANT, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("scheduled_at", "job_key", "attempt", name=op.f("pk_horarium_attempts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "horarium_decisions",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("job_key", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("first_at", INSTANT, nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("exact", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("node", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_horarium_decisions")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("horarium_decisions", schema=None) as batch_op:
        batch_op.create_index("ix_horarium_decisions_job_key_last_at", ["job_key", "last_at"], unique=False)

    op.create_table(
        "horarium_facts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_horarium_facts")),
    )
    op.create_table(
        "horarium_item_failures",
        sa.Column("scheduled_at", INSTANT, nullable=False),
        sa.Column("job_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("failed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("scheduled_at", "job_key", "batch", "key", name=op.f("pk_horarium_item_failures")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "horarium_items",
        sa.Column("scheduled_at", INSTANT, nullable=False),
        sa.Column("job_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("chunk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("done", sa.Text(), nullable=False),
        sa.Column("skipped", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scheduled_at", "job_key", "batch", "chunk", name=op.f("pk_horarium_items")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "horarium_job_clock",
        sa.Column("job_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("next_run_time", INSTANT, nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("held", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("job_key", name=op.f("pk_horarium_job_clock")),
    )
    with op.batch_alter_table("horarium_job_clock", schema=None) as batch_op:
        batch_op.create_index(
            "ix_horarium_job_clock_due",
            ["next_run_time"],
            unique=False,
            sqlite_where=sa.text("paused = 0 AND held = 0 AND next_run_time IS NOT NULL"),
            postgresql_where=sa.text("NOT paused AND NOT held AND next_run_time IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_horarium_job_clock_held",
            ["job_key"],
            unique=False,
            sqlite_where=sa.text("held = 1"),
            postgresql_where=sa.text("held"),
        )

    op.create_table(
        "horarium_jobs",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("args", sa.Text(), nullable=False),
        sa.Column("kwargs", sa.Text(), nullable=False),
        sa.Column("executor", sa.Text(), nullable=True),
        sa.Column("overlap", sa.Text(), nullable=False),
        sa.Column("max_instances", sa.Integer(), nullable=False),
        sa.Column("misfire_grace_time", sa.Float(), nullable=True),
        sa.Column("coalesce", sa.Boolean(), nullable=False),
        sa.Column("catch_up", sa.Integer(), nullable=False),
        sa.Column("on_crash", sa.Text(), nullable=False),
        sa.Column("retry", sa.Text(), nullable=True),
        sa.Column("timeout", sa.Float(), nullable=True),
        sa.Column("keep_runs", sa.Integer(), nullable=True),
        sa.Column("keep_days", sa.Float(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("removed_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_horarium_jobs")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("horarium_jobs", schema=None) as batch_op:
        batch_op.create_index(
            "ix_horarium_jobs_origin",
            ["origin"],
            unique=False,
            sqlite_where=sa.text("removed_at IS NULL"),
            postgresql_where=sa.text("removed_at IS NULL"),
        )
        batch_op.create_index(
            "uq_horarium_jobs_id",
            ["id"],
            unique=True,
            sqlite_where=sa.text("removed_at IS NULL"),
            postgresql_where=sa.text("removed_at IS NULL"),
        )

    op.create_table(
        "horarium_nodes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("heartbeat_at", INSTANT, nullable=False),
        sa.Column("lease_until", INSTANT, nullable=False),
        sa.Column("stopped_at", INSTANT, nullable=True),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.Column("clock_offset", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("tasks", sa.Text(), server_default=sa.text("'[]'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_horarium_nodes")),
    )
    op.create_table(
        "horarium_run_logs",
        sa.Column("scheduled_at", INSTANT, nullable=False),
        sa.Column("job_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("logger", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scheduled_at", "job_key", "attempt", "seq", name=op.f("pk_horarium_run_logs")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "horarium_runs",
        sa.Column("scheduled_at", INSTANT, nullable=False),
        sa.Column("job_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=True),
        sa.Column("node", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("crashes", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("crashes_in_all", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("marks_at_crash", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("not_before", INSTANT, nullable=True),
        sa.Column("start_deadline", INSTANT, nullable=True),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.Column("timed_out", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("progress", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("scheduled_at", "job_key", name=op.f("pk_horarium_runs")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("horarium_runs", schema=None) as batch_op:
        batch_op.create_index(
            "ix_horarium_runs_held",
            ["node"],
            unique=False,
            sqlite_where=sa.text("state IN ('running', 'stopping')"),
            postgresql_where=sa.text("state IN ('running', 'stopping')"),
        )
        batch_op.create_index("ix_horarium_runs_history", ["job_key", "scheduled_at"], unique=False)
        batch_op.create_index(
            "ix_horarium_runs_waiting",
            ["not_before", "scheduled_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('queued', 'retrying')"),
            postgresql_where=sa.text("state IN ('queued', 'retrying')"),
        )
        batch_op.create_index(
            "uq_horarium_runs_slot",
            ["job_key", "slot"],
            unique=True,
            sqlite_where=sa.text("slot IS NOT NULL"),
            postgresql_where=sa.text("slot IS NOT NULL"),
        )

    op.create_table(
        "horarium_steps",
        sa.Column("scheduled_at", INSTANT, nullable=False),
        sa.Column("job_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("committed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("scheduled_at", "job_key", "key", name=op.f("pk_horarium_steps")),
        sqlite_with_rowid=False,
    )
