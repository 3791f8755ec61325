"""PROOFS 3.11: what the server refuses to start on. Every judgement has a case in which it refuses."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from jit_server.core import checks, clock, database, schema
from jit_server.core.checks import DatabaseFacts, Grade
from jit_server.core.settings import Settings
from jit_server.core.vault import VaultStatus

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SAFE = {
    "now": NOW,
    "role": "jit_app",
    "settings": {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"},
}


def refused(findings):
    return {finding.check for finding in findings if finding.grade is Grade.REFUSED}


def test_a_sound_database_is_not_refused():
    assert refused(checks.judge_database(DatabaseFacts(**SAFE), NOW)) == set()


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"settings": SAFE["settings"] | {"fsync": "off"}}, "database fsync"),
        ({"settings": SAFE["settings"] | {"full_page_writes": "off"}}, "database full_page_writes"),
        ({"settings": SAFE["settings"] | {"synchronous_commit": "off"}}, "database synchronous_commit"),
        ({"settings": SAFE["settings"] | {"synchronous_commit": "local"}}, "database synchronous_commit"),
        ({"settings": {}}, "database fsync"),
        ({"owned_tables": ("message",)}, "database role owns nothing"),
        ({"bypasses_security": True}, "database role is bound"),
        ({"open_tables": ("member",)}, "row-level security forced"),
        ({"changeable_tables": ("audit_entry",)}, "record is append-only"),
        ({"now": NOW + timedelta(seconds=2.1)}, "clock"),
        ({"now": NOW - timedelta(seconds=2.1)}, "clock"),
    ],
)
def test_an_unsafe_database_is_refused_by_name(change, check):
    findings = list(checks.judge_database(DatabaseFacts(**SAFE | change), NOW))
    assert check in refused(findings)
    assert all(finding.remedy for finding in findings if finding.grade is Grade.REFUSED)


def test_two_seconds_of_skew_are_tolerated():
    facts = DatabaseFacts(**SAFE | {"now": NOW + timedelta(seconds=2)})
    assert refused(checks.judge_database(facts, NOW)) == set()


def public(**change):
    return Settings(_env_file=None, base_url="https://jit.example", host="0.0.0.0", **change)


def test_settings_of_a_real_installation_hold(tmp_path):
    settings = public(data=tmp_path, database_url="postgresql://jit_app:q8Zr7bd0Zk2@db/jit")
    assert refused(checks.judge_settings(settings)) == set()


@pytest.mark.parametrize("password", ["postgres", "changeme", "jit", "PASSWORD", "jit_app", "minioadmin"])
def test_a_password_everybody_knows_is_refused(tmp_path, password):
    settings = public(data=tmp_path, database_url=f"postgresql://jit_app:{password}@db/jit")
    assert refused(checks.judge_settings(settings)) == {"secrets"}


def test_a_known_password_is_let_pass_on_loopback_only(tmp_path):
    settings = Settings(_env_file=None, data=tmp_path, database_url="postgresql://jit_app:postgres@127.0.0.1/jit")
    assert refused(checks.judge_settings(settings)) == set()


@pytest.mark.parametrize("secret", ["minioadmin", "", "app-key"])
def test_a_default_secret_of_the_vault_is_refused(tmp_path, secret):
    file = tmp_path / "secret"
    file.write_text(secret)
    file.chmod(0o600)
    settings = public(data=tmp_path, vault="s3", s3_access_key="app-key", s3_secret_key_file=file)
    assert refused(checks.judge_settings(settings)) == {"secrets"}


def test_debug_is_refused(tmp_path, monkeypatch):
    assert "debug" in refused(checks.judge_settings(public(data=tmp_path, debug=True)))
    monkeypatch.setenv("FLASK_DEBUG", "1")
    assert "debug" in refused(checks.judge_settings(public(data=tmp_path)))


def test_issuers_on_loopback_are_refused_in_public(tmp_path):
    assert refused(checks.judge_settings(public(data=tmp_path, oidc_allow_loopback=True))) == {"issuers on loopback"}
    at_home = Settings(_env_file=None, data=tmp_path, oidc_allow_loopback=True)
    assert refused(checks.judge_settings(at_home)) == set()


def test_a_wildcard_origin_is_refused(tmp_path):
    settings = Settings(_env_file=None, data=tmp_path, base_url="https://*.jit.example", host="0.0.0.0")
    assert "origin" in refused(checks.judge_settings(settings))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_that_others_can_read_is_refused(tmp_path, mode):
    key = tmp_path / "log.key"
    key.write_text("a key")
    key.chmod(mode)
    assert refused(checks.judge_settings(public(data=tmp_path, key_file=key))) == {"secret files"}
    key.chmod(0o600)
    assert refused(checks.judge_settings(public(data=tmp_path, key_file=key))) == set()


def test_plain_http_beyond_loopback_is_no_valid_setting():
    with pytest.raises(ValueError, match="loopback"):
        Settings(_env_file=None, base_url="http://jit.example", host="0.0.0.0")


def test_a_bucket_without_lock_is_refused_and_a_folder_is_labelled():
    unlocked = VaultStatus("s3", ready=True, worm=False, detail="no Object Lock")
    assert refused(checks.judge_vault(unlocked)) == {"vault is WORM"}
    folder = list(checks.judge_vault(VaultStatus("folder", ready=True, worm=False, detail="ok")))
    assert refused(folder) == set()
    assert any("NOT WORM" in finding.detail for finding in folder)
    silent = VaultStatus("s3", ready=False, worm=False, detail="no answer")
    assert "vault answers" in refused(checks.judge_vault(silent))


def test_the_house_the_tests_live_in_would_start(house):
    findings = checks.examine(house.settings, house.engine, house.vault)
    assert [finding for finding in findings if finding.grade is Grade.REFUSED] == []


def test_the_owner_of_the_tables_would_be_refused_as_the_servers_role(house, owner_engine):
    findings = checks.examine(house.settings, owner_engine, house.vault)
    assert {"database role owns nothing", "record is append-only"} <= refused(findings)


def test_row_level_security_that_is_not_forced_is_seen_in_the_catalogue(owner_engine):
    with owner_engine.connect() as connection:
        for statement in ("CREATE TABLE leaky (workspace_id uuid)", "ALTER TABLE leaky ENABLE ROW LEVEL SECURITY"):
            connection.execute(text(statement))
        assert "leaky" in checks.database_facts(connection).open_tables
        connection.execute(text("ALTER TABLE leaky FORCE ROW LEVEL SECURITY"))
        assert "leaky" not in checks.database_facts(connection).open_tables
        connection.rollback()


def test_a_grant_on_one_column_of_the_record_is_seen(owner_engine, engine):
    with owner_engine.begin() as connection:
        connection.execute(text("GRANT UPDATE (result) ON audit_entry TO jit_app"))
    try:
        with engine.connect() as app:
            assert checks.database_facts(app).changeable_tables == ("audit_entry",)
    finally:
        with owner_engine.begin() as connection:
            connection.execute(text("REVOKE UPDATE (result) ON audit_entry FROM jit_app"))


def test_a_database_that_is_not_there_is_one_finding_not_a_traceback(house, scratch):
    nowhere = database.engine(f"postgresql://jit_app@/jit?host={scratch}/nowhere")
    findings = checks.examine(house.settings, nowhere, house.vault)
    assert refused(findings) == {"database answers"}


def test_the_clocks_are_compared_without_the_journey(engine):
    with engine.connect() as connection:
        facts = checks.database_facts(connection)
    assert abs(facts.now - clock.now()) < timedelta(seconds=1)


def test_the_schema_is_at_its_newest_and_the_models_agree_with_it(urls, engine):
    from alembic import command

    with engine.connect() as connection:
        assert schema.revision(connection) == schema.head()
    command.check(schema.config(urls.owner))  # raises when a model and the schema differ


def test_the_schema_goes_down_to_nothing_and_up_again(postgres):
    from alembic import command

    made = postgres.database("down_and_up")
    schema.upgrade(made.owner)
    command.downgrade(schema.config(made.owner), "base")
    left = database.engine(made.owner)
    with left.connect() as connection:
        assert schema.revision(connection) == "base"
        tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        functions = connection.scalars(
            text("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
        ).all()
    left.dispose()
    assert (set(tables), set(functions)) == ({"alembic_version"}, set())
    schema.upgrade(made.owner)
    postgres.drop("down_and_up")
