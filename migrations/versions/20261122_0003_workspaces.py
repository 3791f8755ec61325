"""Workspaces: agreements, parties, members, compiled clauses, and the view `standing`.

Revision 0003.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from jit_server.core.walls import protect

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PHASES = (
    "proposed", "agreement_signed", "provisioning", "operational", "suspended", "expiring", "post_operational",
    "evaluating", "evaluated", "not_evaluated", "purging", "closed", "log_expired",
)  # fmt: skip
CLASSES = ("ms_authority", "eppo", "eu_body", "third_country", "intl_judicial_authority", "secretariat")
ROLES = ("leader", "member", "seconded_member", "participant", "observer", "space_admin", "auditor")


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(word) for word in words)})"


def upgrade() -> None:
    """Create the room's tables, then the view and the function on which both walls stand."""
    when = sa.DateTime(timezone=True)
    op.create_table(
        "workspace",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("default_handling", sa.String(), nullable=False),
        sa.Column("retention_profile", sa.String(), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", when, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workspace"),
        sa.UniqueConstraint("reference", name="uq_workspace_reference"),
        sa.CheckConstraint(_one_of("phase", PHASES), name="ck_workspace_phase"),
        sa.CheckConstraint("default_handling IN ('H0','H1','H2','H3')", name="ck_workspace_default_handling"),
        sa.CheckConstraint("retention_profile IN ('transit','repository')", name="ck_workspace_retention_profile"),
        sa.CheckConstraint("period_to >= period_from", name="ck_workspace_period"),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 200", name="ck_workspace_name"),
    )
    op.create_table(
        "party",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("party_class", sa.String(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("signatory", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_party"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_party_workspace_id_workspace"),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_party_agency_id_agency"),
        sa.UniqueConstraint("workspace_id", "agency_id", name="uq_party_workspace_id_agency_id"),
        sa.CheckConstraint(_one_of("party_class", CLASSES), name="ck_party_party_class"),
    )
    op.create_table(
        "agreement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", when, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agreement"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_agreement_workspace_id_workspace"),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name="fk_agreement_created_by_person"),
        sa.UniqueConstraint("workspace_id", "version", name="uq_agreement_workspace_id_version"),
    )
    op.create_table(
        "agreement_signature",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("signed_at", when, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agreement_signature"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name="fk_agreement_signature_workspace_id_workspace"
        ),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreement.id"], name="fk_agreement_signature_agreement_id_agreement"
        ),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name="fk_agreement_signature_party_id_party"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_agreement_signature_person_id_person"),
        sa.UniqueConstraint("agreement_id", "party_id", name="uq_agreement_signature_agreement_id_party_id"),
    )
    op.create_table(
        "policy_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("clause_id", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("rule", JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_policy_line"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_policy_line_workspace_id_workspace"),
        sa.UniqueConstraint(
            "workspace_id", "policy_version", "clause_id", name="uq_policy_line_workspace_id_policy_version_clause_id"
        ),
        sa.CheckConstraint("effect IN ('allow','deny')", name="ck_policy_line_effect"),
    )
    op.create_table(
        "member",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("since", when, nullable=False),
        sa.Column("expires_at", when, nullable=True),
        sa.Column("ended_at", when, nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_member"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_member_workspace_id_workspace"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_member_person_id_person"),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name="fk_member_party_id_party"),
        sa.UniqueConstraint("workspace_id", "person_id", name="uq_member_workspace_id_person_id"),
        sa.CheckConstraint(_one_of("role", ROLES), name="ck_member_role"),
        sa.CheckConstraint("status IN ('invited','active','suspended','removed')", name="ck_member_status"),
    )
    op.create_index("ix_member_person_id", "member", ["person_id"])
    op.execute(
        "CREATE VIEW standing AS SELECT m.workspace_id, m.id AS member_id, m.person_id, m.role, m.party_id, p.party_class,"
        " w.phase, w.epoch, w.policy_version, w.default_handling"
        " FROM member m JOIN workspace w ON w.id = m.workspace_id JOIN party p ON p.id = m.party_id"
        " JOIN person h ON h.id = m.person_id"
        " WHERE m.status = 'active' AND (m.expires_at IS NULL OR m.expires_at > now()) AND h.disabled_at IS NULL"
    )
    op.execute("GRANT SELECT ON standing TO jit_app")
    op.execute(
        "CREATE FUNCTION jit_workspaces() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS"
        " $$ SELECT workspace_id FROM member WHERE status = 'active' AND (expires_at IS NULL OR expires_at > now())"
        " AND person_id = CASE WHEN current_setting('jit.actor', true) ~ '^[0-9a-f-]{36}$'"
        " THEN current_setting('jit.actor', true)::uuid END $$"
    )
    op.execute("REVOKE ALL ON FUNCTION jit_workspaces() FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION jit_workspaces() TO jit_app")
    protect("workspace", "SELECT, INSERT, UPDATE", column="id")
    protect("party", "SELECT, INSERT")
    protect("agreement", "SELECT, INSERT")
    protect("agreement_signature", "SELECT, INSERT")
    protect("policy_line", "SELECT, INSERT")
    protect("member", "SELECT, INSERT, UPDATE")


def downgrade() -> None:
    """Drop the room's tables, the view and the function."""
    op.execute("DROP VIEW standing")
    for table in ("member", "policy_line", "agreement_signature", "agreement", "party", "workspace"):
        op.execute(f"DROP TABLE {table} CASCADE")
    op.execute("DROP FUNCTION jit_workspaces()")
