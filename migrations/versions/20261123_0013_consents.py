"""Consents: asks and answers, emergencies, acts of two people, what people undertake, and notices.

Revision 0013.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES, protect

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)
CONSENT = ("asked", "granted", "refused", "withdrawn", "lapsed", "revoked")
REVIEW = ("open", "confirmed", "objected")
APPROVAL = ("waiting", "approved", "rejected", "withdrawn", "lapsed")
NOTICE = ("glass_broken", "glass_reviewed", "answered", "membership_ends", "term_ends")
ATTESTATION = ("confidentiality", "training")


def _ids(*names: str, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, sa.Uuid(), nullable=nullable) for name in names]


def _texts(*names: str, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _of(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")


def _one_of(table: str, column: str, words: tuple[str, ...]) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} IN ({','.join(repr(word) for word in words)})", name=f"ck_{table}_{column}")


def _about(table: str) -> list[sa.schema.SchemaItem]:
    """Columns of a row about a thing: what it is, whose, how marked, and in which compartment."""
    return [
        *_ids("id", "workspace_id", "party_id", "subject_id"),
        *_texts("subject_kind"),
        sa.Column("handling", sa.String(), nullable=False),
        *_ids("compartment_id", nullable=True),
        sa.Column("actions", ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        _of(table, "workspace_id", "workspace"),
        _of(table, "party_id", "party"),
        sa.ForeignKeyConstraint(
            ["compartment_id", "workspace_id"],
            ["compartment.id", "compartment.workspace_id"],
            name=f"fk_{table}_compartment_id_compartment",
        ),
        sa.CheckConstraint("handling IN ('H0','H1','H2','H3')", name=f"ck_{table}_handling"),
        sa.CheckConstraint("cardinality(actions) > 0", name=f"ck_{table}_actions"),
    ]


def _hide_compartments(table: str) -> None:
    """Rows in a compartment are for the compartment's parties: the second wall, as on the things themselves."""
    sees = SEES.format(column="workspace_id") + (
        " AND (compartment_id IS NULL OR current_setting('jit.actor', true) = 'system'"
        " OR compartment_id IN (SELECT jit_compartments()))"
    )
    op.execute(f"DROP POLICY {table}_members ON {table}")
    op.execute(f"CREATE POLICY {table}_members ON {table} TO {APP_ROLE} USING ({sees}) WITH CHECK ({sees})")


