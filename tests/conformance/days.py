"""Times that the tests use."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""When a test begins: noon of a Monday."""


def after(**span: float) -> datetime:
    """So long after the start: `after(hours=2)`."""
    return START + timedelta(**span)
