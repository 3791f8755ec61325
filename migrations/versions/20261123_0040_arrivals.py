"""Packages from other servers: who asked to open one, what its check gave, what came out of it. Rows are only added.

Revision 0040.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

OPENING, VERDICT, ARRIVED = "package_opening", "package_verdict", "arrived_exhibit"
WHEN = sa.DateTime(timezone=True)
SYSTEM = "current_setting('jit.actor', true) = 'system'"
SEEN = f"{SEES.format(column='workspace_id')} AND item_id IN (SELECT id FROM evidence_item)"
ASKS = f"({SYSTEM} OR asked_by::text = current_setting('jit.actor', true)) AND {SEEN}"


def upgrade() -> None:
    """Make the tables, whose rows hide with their exhibit; what was found only the server says."""
    _table(
        OPENING,
        sa.Column(
            "asked_by", sa.Uuid(), sa.ForeignKey("person.id", name=f"fk_{OPENING}_asked_by_person"), nullable=False
        ),
        sa.Column("asked_at", WHEN, nullable=False),
        may_add=ASKS,
    )
    _table(
        VERDICT,
        sa.Column("ok", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("findings", "server", "reference", "made_by")),
        sa.Column("made_at", WHEN, nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("key", "seal")),
        sa.Column("exhibits", sa.Integer(), nullable=False),
        sa.Column("checked_at", WHEN, nullable=False),
        sa.CheckConstraint("ok = (findings = '')", name=f"ck_{VERDICT}_findings"),
        sa.CheckConstraint("exhibits >= 0", name=f"ck_{VERDICT}_exhibits"),
    )
    package = sa.ForeignKey("evidence_item.id", name=f"fk_{ARRIVED}_package_id_evidence_item")
    _table(
        ARRIVED,
        sa.Column("package_id", sa.Uuid(), package, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("number", "agency", "registered_at")),
        sa.Column("arrived_at", WHEN, nullable=False),
        sa.UniqueConstraint("package_id", "number", name=f"uq_{ARRIVED}_package_id_number"),
    )


def _table(name: str, *more: sa.Column[object] | sa.Constraint, may_add: str = SYSTEM) -> None:
    op.create_table(
        name,
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        *more,
        sa.PrimaryKeyConstraint("item_id", name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["item_id"], ["evidence_item.id"], name=f"fk_{name}_item_id_evidence_item"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=f"fk_{name}_workspace_id_workspace"),
    )
    for statement in (
        f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY {name}_seen ON {name} FOR SELECT TO {APP_ROLE} USING ({SEEN})",
        f"CREATE POLICY {name}_added ON {name} FOR INSERT TO {APP_ROLE} WITH CHECK ({may_add})",
        f"CREATE POLICY {name}_owner ON {name} TO CURRENT_USER USING (true) WITH CHECK (true)",
        f"GRANT SELECT, INSERT ON {name} TO {APP_ROLE}",
    ):
        op.execute(statement)


def downgrade() -> None:
    """Take them away."""
    for name in (ARRIVED, VERDICT, OPENING):
        op.drop_table(name)
