"""Acts on exhibits: hand-overs and their answers, rows that are only ever added.

Revision 0023.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES, protect

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

TABLE = "custody_act"
WHEN = sa.DateTime(timezone=True)
FOREIGN = {
    "workspace_id": "workspace", "item_id": "evidence_item", "party_id": "party", "person_id": "person",
    "answers": TABLE, "to_party_id": "party", "to_person_id": "person",
}  # fmt: skip
CHECKS = {
    "verb": "verb ~ '^[a-z_]{3,30}$'",
    "salt": "octet_length(salt) = 32",
    "said": "octet_length(said::text) <= 20000",
    "to_party": "(verb = 'hand_over') = (to_party_id IS NOT NULL)",
    "to_person": "to_person_id IS NULL OR to_party_id IS NOT NULL",
    "answers": "answers IS NOT NULL OR verb NOT IN ('accept', 'refuse', 'withdraw')",
}


def upgrade() -> None:
    """Make the table; its rows hide with the exhibit they are about."""
    op.create_table(
        TABLE,
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "workspace_id", "item_id")),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("party_id", "person_id")),
        *(sa.Column(name, sa.Uuid(), nullable=True) for name in ("answers", "to_party_id", "to_person_id")),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("said", postgresql.JSONB(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("acted_at", WHEN, nullable=False),
        sa.Column("due_at", WHEN, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_custody_act"),
        sa.UniqueConstraint("answers", name="uq_custody_act_answers"),
        *(
            sa.ForeignKeyConstraint([name], [f"{other}.id"], name=f"fk_{TABLE}_{name}_{other}")
            for name, other in FOREIGN.items()
        ),
        *(sa.CheckConstraint(rule, name=f"ck_{TABLE}_{name}") for name, rule in CHECKS.items()),
    )
    op.create_index("ix_custody_act_item_id", TABLE, ["item_id", "acted_at"])
    handed = sa.text("verb = 'hand_over'")
    op.create_index("ix_custody_act_handed", TABLE, ["workspace_id", "to_party_id"], postgresql_where=handed)
    protect(TABLE, "SELECT, INSERT")
    sees = f"{SEES.format(column='workspace_id')} AND item_id IN (SELECT id FROM evidence_item)"
    op.execute(f"DROP POLICY {TABLE}_members ON {TABLE}")
    op.execute(f"CREATE POLICY {TABLE}_members ON {TABLE} TO {APP_ROLE} USING ({sees}) WITH CHECK ({sees})")


def downgrade() -> None:
    """Back to a chain of custody of the server's own events."""
    op.drop_table(TABLE)
