"""Keys of uploads that were rejected for good can be destroyed too: their pieces may lie locked in the store.

Revision 0035.
"""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

TABLE = "destroyed_key"
BODY = """
CREATE OR REPLACE FUNCTION destroyed_key_is_gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM evidence_item WHERE id = NEW.item_id AND workspace_id = NEW.workspace_id
                 AND compartment_id IS NOT DISTINCT FROM NEW.compartment_id
                 AND vault_key = NEW.workspace_id || '/' || NEW.object_id){rejected} THEN
    RAISE EXCEPTION 'this is not the key of that exhibit' USING ERRCODE = 'check_violation';
  END IF;
  DELETE FROM object_key WHERE object_id = NEW.object_id;
  RETURN NULL;
END $$
"""
REJECTED = """
     AND NOT EXISTS (SELECT FROM upload WHERE id = NEW.item_id AND workspace_id = NEW.workspace_id
                     AND compartment_id IS NOT DISTINCT FROM NEW.compartment_id AND state = 'rejected'
                     AND vault_key = NEW.workspace_id || '/' || NEW.object_id)"""


def upgrade() -> None:
    """An exhibit bears its upload's id, so that the fact may name either."""
    op.drop_constraint("fk_destroyed_key_item_id_evidence_item", TABLE)
    op.create_foreign_key("fk_destroyed_key_item_id_upload", TABLE, "upload", ["item_id"], ["id"])
    op.execute(BODY.format(rejected=REJECTED))


def downgrade() -> None:
    """Only exhibits' keys again. Keys that were destroyed stay so; what says it of an upload that is no exhibit goes."""
    op.execute(BODY.format(rejected=""))
    op.drop_constraint("fk_destroyed_key_item_id_upload", TABLE)
    op.execute(f"DELETE FROM {TABLE} WHERE item_id NOT IN (SELECT id FROM evidence_item)")
    op.create_foreign_key("fk_destroyed_key_item_id_evidence_item", TABLE, "evidence_item", ["item_id"], ["id"])
