"""States, agencies, issuers, people, invitations, sign-ins under way and sessions.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from jit_server.core.walls import grant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ISO_3166 = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD
CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF
GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI
SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI
VN VU WF WS YE YT ZA ZM ZW XK
""".split()  # noqa: SIM905 - a column of codes reads better than 250 quoted ones
BODIES = {
    "EPPO": "European Public Prosecutor's Office",
    "EUROJUST": "Eurojust",
    "EUROPOL": "Europol",
    "OLAF": "European Anti-Fraud Office",
    "ICC": "International Criminal Court",
}
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the room's tables, each referring only to those before it."""
    _places()
    _people()
    _doors()
    for table, rights in {
        "state": "SELECT",
        "agency": "SELECT, INSERT, UPDATE",
        "issuer": "SELECT, INSERT, UPDATE",
        "person": "SELECT, INSERT, UPDATE",
        "invitation": "SELECT, INSERT, UPDATE",
        "login_transaction": "SELECT, INSERT, DELETE",
        "login_session": "SELECT, INSERT, UPDATE",
    }.items():
        grant(table, rights)


def _places() -> None:
    state = op.create_table(
        "state",
        sa.Column("code", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("name_key", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_state"),
        sa.CheckConstraint("kind IN ('state', 'body')", name=op.f("ck_state_kind")),
    )
    states = [{"code": code, "kind": "state", "name_key": code} for code in ISO_3166]
    bodies = [{"code": code, "kind": "body", "name_key": name} for code, name in BODIES.items()]
    op.bulk_insert(state, states + bodies)
    op.create_table(
        "agency",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("own_name", sa.String(120), nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("slug", sa.String(40), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("not_before", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agency"),
        sa.CheckConstraint("slug ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$'", name=op.f("ck_agency_slug")),
        sa.ForeignKeyConstraint(["state"], ["state.code"], name="fk_agency_state_state"),
        sa.UniqueConstraint("slug", name="uq_agency_slug"),
    )
    op.create_index("ix_agency_state", "agency", ["state"])
    op.create_table(
        "issuer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(255), nullable=False),
        sa.Column("client_id", sa.String(255), nullable=False),
        sa.Column("auth_method", sa.String(24), nullable=False),
        sa.Column("credential_file", sa.String(500), nullable=False),
        sa.Column("algorithms", sa.ARRAY(sa.String(8)), nullable=False),
        sa.Column("acr_accepted", sa.ARRAY(sa.String(255)), nullable=False),
        sa.Column("jwks_ttl", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("retired_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_issuer"),
        sa.CheckConstraint(
            "auth_method IN ('client_secret_basic', 'private_key_jwt')", name=op.f("ck_issuer_auth_method")
        ),
        sa.CheckConstraint(
            "cardinality(algorithms) > 0 AND algorithms <@ ARRAY['ES256', 'PS256', 'EdDSA', 'RS256']::varchar[]",
            name=op.f("ck_issuer_algorithms"),
        ),
        sa.CheckConstraint("jwks_ttl BETWEEN 60 AND 86400", name=op.f("ck_issuer_jwks_ttl")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_issuer_agency_id_agency"),
        sa.UniqueConstraint("url", name="uq_issuer_url"),
    )
    op.create_index(
        "uq_issuer_current", "issuer", ["agency_id"], unique=True, postgresql_where=sa.text("retired_at IS NULL")
    )


def _people() -> None:
    op.create_table(
        "person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("sub", sa.String(255), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("theme", sa.String(8), nullable=False),
        sa.Column("send_key", sa.String(12), nullable=False),
        sa.Column("shortcuts", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("disabled_at", MOMENT),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.CheckConstraint("theme IN ('auto', 'light', 'dark')", name=op.f("ck_person_theme")),
        sa.CheckConstraint("send_key IN ('enter', 'ctrl_enter')", name=op.f("ck_person_send_key")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name="fk_person_issuer_id_issuer"),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_person_agency_id_agency"),
    )
    op.create_index("uq_person_issuer_id_sub", "person", ["issuer_id", "sub"], unique=True)
    op.create_index("ix_person_agency_id", "person", ["agency_id"])
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("claim", sa.String(8), nullable=False),
        sa.Column("value", sa.String(255), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("accepted_by", sa.Uuid()),
        sa.Column("accepted_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_invitation"),
        sa.CheckConstraint("claim IN ('email', 'sub')", name=op.f("ck_invitation_claim")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_invitation_agency_id_agency"),
        sa.ForeignKeyConstraint(["accepted_by"], ["person.id"], name="fk_invitation_accepted_by_person"),
    )
    op.create_index(
        "ix_invitation_open",
        "invitation",
        ["agency_id", "claim", "value"],
        postgresql_where=sa.text("accepted_at IS NULL"),
    )


def _doors() -> None:
    op.create_table(
        "login_transaction",
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("verifier", sa.String(128), nullable=False),
        sa.Column("next_path", sa.String(2000), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name="pk_login_transaction"),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name="fk_login_transaction_issuer_id_issuer"),
    )
    op.create_index("ix_login_transaction_expires_at", "login_transaction", ["expires_at"])
    op.create_table(
        "login_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("sid", sa.String(255)),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("last_seen_at", MOMENT, nullable=False),
        sa.Column("auth_time", MOMENT),
        sa.Column("acr", sa.String(255)),
        sa.Column("agent_hash", sa.LargeBinary(), nullable=False),
        sa.Column("browser", sa.String(60), nullable=False),
        sa.Column("not_after", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_login_session"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_login_session_person_id_person"),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_login_session_agency_id_agency"),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name="fk_login_session_issuer_id_issuer"),
    )
    op.create_index("uq_login_session_token_hash", "login_session", ["token_hash"], unique=True)
    live = sa.text("ended_at IS NULL")
    op.create_index("ix_login_session_live", "login_session", ["person_id"], postgresql_where=live)
    op.create_index("ix_login_session_sid", "login_session", ["issuer_id", "sid"], postgresql_where=live)


def downgrade() -> None:
    """Take the room's tables away, those that refer to others first."""
    for table in ("login_session", "login_transaction", "invitation", "person", "issuer", "agency", "state"):
        op.drop_table(table)
