"""Uploads in parts: what has arrived of each, and the pieces that an exhibit consists of.

Revision 0031.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES, protect

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)
SEALS = {
    "before": "seal = 'none' OR (seal = 'cobblestone-256' AND num_nulls(sha512, stored_sha256) = 0)",
    "now": "seal = 'none' OR (seal IN ('cobblestone-256','cobblestone-256/joined')"
    " AND num_nulls(sha512, stored_sha256) = 0)",
}
ONLY_INSIDE = (
    " AND (compartment_id IS NULL OR current_setting('jit.actor', true) = 'system'"
    " OR compartment_id IN (SELECT jit_compartments()))"
)
COMING = {"before": "u.beat_at > live", "now": "(u.beat_at > live OR u.expires_at > now())"}
KEPT = """
CREATE OR REPLACE FUNCTION jit_agency_evidence(live timestamptz) RETURNS TABLE (kept bigint, coming bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH mine AS (
    SELECT p.agency_id FROM public.person p
     WHERE p.id = CASE WHEN current_setting('jit.actor', true) ~ '^[0-9a-f-]{{36}}$'
                       THEN current_setting('jit.actor', true)::uuid END)
  SELECT (SELECT coalesce(sum(u.bytes), 0)::bigint FROM public.evidence_usage u JOIN mine USING (agency_id)),
         (SELECT coalesce(sum(u.size), 0)::bigint FROM public.upload u JOIN mine USING (agency_id)
           WHERE u.state = 'uploading' AND {coming})
$$
"""


def upgrade() -> None:
    """Add columns and tables. The app may say who appends and that a part is over; pieces are only added."""
    op.add_column("upload", sa.Column("vault_key", sa.Text(), nullable=True))
    op.add_column("upload", sa.Column("expires_at", WHEN, nullable=True))
    op.execute(f"GRANT UPDATE (vault_key, expires_at) ON upload TO {APP_ROLE}")
    _counted("now")
    op.create_table(
        "upload_part",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        *_of_workspace("upload_part"),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("partial", sa.Boolean(), nullable=False),
        sa.Column("made_at", WHEN, nullable=False),
        sa.Column("taken_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", WHEN, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_upload_part"),
        sa.ForeignKeyConstraint(["upload_id"], ["upload.id"], name="fk_upload_part_upload_id_upload"),
        sa.CheckConstraint("length > 0", name="ck_upload_part_length"),
    )
    op.create_index("ix_upload_part_upload", "upload_part", ["upload_id"])
    op.create_table(
        "upload_piece",
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("part_id", sa.Uuid(), nullable=False),
        *_piece("upload_piece"),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("object_id", name="pk_upload_piece"),
        sa.ForeignKeyConstraint(["part_id"], ["upload_part.id"], name="fk_upload_piece_part_id_upload_part"),
        sa.UniqueConstraint("part_id", "place", name="uq_upload_piece_part_id_place"),
        sa.CheckConstraint("place >= 0", name="ck_upload_piece_place"),
    )
    op.create_table(
        "evidence_piece",
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        *_piece("evidence_piece"),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "number", name="pk_evidence_piece"),
        sa.ForeignKeyConstraint(["item_id"], ["upload.id"], name="fk_evidence_piece_item_id_upload"),
        sa.UniqueConstraint("object_id", name="uq_evidence_piece_object_id"),
        sa.CheckConstraint("number >= 0", name="ck_evidence_piece_number"),
    )
    _inside("upload_part", "SELECT, INSERT, UPDATE (taken_by, ended_at)")
    _inside("upload_piece", "SELECT, INSERT")
    _inside("evidence_piece", "SELECT, INSERT")


def _of_workspace(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("compartment_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=f"fk_{table}_workspace_id_workspace"),
        sa.ForeignKeyConstraint(
            ["compartment_id", "workspace_id"], ["compartment.id", "compartment.workspace_id"],
            name=f"fk_{table}_compartment_id_compartment",
        ),
    ]  # fmt: skip


def _piece(table: str) -> list[sa.schema.SchemaItem]:
    return [
        *_of_workspace(table),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("stored_size", sa.BigInteger(), nullable=False),
        sa.Column("stored_sha256", sa.Text(), nullable=False),
        sa.CheckConstraint("size > 0 AND stored_size >= size", name=f"ck_{table}_size"),
        sa.CheckConstraint("stored_sha256 ~ '^[0-9a-f]{64}$'", name=f"ck_{table}_stored_sha256"),
    ]


def _inside(table: str, grants: str) -> None:
    """Rows of a compartment are seen by those inside it only, as its exhibits are."""
    protect(table, grants)
    sees = SEES.format(column="workspace_id") + ONLY_INSIDE
    op.execute(f"DROP POLICY {table}_members ON {table}")
    op.execute(f"CREATE POLICY {table}_members ON {table} TO {APP_ROLE} USING ({sees}) WITH CHECK ({sees})")


def _counted(when: str) -> None:
    """What waits half sent takes room; and exhibits may lie in several objects."""
    op.execute(sa.text(KEPT.format(coming=COMING[when]).replace(":", r"\:")))
    op.drop_constraint("ck_evidence_item_seal", "evidence_item", type_="check")
    op.create_check_constraint("ck_evidence_item_seal", "evidence_item", SEALS[when])


def downgrade() -> None:
    """Take all of it back; only a register without exhibits in several objects goes back whole."""
    for table in ("evidence_piece", "upload_piece", "upload_part"):
        op.drop_table(table)
    _counted("before")
    for name in ("expires_at", "vault_key"):
        op.drop_column("upload", name)
