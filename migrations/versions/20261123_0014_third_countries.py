"""Third countries and markings: quarantine, releases, markings that are only ever added, purposes lately stated.

Revision 0014.
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.database import APP_ROLE
from jit_server.core.walls import SEES, protect

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)
DECLARED = ("upload", "evidence_item")
MARKS = {
    "source_reliability": "source_reliability IN ('A','B','C','X')",
    "information_accuracy": "information_accuracy IN ('1','2','3','4')",
    "conditions_text": "length(conditions_text) BETWEEN 1 AND 2000",
}
CODE = "length(scheme) BETWEEN 1 AND 20 AND length(code) BETWEEN 1 AND 40"
OF_ACTOR = (
    " FROM member WHERE status = 'active' AND (expires_at IS NULL OR expires_at > now())"
    " AND person_id = CASE WHEN current_setting('jit.actor', true) ~ '^[0-9a-f-]{36}$'"
    " THEN current_setting('jit.actor', true)::uuid END"
)
FUNCTIONS = {
    "jit_parties": f"SELECT party_id{OF_ACTOR}",
    "jit_administers": f"SELECT workspace_id{OF_ACTOR} AND role = 'space_admin'",
}
# The only way in which an exhibit's marking or gate changes: as the owner, from a row that was added. The app's role has
# no UPDATE on exhibits, and a row of another party, or a second decision, changes nothing and is refused.
TRIGGERS = {
    "marking": """
        UPDATE upload SET handling = NEW.handling, scheme = NEW.scheme, code = NEW.code,
               source_reliability = NEW.source_reliability, information_accuracy = NEW.information_accuracy,
               conditions_text = NEW.conditions_text WHERE id = NEW.item_id;
        UPDATE evidence_item SET handling = NEW.handling, scheme = NEW.scheme, code = NEW.code,
               source_reliability = NEW.source_reliability, information_accuracy = NEW.information_accuracy,
               conditions_text = NEW.conditions_text
         WHERE id = NEW.item_id AND workspace_id = NEW.workspace_id AND party_id = NEW.party_id;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'only the originator marks an exhibit' USING ERRCODE = 'check_violation';
        END IF;""",
    "inbound_decision": """
        UPDATE upload SET gate = NEW.gate WHERE id = NEW.item_id;
        UPDATE evidence_item SET gate = NEW.gate
         WHERE id = NEW.item_id AND workspace_id = NEW.workspace_id AND gate = 'pending';
        IF NOT FOUND THEN
          RAISE EXCEPTION 'nothing in quarantine' USING ERRCODE = 'check_violation';
        END IF;""",
}


def _fk(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")


def _id(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _of_items(table: str, grants: str) -> None:
    """Protect a table about exhibits: besides the workspace, its rows hide with the exhibit they are about."""
    protect(table, grants)
    sees = f"{SEES.format(column='workspace_id')} AND item_id IN (SELECT id FROM evidence_item)"
    op.execute(f"DROP POLICY {table}_members ON {table}")
    op.execute(f"CREATE POLICY {table}_members ON {table} TO {APP_ROLE} USING ({sees}) WITH CHECK ({sees})")


def _declared_columns() -> None:
    op.add_column("upload", sa.Column("gate", sa.String(), nullable=False, server_default="open"))
    op.create_check_constraint("ck_upload_gate", "upload", "gate IN ('open','pending','refused')")
    for table in DECLARED:
        op.add_column(table, sa.Column("scheme", sa.Text(), nullable=False, server_default="SIENA"))
        op.add_column(table, _text("code", nullable=True))
        op.execute(f"UPDATE {table} SET code = handling")
        op.alter_column(table, "code", nullable=False)
        op.create_check_constraint(f"ck_{table}_code", table, CODE)
        for name, rule in MARKS.items():
            op.add_column(table, _text(name, nullable=True))
            op.create_check_constraint(f"ck_{table}_{name}", table, rule)


def _quarantine_wall() -> None:
    """What waits is seen by who supplied it and by who verifies it, also when the policy were to fail."""
    for name, body in FUNCTIONS.items():
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER"
            f" SET search_path = public, pg_temp AS $$ {body} $$"
        )
        op.execute(f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name}() TO {APP_ROLE}")
    for table in DECLARED:
        op.execute(
            f"CREATE POLICY {table}_gate ON {table} AS RESTRICTIVE TO {APP_ROLE} USING (gate = 'open'"
            " OR current_setting('jit.actor', true) = 'system' OR party_id IN (SELECT jit_parties())"
            " OR workspace_id IN (SELECT jit_administers()))"
        )


def _follow(table: str, body: str) -> None:
    op.execute(
        f"CREATE FUNCTION {table}_follows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        f" SET search_path = public, pg_temp AS $$ BEGIN {body} RETURN NULL; END $$"
    )
    op.execute(f"REVOKE ALL ON FUNCTION {table}_follows() FROM PUBLIC")
    op.execute(
        f"CREATE TRIGGER {table}_follows AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_follows()"
    )


def _markings() -> None:
    op.create_table(
        "marking",
        *(_id(name) for name in ("id", "workspace_id", "item_id", "party_id", "set_by")),
        *(_text(name) for name in ("handling", "scheme", "code", "reason")),
        *(_text(name, nullable=True) for name in MARKS),
        sa.Column("set_at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_marking"),
        _fk("marking", "workspace_id", "workspace"),
        _fk("marking", "item_id", "evidence_item"),
        _fk("marking", "party_id", "party"),
        _fk("marking", "set_by", "person"),
        sa.CheckConstraint("handling IN ('H0','H1','H2','H3')", name="ck_marking_handling"),
        sa.CheckConstraint("length(reason) <= 1000", name="ck_marking_reason"),
        *(sa.CheckConstraint(rule, name=f"ck_marking_{name}") for name, rule in MARKS.items()),
    )
    op.create_index("ix_marking_item_id", "marking", ["item_id"])
    op.create_table(
        "inbound_decision",
        *(_id(name) for name in ("id", "workspace_id", "item_id", "decided_by")),
        sa.Column("gate", sa.String(), nullable=False),
        _text("reason"),
        sa.Column("decided_at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inbound_decision"),
        _fk("inbound_decision", "workspace_id", "workspace"),
        _fk("inbound_decision", "item_id", "evidence_item"),
        _fk("inbound_decision", "decided_by", "person"),
        sa.UniqueConstraint("item_id", name="uq_inbound_decision_item_id"),
        sa.CheckConstraint("gate IN ('open','refused')", name="ck_inbound_decision_gate"),
        sa.CheckConstraint("length(reason) BETWEEN 3 AND 1000", name="ck_inbound_decision_reason"),
    )
    for table, body in TRIGGERS.items():
        _of_items(table, "SELECT, INSERT")
        _follow(table, body)


def _releases() -> None:
    op.create_table(
        "release_check",
        *(_id(name) for name in ("id", "workspace_id", "item_id", "party_id", "made_by")),
        sa.Column("necessary", sa.Boolean(), nullable=False),
        sa.Column("compliant", sa.Boolean(), nullable=False),
        _text("reason"),
        sa.Column("made_at", WHEN, nullable=False),
        sa.Column("expires_at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_release_check"),
        _fk("release_check", "workspace_id", "workspace"),
        _fk("release_check", "item_id", "evidence_item"),
        _fk("release_check", "party_id", "party"),
        _fk("release_check", "made_by", "person"),
        sa.CheckConstraint("necessary AND compliant", name="ck_release_check_asserted"),
        sa.CheckConstraint("expires_at > made_at", name="ck_release_check_ends"),
        sa.CheckConstraint("length(reason) BETWEEN 3 AND 1000", name="ck_release_check_reason"),
    )
    op.create_index("ix_release_check_item_id", "release_check", ["item_id"])
    op.create_table(
        "release_recipient",
        *(_id(name) for name in ("id", "workspace_id", "check_id", "item_id", "party_id")),
        _id("compartment_id", nullable=True),
        _id("decided_by", nullable=True),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("gate", sa.String(), nullable=False),
        _text("article"),
        _text("document"),
        _text("decision_reason", nullable=True),
        sa.Column("decided_at", WHEN, nullable=True),
        sa.Column("withdrawn_at", WHEN, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_release_recipient"),
        _fk("release_recipient", "workspace_id", "workspace"),
        _fk("release_recipient", "check_id", "release_check"),
        _fk("release_recipient", "item_id", "evidence_item"),
        _fk("release_recipient", "party_id", "party"),
        _fk("release_recipient", "decided_by", "person"),
        sa.UniqueConstraint("check_id", "party_id", name="uq_release_recipient_check_id_party_id"),
        sa.CheckConstraint("gate IN ('open','pending','refused')", name="ck_release_recipient_gate"),
        sa.CheckConstraint("basis IN ('adequacy','safeguards','derogation')", name="ck_release_recipient_basis"),
        sa.CheckConstraint("length(article) BETWEEN 1 AND 200", name="ck_release_recipient_article"),
        sa.CheckConstraint("length(document) BETWEEN 1 AND 200", name="ck_release_recipient_document"),
    )
    op.create_index("ix_release_recipient_item_id", "release_recipient", ["item_id"])
    _of_items("release_check", "SELECT, INSERT")
    decided = "gate, decided_by, decided_at, decision_reason, withdrawn_at"
    _of_items("release_recipient", f"SELECT, INSERT, UPDATE ({decided})")


def _purposes() -> None:
    op.create_table(
        "stated_purpose",
        *(_id(name) for name in ("session_id", "subject_id", "workspace_id")),
        *(_text(name) for name in ("code", "text")),
        sa.Column("acknowledged", sa.Boolean(), nullable=False),
        sa.Column("stated_at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("session_id", "subject_id", name="pk_stated_purpose"),
        _fk("stated_purpose", "workspace_id", "workspace"),
    )
    protect("stated_purpose", "SELECT, INSERT, UPDATE (code, text, acknowledged, stated_at), DELETE")


def upgrade() -> None:
    """Create tables and columns, the wall round the quarantine, and the triggers by which exhibits follow."""
    _declared_columns()
    _quarantine_wall()
    _markings()
    _releases()
    _purposes()


def downgrade() -> None:
    """Back to exhibits with one fixed SIENA code."""
    for table in ("stated_purpose", "release_recipient", "release_check", "inbound_decision", "marking"):
        op.drop_table(table)
    for table in TRIGGERS:
        op.execute(f"DROP FUNCTION {table}_follows()")
    for table in DECLARED:
        op.execute(f"DROP POLICY {table}_gate ON {table}")
        for name in ("scheme", "code", *MARKS):
            op.drop_column(table, name)
    op.drop_column("upload", "gate")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
