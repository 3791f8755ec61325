"""Events of the case on its timeline, the exhibits they name, and withdrawals: rows are only ever added.

Revision 0045.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES, protect

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

CHECKS = {
    "handling": "handling IN ('H0','H1','H2','H3')",
    "title": "length(title) BETWEEN 1 AND 200",
    "text": "length(text) <= 4000 AND length(place) <= 200",
    "salt": "octet_length(salt) = 32",
    "position": "position > 0",
}


def upgrade() -> None:
    """Create them; what an event names is seen by whoever may see both."""
    _events()
    _links()
    op.create_table(
        "timeline_withdrawal",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "workspace_id", "event_id", "withdrawn_by")),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_timeline_withdrawal"),
        *_keys("timeline_withdrawal", workspace_id="workspace", event_id="timeline_event", withdrawn_by="person"),
        sa.CheckConstraint("length(reason) BETWEEN 1 AND 1000", name="ck_timeline_withdrawal_reason"),
    )
    op.create_index("uq_timeline_withdrawal_event_id", "timeline_withdrawal", ["event_id"], unique=True)
    protect("timeline_event", "SELECT, INSERT")
    protect("timeline_withdrawal", "SELECT, INSERT")


def _keys(table: str, **columns: str) -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint([name], [f"{of}.id"], name=f"fk_{table}_{name}_{of}") for name, of in columns.items()
    ]


def _events() -> None:
    op.create_table(
        "timeline_event",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "workspace_id", "party_id", "written_by")),
        sa.Column("compartment_id", sa.Uuid(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("handling", "state", "title", "text", "place", "zone")),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("at", "written_at")),
        sa.Column("day_only", sa.Boolean(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_timeline_event"),
        *_keys("timeline_event", workspace_id="workspace", party_id="party", written_by="person"),
        sa.ForeignKeyConstraint(
            ["compartment_id", "workspace_id"], ["compartment.id", "compartment.workspace_id"],
            name="fk_timeline_event_compartment_id_compartment",
        ),
        *(sa.CheckConstraint(rule, name=f"ck_timeline_event_{name}") for name, rule in CHECKS.items()),
    )  # fmt: skip
    op.create_index("ix_timeline_event_at", "timeline_event", ["workspace_id", "at", "position"])


def _links() -> None:
    table = "timeline_link"
    op.create_table(
        table,
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("event_id", "item_id", "workspace_id")),
        sa.PrimaryKeyConstraint("event_id", "item_id", name=f"pk_{table}"),
        *_keys(table, event_id="timeline_event", item_id="evidence_item", workspace_id="workspace"),
    )
    op.create_index("ix_timeline_link_item_id", table, ["item_id"])
    sees = (
        f"{SEES.format(column='workspace_id')} AND EXISTS (SELECT 1 FROM evidence_item i WHERE i.id = {table}.item_id)"
    )
    for statement in (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY {table}_members ON {table} TO {APP_ROLE} USING ({sees}) WITH CHECK ({sees})",
        f"CREATE POLICY {table}_owner ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)",
        f"GRANT SELECT, INSERT ON {table} TO {APP_ROLE}",
    ):
        op.execute(statement)


def downgrade() -> None:
    """Take them away."""
    for table in ("timeline_withdrawal", "timeline_link", "timeline_event"):
        op.drop_table(table)
