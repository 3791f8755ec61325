"""Whether a row may be seen is asked of the exhibit it is about, not of all exhibits.

`item_id IN (SELECT id FROM evidence_item)` reads every exhibit that one may see before it looks at one row: 70 ms at
100,000, at each read and at each row that is added. `EXISTS` says the same and is answered by the primary key.

Revision 0043.
"""

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

_WHOLE = r"\((\w+) IN \( SELECT \w+\.id\s+FROM (\w+)\)\)"
_BY_ROW = r"\(EXISTS \( SELECT 1\s+FROM (\w+) seen\s+WHERE \(seen\.id = \w+\.(\w+)\)\)\)"
_CHANGE = """
    DO $do$
    DECLARE one record; shown text; taken text;
    BEGIN
      FOR one IN SELECT tablename, policyname, qual, with_check FROM pg_policies
                  WHERE schemaname = 'public' AND concat(qual, with_check) ~ '{found}'
      LOOP
        shown := regexp_replace(one.qual, '{found}', format('{becomes}', one.tablename), 'g');
        taken := regexp_replace(one.with_check, '{found}', format('{becomes}', one.tablename), 'g');
        EXECUTE format('ALTER POLICY %I ON %I', one.policyname, one.tablename)
             || coalesce(' USING (' || shown || ')', '') || coalesce(' WITH CHECK (' || taken || ')', '');
      END LOOP;
    END $do$
"""


def upgrade() -> None:
    """Ask by row."""
    op.execute(_CHANGE.format(found=_WHOLE, becomes=r"(EXISTS (SELECT 1 FROM \2 seen WHERE seen.id = %1$I.\1))"))


def downgrade() -> None:
    """Ask for all."""
    op.execute(_CHANGE.format(found=_BY_ROW, becomes=r"(\2 IN (SELECT id FROM \1))"))
