"""Erasure: orders that no hold stands against, and the server's receipts; both are only added.

Revision 0034.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES, protect

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)
ORDERS, RECEIPTS = "erasure", "erasure_receipt"
# A hold stands against every order, whoever gives it. What is erased is not read again by the scrub, and what is removed
# takes no room any more.
FUNCTIONS = {
    "erasure_not_held": """
        IF EXISTS (SELECT FROM custody_act h WHERE h.item_id = NEW.item_id AND h.verb = 'hold'
                   AND NOT EXISTS (SELECT FROM custody_act l WHERE l.answers = h.id)) THEN
          RAISE EXCEPTION 'a hold is in force' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;""",
    "erasure_follows": """
        DELETE FROM stored_check WHERE item_id = NEW.item_id AND workspace_id = NEW.workspace_id;
        RETURN NULL;""",
    "erasure_receipt_follows": """
        IF NEW.stage = 'removed' THEN
          DELETE FROM evidence_usage u USING evidence_item i WHERE i.id = NEW.item_id
             AND u.workspace_id = i.workspace_id AND u.agency_id = i.agency_id AND u.bytes <= i.size;
          UPDATE evidence_usage u SET bytes = u.bytes - i.size FROM evidence_item i WHERE i.id = NEW.item_id
             AND u.workspace_id = i.workspace_id AND u.agency_id = i.agency_id;
        END IF;
        RETURN NULL;""",
}
TRIGGERS = {"erasure_not_held": ("BEFORE", ORDERS), "erasure_follows": ("AFTER", ORDERS),
            "erasure_receipt_follows": ("AFTER", RECEIPTS)}  # fmt: skip


def upgrade() -> None:
    """Make both tables, whose rows hide with their exhibit, and what follows from a row."""
    op.create_table(
        ORDERS,
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "workspace_id", "item_id")),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ordered_by", sa.Uuid(), nullable=True),
        sa.Column("ordered_at", WHEN, nullable=False),
        *_common(ORDERS, {"ordered_by": "person"}),
        sa.UniqueConstraint("item_id", name="uq_erasure_item_id"),
        sa.CheckConstraint("cause IN ('taken','age','purging','two_people')", name="ck_erasure_cause"),
        sa.CheckConstraint("(cause = 'two_people') = (ordered_by IS NOT NULL)", name="ck_erasure_ordered_by"),
        sa.CheckConstraint("length(reason) <= 1000", name="ck_erasure_reason"),
    )
    op.create_table(
        RECEIPTS,
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "workspace_id", "item_id")),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("made_at", WHEN, nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        *_common(RECEIPTS, {}),
        sa.UniqueConstraint("item_id", "stage", name="uq_erasure_receipt_item_id_stage"),
        sa.CheckConstraint("stage IN ('unreadable','removed')", name="ck_erasure_receipt_stage"),
        sa.CheckConstraint("octet_length(signature) = 64", name="ck_erasure_receipt_signature"),
        sa.CheckConstraint("length(statement) BETWEEN 2 AND 10000", name="ck_erasure_receipt_statement"),
    )
    for table in (ORDERS, RECEIPTS):
        _wall(table)
    for name, body in FUNCTIONS.items():
        _follow(name, body)


def _common(table: str, more: dict[str, str]) -> list[sa.Constraint]:
    named = {"workspace_id": "workspace", "item_id": "evidence_item"} | more
    keys = (
        sa.ForeignKeyConstraint([one], [f"{other}.id"], name=f"fk_{table}_{one}_{other}")
        for one, other in named.items()
    )
    return [sa.PrimaryKeyConstraint("id", name=f"pk_{table}"), *keys]


def _wall(table: str) -> None:
    protect(table, "SELECT, INSERT")
    sees = f"{SEES.format(column='workspace_id')} AND item_id IN (SELECT id FROM evidence_item)"
    op.execute(f"DROP POLICY {table}_members ON {table}")
    op.execute(f"CREATE POLICY {table}_members ON {table} TO {APP_ROLE} USING ({sees}) WITH CHECK ({sees})")


def _follow(name: str, body: str) -> None:
    when, table = TRIGGERS[name]
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        f" SET search_path = public, pg_temp AS $$ BEGIN {body} END $$"
    )
    op.execute(f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC")
    op.execute(f"CREATE TRIGGER {name} {when} INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    """Take it away; what was erased stays so."""
    for table in (RECEIPTS, ORDERS):
        op.drop_table(table)
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
