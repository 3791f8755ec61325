"""Access ground: compartments, the quarantine's gate, grants, and the second wall round compartments.

Revision 0007.
"""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES, protect

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSIDE = ("channel", "message", "message_change", "upload", "evidence_item")
"""Tables whose rows may lie in a compartment."""

# The projection learns of compartments; everything else in the function stays as it is.
COLUMNS = ("party_id, handling, actor_id", "party_id, handling, compartment_id, actor_id")
VALUES = (
    "content->'subject'->>'handling',",
    "content->'subject'->>'handling', (content->'subject'->>'compartment')::uuid,",
)


def _redefine_append(*, back: bool = False) -> None:
    text = _as_made().replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
    for old, new in (COLUMNS, VALUES):
        if text.count(old) != 1:
            raise RuntimeError(f"audit_append is not as this revision expects it: {old}")
        text = text if back else text.replace(old, new)
    op.execute(text)


def _as_made() -> str:
    """The function as revision 0004 makes it: read from there, so that a plan can be printed without a database."""
    made = spec_from_file_location("ground_of_the_log", Path(__file__).with_name("20261122_0004_audit.py"))
    if made is None or made.loader is None:
        raise RuntimeError("revision 0004 is missing")
    module = module_from_spec(made)
    made.loader.exec_module(module)
    return str(module.APPEND)


def _members(table: str, *, compartments: bool) -> None:
    """The policy of the app's role: rows of one's workspaces, and of these no other party's compartments."""
    sees = SEES.format(column="workspace_id")
    if compartments:
        sees += (
            " AND (compartment_id IS NULL OR current_setting('jit.actor', true) = 'system'"
            " OR compartment_id IN (SELECT jit_compartments()))"
        )
    op.execute(f"DROP POLICY {table}_members ON {table}")
    op.execute(f"CREATE POLICY {table}_members ON {table} TO {APP_ROLE} USING ({sees}) WITH CHECK ({sees})")


def upgrade() -> None:
    """Create the tables, the columns, and the function by which the second wall knows a person's compartments."""
    when = sa.DateTime(timezone=True)
    op.create_table(
        "compartment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", when, nullable=False),
        sa.Column("closed_at", when, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_compartment"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_compartment_workspace_id_workspace"),
        sa.UniqueConstraint("workspace_id", "key", name="uq_compartment_workspace_id_key"),
        sa.UniqueConstraint("id", "workspace_id", name="uq_compartment_id_workspace_id"),
    )
    op.create_table(
        "compartment_party",
        sa.Column("compartment_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("compartment_id", "party_id", name="pk_compartment_party"),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name="fk_compartment_party_party_id_party"),
        sa.ForeignKeyConstraint(
            ["compartment_id", "workspace_id"],
            ["compartment.id", "compartment.workspace_id"],
            name="fk_compartment_party_compartment_id_compartment",
        ),
    )
    op.create_index("ix_compartment_party_party_id", "compartment_party", ["party_id"])
    op.create_table(
        "access_grant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("actions", ARRAY(sa.Text()), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("clause_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("granted_by", sa.Uuid(), nullable=False),
        sa.Column("granted_at", when, nullable=False),
        sa.Column("expires_at", when, nullable=False),
        sa.Column("revoked_at", when, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_access_grant"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_access_grant_workspace_id_workspace"),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name="fk_access_grant_party_id_party"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_access_grant_person_id_person"),
        sa.ForeignKeyConstraint(["granted_by"], ["person.id"], name="fk_access_grant_granted_by_person"),
        sa.CheckConstraint("kind IN ('consent','outbound','break_glass')", name="ck_access_grant_kind"),
        sa.CheckConstraint("(party_id IS NULL) <> (person_id IS NULL)", name="ck_access_grant_one_grantee"),
        sa.CheckConstraint("expires_at > granted_at", name="ck_access_grant_ends"),
        sa.CheckConstraint("cardinality(actions) > 0", name="ck_access_grant_actions"),
    )
    op.create_index("ix_access_grant_workspace_id_subject_id", "access_grant", ["workspace_id", "subject_id"])
    op.execute(
        "CREATE FUNCTION jit_compartments() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER"
        " SET search_path = public, pg_temp AS"
        " $$ SELECT c.compartment_id FROM compartment_party c JOIN member m ON m.party_id = c.party_id"
        " WHERE m.status = 'active' AND (m.expires_at IS NULL OR m.expires_at > now())"
        " AND m.person_id = CASE WHEN current_setting('jit.actor', true) ~ '^[0-9a-f-]{36}$'"
        " THEN current_setting('jit.actor', true)::uuid END $$"
    )
    op.execute("REVOKE ALL ON FUNCTION jit_compartments() FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION jit_compartments() TO {APP_ROLE}")
    protect("compartment", "SELECT, INSERT, UPDATE")
    protect("compartment_party", "SELECT, INSERT, DELETE")
    protect("access_grant", "SELECT, INSERT, UPDATE")
    for table in INSIDE:
        op.add_column(table, sa.Column("compartment_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            f"fk_{table}_compartment_id_compartment",
            table,
            "compartment",
            ["compartment_id", "workspace_id"],
            ["id", "workspace_id"],
        )
        _members(table, compartments=True)
    # A name taken in a compartment must not show outside it, so names are unique in their place only.
    op.drop_index("uq_channel_workspace_id_name", "channel")
    op.create_index(
        "uq_channel_workspace_id_compartment_id_name",
        "channel",
        ["workspace_id", "compartment_id", "name"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.add_column("presence", sa.Column("typing_compartment", sa.Uuid(), nullable=True))
    op.add_column("evidence_item", sa.Column("gate", sa.String(), nullable=False, server_default="open"))
    op.create_check_constraint("ck_evidence_item_gate", "evidence_item", "gate IN ('open','pending','refused')")
    op.create_index(
        "ix_evidence_item_gated", "evidence_item", ["workspace_id"], postgresql_where=sa.text("gate <> 'open'")
    )
    op.add_column("audit_entry", sa.Column("compartment_id", sa.Uuid(), nullable=True))
    _redefine_append()


def downgrade() -> None:
    """Back to one space without compartments."""
    _redefine_append(back=True)
    op.drop_column("audit_entry", "compartment_id")
    op.drop_index("ix_evidence_item_gated", "evidence_item")
    op.drop_column("evidence_item", "gate")
    op.drop_column("presence", "typing_compartment")
    op.drop_index("uq_channel_workspace_id_compartment_id_name", "channel")
    op.create_index("uq_channel_workspace_id_name", "channel", ["workspace_id", "name"], unique=True)
    for table in INSIDE:
        _members(table, compartments=False)
        op.drop_column(table, "compartment_id")
    for table in ("access_grant", "compartment_party", "compartment"):
        op.drop_table(table)
    op.execute("DROP FUNCTION jit_compartments()")
