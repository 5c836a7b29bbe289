"""${message[0].upper() + message[1:]}."""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
% if "INSTANT" in upgrades:

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
% endif


def upgrade() -> None:
    """From `${down_revision or "nothing"}` to `${up_revision}`."""
    ${upgrades}
