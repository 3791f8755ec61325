"""Trust anchors of the States, a party's own restrictions, and the history of a workspace's policy.

Revision 0009.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from jit_server.core.walls import grant, protect

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the three tables."""
    _anchors()
    _restrictions()
    _versions()
    grant("trust_anchor", "SELECT, INSERT, UPDATE")
    protect("party_rule", "SELECT, INSERT, UPDATE")
    protect("policy_version", "SELECT, INSERT")


def _anchors() -> None:
    op.create_table(
        "trust_anchor",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("entity_id", sa.String(255), nullable=False),
        sa.Column("jwks", JSONB(), nullable=False),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.Column("retired_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_trust_anchor"),
        sa.ForeignKeyConstraint(["state"], ["state.code"], name="fk_trust_anchor_state_state"),
    )
    live = sa.text("retired_at IS NULL")
    op.create_index("uq_trust_anchor_live", "trust_anchor", ["state", "entity_id"], unique=True, postgresql_where=live)


def _restrictions() -> None:
    op.create_table(
        "party_rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("clause_id", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("kinds", JSONB(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("applied_by", sa.Uuid(), nullable=True),
        sa.Column("applied_at", MOMENT, nullable=True),
        sa.Column("end_proposed_by", sa.Uuid(), nullable=True),
        sa.Column("end_proposed_at", MOMENT, nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_party_rule"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_party_rule_workspace_id_workspace"),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name="fk_party_rule_party_id_party"),
        *(
            sa.ForeignKeyConstraint([name], ["person.id"], name=f"fk_party_rule_{name}_person")
            for name in ("proposed_by", "applied_by", "end_proposed_by", "ended_by")
        ),
        sa.UniqueConstraint("workspace_id", "clause_id", name="uq_party_rule_workspace_id_clause_id"),
        sa.CheckConstraint("length(sentence) BETWEEN 1 AND 1000", name="ck_party_rule_sentence"),
        sa.CheckConstraint("ended_by IS NULL OR ended_by <> end_proposed_by", name="ck_party_rule_two_people"),
    )
    op.create_index("ix_party_rule_party_id", "party_rule", ["party_id"])


def _versions() -> None:
    op.create_table(
        "policy_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("party_rule_id", sa.Uuid(), nullable=True),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_policy_version"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_policy_version_workspace_id_workspace"),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreement.id"], name="fk_policy_version_agreement_id_agreement"),
        sa.ForeignKeyConstraint(
            ["party_rule_id"], ["party_rule.id"], name="fk_policy_version_party_rule_id_party_rule"
        ),
        sa.ForeignKeyConstraint(["made_by"], ["person.id"], name="fk_policy_version_made_by_person"),
        sa.UniqueConstraint("workspace_id", "version", name="uq_policy_version_workspace_id_version"),
        sa.CheckConstraint("cause IN ('agreement', 'narrowed', 'loosened')", name="ck_policy_version_cause"),
    )


def downgrade() -> None:
    """Take the tables away."""
    for table in ("policy_version", "party_rule", "trust_anchor"):
        op.drop_table(table)
