"""Drafts of agreements, versions on their way into force, attested signatures, and parties that leave.

Revision 0012.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KINDS = "('agreement', 'members', 'leaving')"


def upgrade() -> None:
    """Add the columns and the drafts' table. What was signed stays as it is: the app may only mark where it stands."""
    _versions()
    _signatures()
    op.add_column("party", sa.Column("left_at", MOMENT, nullable=True))
    op.execute(f"GRANT UPDATE (left_at, signatory, party_class) ON party TO {APP_ROLE}")
    _drafts()


def _versions() -> None:
    op.add_column("agreement", sa.Column("kind", sa.String(), nullable=False, server_default="agreement"))
    op.alter_column("agreement", "kind", server_default=None)
    op.add_column("agreement", sa.Column("base_version", sa.Integer(), nullable=True))
    op.add_column("agreement", sa.Column("in_force_at", MOMENT, nullable=True))
    op.add_column("agreement", sa.Column("withdrawn_at", MOMENT, nullable=True))
    op.add_column("agreement", sa.Column("withdrawn_by", sa.Uuid(), nullable=True))
    op.create_foreign_key("fk_agreement_withdrawn_by_person", "agreement", "person", ["withdrawn_by"], ["id"])
    op.create_check_constraint(op.f("ck_agreement_kind"), "agreement", f"kind IN {KINDS}")
    op.create_check_constraint(op.f("ck_agreement_one_end"), "agreement", "in_force_at IS NULL OR withdrawn_at IS NULL")
    op.execute(
        "UPDATE agreement SET in_force_at = (SELECT min(made_at) FROM policy_version"
        " WHERE agreement_id = agreement.id AND cause = 'agreement')"
    )
    op.execute(
        "UPDATE agreement SET in_force_at = signed.at FROM (SELECT s.agreement_id, max(s.signed_at) AS at"
        " FROM agreement_signature s GROUP BY s.agreement_id) signed JOIN agreement a ON a.id = signed.agreement_id"
        " JOIN workspace w ON w.id = a.workspace_id"
        " WHERE agreement.id = signed.agreement_id AND agreement.in_force_at IS NULL AND w.phase <> 'proposed'"
    )
    op.execute(f"GRANT UPDATE (in_force_at, withdrawn_at, withdrawn_by) ON agreement TO {APP_ROLE}")


def _signatures() -> None:
    op.add_column("agreement_signature", sa.Column("agency_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE agreement_signature SET agency_id = party.agency_id FROM party"
        " WHERE party.id = agreement_signature.party_id"
    )
    op.alter_column("agreement_signature", "agency_id", nullable=False)
    op.create_foreign_key(
        "fk_agreement_signature_agency_id_agency", "agreement_signature", "agency", ["agency_id"], ["id"]
    )
    op.drop_constraint("uq_agreement_signature_agreement_id_party_id", "agreement_signature")
    op.drop_column("agreement_signature", "party_id")
    op.create_unique_constraint(
        "uq_agreement_signature_agreement_id_agency_id", "agreement_signature", ["agreement_id", "agency_id"]
    )
    op.add_column("agreement_signature", sa.Column("statement", JSONB(), nullable=True))
    op.add_column("agreement_signature", sa.Column("seal", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_agreement_signature_sealed"), "agreement_signature", "(statement IS NULL) = (seal IS NULL)"
    )


def _drafts() -> None:
    """A draft of a first agreement belongs to its author alone; one of an amendment to the workspace."""
    op.create_table(
        "agreement_draft",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=True),
        sa.Column("base_version", sa.Integer(), nullable=True),
        sa.Column("document", JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_agreement_draft"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_agreement_draft_workspace_id_workspace"),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name="fk_agreement_draft_created_by_person"),
        sa.ForeignKeyConstraint(["updated_by"], ["person.id"], name="fk_agreement_draft_updated_by_person"),
    )
    op.create_index(
        "uq_agreement_draft_live", "agreement_draft", ["workspace_id"], unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )  # fmt: skip
    op.create_index("ix_agreement_draft_created_by", "agreement_draft", ["created_by"])
    sees = SEES.format(column="workspace_id")
    mine = f"({sees} OR (workspace_id IS NULL AND created_by::text = current_setting('jit.actor', true)))"
    op.execute("ALTER TABLE agreement_draft ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE agreement_draft FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY agreement_draft_members ON agreement_draft TO {APP_ROLE} USING {mine} WITH CHECK {mine}")
    op.execute("CREATE POLICY agreement_draft_owner ON agreement_draft TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON agreement_draft TO {APP_ROLE}")


def downgrade() -> None:
    """Take them away. Signatures of parties that never joined go: an older server cannot hold them."""
    op.drop_table("agreement_draft")
    op.execute(f"REVOKE UPDATE (left_at, signatory, party_class) ON party FROM {APP_ROLE}")
    op.drop_column("party", "left_at")
    op.drop_constraint(op.f("ck_agreement_signature_sealed"), "agreement_signature")
    op.drop_column("agreement_signature", "seal")
    op.drop_column("agreement_signature", "statement")
    op.add_column("agreement_signature", sa.Column("party_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE agreement_signature SET party_id = party.id FROM party WHERE party.agency_id ="
        " agreement_signature.agency_id AND party.workspace_id = agreement_signature.workspace_id"
    )
    op.execute("DELETE FROM agreement_signature WHERE party_id IS NULL")
    op.alter_column("agreement_signature", "party_id", nullable=False)
    op.create_foreign_key("fk_agreement_signature_party_id_party", "agreement_signature", "party", ["party_id"], ["id"])
    op.drop_constraint("uq_agreement_signature_agreement_id_agency_id", "agreement_signature")
    op.drop_column("agreement_signature", "agency_id")
    op.create_unique_constraint(
        "uq_agreement_signature_agreement_id_party_id", "agreement_signature", ["agreement_id", "party_id"]
    )
    op.execute(f"REVOKE UPDATE (in_force_at, withdrawn_at, withdrawn_by) ON agreement FROM {APP_ROLE}")
    for column in ("withdrawn_by", "withdrawn_at", "in_force_at", "base_version", "kind"):
        op.drop_column("agreement", column)