def upgrade() -> None:
    """Create the tables. The app may answer an ask; it may not alter what was asked."""
    op.create_table(
        "consent",
        *_about("consent"),
        *_ids("asked_by", "asked_party"),
        *_texts("purpose_code", "purpose_text"),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("asked_at", WHEN, nullable=False),
        sa.Column("due_at", WHEN, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        *_ids("decided_by", nullable=True),
        sa.Column("decided_at", WHEN, nullable=True),
        *_texts("reason", "clause_id", "granted_to", nullable=True),
        sa.Column("granted_actions", ARRAY(sa.Text()), nullable=True),
        sa.Column("expires_at", WHEN, nullable=True),
        _of("consent", "asked_by", "person"),
        _of("consent", "asked_party", "party"),
        _of("consent", "decided_by", "person"),
        _one_of("consent", "state", CONSENT),
        sa.CheckConstraint("granted_to IN ('person','party')", name="ck_consent_granted_to"),
        sa.CheckConstraint("days BETWEEN 1 AND 366", name="ck_consent_days"),
        sa.CheckConstraint("due_at > asked_at", name="ck_consent_due"),
        sa.CheckConstraint("party_id <> asked_party", name="ck_consent_of_another"),
    )
    op.create_index("ix_consent_workspace_id_state", "consent", ["workspace_id", "state"])
    op.create_index(
        "uq_consent_open",
        "consent",
        ["asked_by", "subject_id"],
        unique=True,
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_table(
        "break_glass",
        *_about("break_glass"),
        *_ids("opened_by", "opened_party"),
        *_texts("reason_code", "reason_text"),
        sa.Column("opened_at", WHEN, nullable=False),
        sa.Column("expires_at", WHEN, nullable=False),
        sa.Column("review", sa.String(), nullable=False),
        *_ids("reviewed_by", nullable=True),
        sa.Column("reviewed_at", WHEN, nullable=True),
        *_texts("review_text", nullable=True),
        _of("break_glass", "opened_by", "person"),
        _of("break_glass", "opened_party", "party"),
        _of("break_glass", "reviewed_by", "person"),
        _one_of("break_glass", "review", REVIEW),
        sa.CheckConstraint("expires_at <= opened_at + interval '60 minutes'", name="ck_break_glass_short"),
        sa.CheckConstraint("party_id <> opened_party", name="ck_break_glass_of_another"),
    )
    op.create_index("ix_break_glass_workspace_id", "break_glass", ["workspace_id"])
    op.create_table(
        "approval",
        *_ids("id", "workspace_id", "subject_id", "proposed_by", "proposed_party"),
        *_texts("kind", "subject_kind", "digest", "reason"),
        sa.Column("payload", JSONB(), nullable=False),
        sa.Column("proposed_at", WHEN, nullable=False),
        sa.Column("expires_at", WHEN, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        *_ids("decided_by", nullable=True),
        sa.Column("decided_at", WHEN, nullable=True),
        *_texts("decision", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_approval"),
        _of("approval", "workspace_id", "workspace"),
        _of("approval", "proposed_by", "person"),
        _of("approval", "proposed_party", "party"),
        _of("approval", "decided_by", "person"),
        _one_of("approval", "state", APPROVAL),
        sa.CheckConstraint("state <> 'approved' OR decided_by <> proposed_by", name="ck_approval_two_people"),
        sa.CheckConstraint("expires_at > proposed_at", name="ck_approval_ends"),
    )
    op.create_index("ix_approval_workspace_id_state", "approval", ["workspace_id", "state"])
    op.create_index(
        "uq_approval_waiting",
        "approval",
        ["workspace_id", "kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "attestation",
        *_ids("id", "workspace_id", "person_id"),
        sa.Column("kind", sa.String(), nullable=False),
        *_texts("version"),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("ends_at", WHEN, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_attestation"),
        _of("attestation", "workspace_id", "workspace"),
        _of("attestation", "person_id", "person"),
        sa.UniqueConstraint("workspace_id", "person_id", "kind", "version", name="uq_attestation_once"),
        _one_of("attestation", "kind", ATTESTATION),
        sa.CheckConstraint("kind <> 'confidentiality' OR ends_at IS NULL", name="ck_attestation_outlives_membership"),
    )
    op.create_table(
        "notice",
        *_ids("id", "workspace_id", "person_id", "subject_id"),
        sa.Column("kind", sa.String(), nullable=False),
        *_texts("subject_kind", "mark"),
        sa.Column("made_at", WHEN, nullable=False),
        sa.Column("ends_at", WHEN, nullable=True),
        sa.Column("seen_at", WHEN, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        _of("notice", "workspace_id", "workspace"),
        _of("notice", "person_id", "person"),
        sa.UniqueConstraint("person_id", "kind", "subject_id", "mark", name="uq_notice_once"),
        _one_of("notice", "kind", NOTICE),
    )
    op.create_index("ix_notice_unseen", "notice", ["person_id"], postgresql_where=sa.text("seen_at IS NULL"))
    answer = "state, decided_by, decided_at, reason, clause_id, granted_to, granted_actions, expires_at"
    protect("consent", f"SELECT, INSERT, UPDATE ({answer})")
    protect("break_glass", "SELECT, INSERT, UPDATE (review, reviewed_by, reviewed_at, review_text)")
    protect("approval", "SELECT, INSERT, UPDATE (state, decided_by, decided_at, decision)")
    protect("attestation", "SELECT, INSERT")
    protect("notice", "SELECT, INSERT, UPDATE (seen_at)")
    for table in ("consent", "break_glass"):
        _hide_compartments(table)


def downgrade() -> None:
    """Drop the tables."""
    for table in ("notice", "attestation", "approval", "break_glass", "consent"):
        op.drop_table(table)
