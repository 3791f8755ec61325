"""Keys of exhibits can be destroyed: who adds that fact loses the key in the same transaction, and for good.

Revision 0027.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES, protect

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

TABLE = "destroyed_key"
ONLY_INSIDE = (
    " AND (compartment_id IS NULL OR current_setting('jit.actor', true) = 'system'"
    " OR compartment_id IN (SELECT jit_compartments()))"
)
DESTROYS = """
CREATE FUNCTION destroyed_key_is_gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM evidence_item WHERE id = NEW.item_id AND workspace_id = NEW.workspace_id
                 AND compartment_id IS NOT DISTINCT FROM NEW.compartment_id
                 AND vault_key = NEW.workspace_id || '/' || NEW.object_id) THEN
    RAISE EXCEPTION 'this is not the key of that exhibit' USING ERRCODE = 'check_violation';
  END IF;
  DELETE FROM object_key WHERE object_id = NEW.object_id;
  RETURN NULL;
END $$
"""
STAYS_GONE = """
CREATE FUNCTION object_key_is_new() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$ BEGIN
  IF EXISTS (SELECT FROM destroyed_key WHERE object_id = NEW.object_id) THEN
    RAISE EXCEPTION 'the key of this object was destroyed' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    """Create the table. The app adds a row; the database destroys the key, and lets none come back in its place."""
    op.create_table(
        TABLE,
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("compartment_id", sa.Uuid(), nullable=True),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("object_id", name="pk_destroyed_key"),
        sa.ForeignKeyConstraint(["item_id"], ["evidence_item.id"], name="fk_destroyed_key_item_id_evidence_item"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_destroyed_key_workspace_id_workspace"),
        sa.ForeignKeyConstraint(
            ["compartment_id", "workspace_id"], ["compartment.id", "compartment.workspace_id"],
            name="fk_destroyed_key_compartment_id_compartment",
        ),
    )  # fmt: skip
    protect(TABLE, "SELECT, INSERT")
    sees = SEES.format(column="workspace_id") + ONLY_INSIDE
    op.execute(f"DROP POLICY {TABLE}_members ON {TABLE}")
    op.execute(f"CREATE POLICY {TABLE}_members ON {TABLE} TO {APP_ROLE} USING ({sees}) WITH CHECK ({sees})")
    for made, name, when, table in (
        (DESTROYS, "destroyed_key_is_gone", "AFTER INSERT", TABLE),
        (STAYS_GONE, "object_key_is_new", "BEFORE INSERT", "object_key"),
    ):
        op.execute(made)
        op.execute(f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC")
        op.execute(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    """Take it away; the keys that were destroyed stay so."""
    op.execute("DROP TRIGGER object_key_is_new ON object_key")
    op.execute("DROP FUNCTION object_key_is_new()")
    op.drop_table(TABLE)
    op.execute("DROP FUNCTION destroyed_key_is_gone()")
