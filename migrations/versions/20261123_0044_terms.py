"""Words by which exhibits are found, and what people keep as views of the register.

Revision 0044.
"""

from uuid import UUID

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql import JSONB

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES, protect
from jit_server.evidence.terms import terms

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

TABLE = "evidence_term"
BATCH = 1000


def upgrade() -> None:
    """Create both, and take the words of what is there."""
    op.create_table(
        TABLE,
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("term", sa.Text(collation="C"), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "term", name=f"pk_{TABLE}"),
        sa.ForeignKeyConstraint(["item_id"], ["evidence_item.id"], name=f"fk_{TABLE}_item_id_evidence_item"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=f"fk_{TABLE}_workspace_id_workspace"),
    )
    _fill()
    op.create_index(f"ix_{TABLE}_term", TABLE, ["workspace_id", "term", "item_id"])
    sees = (
        f"{SEES.format(column='workspace_id')} AND EXISTS (SELECT 1 FROM evidence_item i WHERE i.id = {TABLE}.item_id)"
    )
    for statement in (
        f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY {TABLE}_members ON {TABLE} TO {APP_ROLE} USING ({sees}) WITH CHECK ({sees})",
        f"CREATE POLICY {TABLE}_owner ON {TABLE} TO CURRENT_USER USING (true) WITH CHECK (true)",
        f"GRANT SELECT, INSERT ON {TABLE} TO {APP_ROLE}",
    ):
        op.execute(statement)
    op.create_index("ix_evidence_nature_kind", "evidence_nature", ["workspace_id", "kind", "item_id"])
    _views()


def _fill() -> None:
    if context.is_offline_mode():
        op.execute("-- here the words of every exhibit are added to evidence_term, a thousand exhibits at a time")
        return
    connection = op.get_bind()
    item = sa.table(
        "evidence_item",
        sa.column("id", sa.Uuid()),
        *(sa.column(name) for name in ("workspace_id", "title", "file_name", "state", "serial")),
    )
    made = sa.table(TABLE, sa.column("item_id"), sa.column("term"), sa.column("workspace_id"))
    place = UUID(int=0)
    while True:
        rows = connection.execute(sa.select(item).where(item.c.id > place).order_by(item.c.id).limit(BATCH)).all()
        if rows:
            new = [
                {"item_id": row.id, "term": term, "workspace_id": row.workspace_id}
                for row in rows
                for term in sorted(terms(row.title, row.file_name, f"{row.state} {row.serial:04}"))
            ]
            connection.execute(sa.insert(made), new)
        if len(rows) < BATCH:
            return
        place = rows[-1].id


def _views() -> None:
    op.create_table(
        "saved_view",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "workspace_id", "person_id")),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("filters", JSONB(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_saved_view"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_saved_view_workspace_id_workspace"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_saved_view_person_id_person"),
        sa.UniqueConstraint("person_id", "workspace_id", "place", "name", name="uq_saved_view_name"),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 80", name="ck_saved_view_name"),
        sa.CheckConstraint("place IN ('register','timeline')", name="ck_saved_view_place"),
        sa.CheckConstraint("octet_length(filters::text) <= 2000", name="ck_saved_view_filters"),
    )
    protect("saved_view", "SELECT, INSERT, DELETE")
    op.execute(
        "CREATE POLICY saved_view_own ON saved_view AS RESTRICTIVE TO jit_app"
        " USING (person_id::text = current_setting('jit.actor', true))"
    )


def downgrade() -> None:
    """Take both away."""
    op.drop_table("saved_view")
    op.drop_index("ix_evidence_nature_kind", "evidence_nature")
    op.drop_table(TABLE)
