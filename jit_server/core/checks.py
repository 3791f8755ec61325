"""What the server looks at before it starts, and `jit-server doctor` whenever it is asked: unsafe means no start.

Facts are gathered by one function each and judged by another, so that every judgement can be tested by itself.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from jit_server.core import clock
from jit_server.core.settings import LOOPBACK, Settings
from jit_server.core.vault import Vault, VaultStatus

MAX_SKEW = timedelta(seconds=2)
"""Between this machine's clock and the database's."""
COMMON_SECRETS = frozenset(
    {"admin", "changeme", "jit", "jit_app", "minioadmin", "password", "postgres", "secret", "test"}
)
APPEND_ONLY = (
    *("audit_entry", "audit_node", "audit_checkpoint", "message", "message_version"),
    *("evidence_item", "workspace_key", "object_key"),
)
"""Tables that the app's role may never change or empty; those not there yet are passed over."""


class Grade(StrEnum):
    """What a finding means for the start."""

    OK = "ok"
    NOTE = "note"
    REFUSED = "refused"


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `remedy` says what to do when it is not as it should be."""

    check: str
    grade: Grade
    detail: str
    remedy: str = ""

    @classmethod
    def judge(cls, check: str, safe: bool, detail: str, remedy: str) -> "Finding":
        """Fine, or a reason not to start."""
        return cls(check, Grade.OK if safe else Grade.REFUSED, detail, "" if safe else remedy)


@dataclass(frozen=True)
class DatabaseFacts:
    """What the database says of itself and of the role we use."""

    now: datetime
    settings: Mapping[str, str] = field(default_factory=dict)
    role: str = ""
    bypasses_security: bool = False
    owned_tables: tuple[str, ...] = ()
    open_tables: tuple[str, ...] = ()
    """Tables with a workspace whose row-level security is not both enabled and forced."""
    changeable_tables: tuple[str, ...] = ()
    """Append-only tables on which the role has UPDATE, DELETE or TRUNCATE."""


_ROLE = text("""SELECT current_user::text, bool_or(r.rolsuper OR r.rolbypassrls) FROM pg_roles r
    WHERE pg_has_role(current_user, r.oid, 'MEMBER')""")
_OWNED = text("""SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname = 'public' AND pg_has_role(current_user, c.relowner, 'MEMBER')
    ORDER BY 1""")
_OPEN = text("""SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND n.nspname = 'public'
    AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1""")
_CHANGEABLE = text("""SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname = 'public' AND c.relname = ANY(:tables)
    AND (has_table_privilege(c.oid, 'DELETE, TRUNCATE') OR has_any_column_privilege(c.oid, 'UPDATE')) ORDER BY 1""")
_SETTINGS = text(
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')"
)


def database_facts(connection: Connection) -> DatabaseFacts:
    """Ask the database, as the role of this connection."""
    before = clock.now()
    theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    journey = (clock.now() - before) / 2
    role, bypasses = connection.execute(_ROLE).one()
    return DatabaseFacts(
        now=theirs - journey,
        settings={row.name: row.setting for row in connection.execute(_SETTINGS)},
        role=role,
        bypasses_security=bypasses,
        owned_tables=tuple(connection.scalars(_OWNED)),
        open_tables=tuple(connection.scalars(_OPEN)),
        changeable_tables=tuple(connection.scalars(_CHANGEABLE, {"tables": list(APPEND_ONLY)})),
    )


def judge_database(facts: DatabaseFacts, now: datetime) -> Iterator[Finding]:
    """Durability, the role's rights, row-level security, the two clocks."""
    for name in ("fsync", "full_page_writes"):
        value = facts.settings.get(name, "unknown")
        yield Finding.judge(f"database {name}", value == "on", f"{name} is {value}", f"set {name} = on in PostgreSQL")
    waits = facts.settings.get("synchronous_commit", "unknown")
    yield Finding.judge(
        "database synchronous_commit",
        waits in {"on", "remote_write", "remote_apply"},
        f"synchronous_commit is {waits}",
        "set it to on: acknowledged must mean durable",
    )
    owned = ", ".join(facts.owned_tables) or "nothing"
    yield Finding.judge(
        "database role owns nothing",
        not facts.owned_tables,
        f"{facts.role} owns {owned}",
        "connect as a role that owns no table (JIT_DATABASE_URL)",
    )
    yield Finding.judge(
        "database role is bound",
        not facts.bypasses_security,
        f"{facts.role} {'passes' if facts.bypasses_security else 'is bound by'} row-level security",
        "connect as a role without SUPERUSER and BYPASSRLS",
    )
    yield Finding.judge(
        "row-level security forced",
        not facts.open_tables,
        f"not forced on: {', '.join(facts.open_tables) or 'none'}",
        "run jit-server migrate, or ALTER TABLE ... FORCE ROW LEVEL SECURITY",
    )
    changeable = ", ".join(facts.changeable_tables)
    yield Finding.judge(
        "record is append-only",
        not changeable,
        f"{facts.role} may change {changeable or 'none of it'}",
        "REVOKE UPDATE, DELETE, TRUNCATE on these tables",
    )
    skew = abs(facts.now - now)
    yield Finding.judge(
        "clock",
        skew <= MAX_SKEW,
        f"{skew.total_seconds():.3f} s from the database's",
        "synchronise both machines (NTP)",
    )


def judge_settings(settings: Settings) -> Iterator[Finding]:
    """What needs no connection: secrets, debug, origins, keys."""
    at_home = settings.host in LOOPBACK and urlsplit(settings.base_url).hostname in LOOPBACK
    debug = settings.debug or bool(os.environ.get("FLASK_DEBUG"))
    yield Finding.judge("debug", not debug, "on" if debug else "off", "unset JIT_DEBUG and FLASK_DEBUG")
    weak = sorted(_weak_secrets(settings))
    yield Finding.judge(
        "secrets",
        at_home or not weak,
        f"well-known or empty: {', '.join(weak) or 'none'}",
        "set secrets of your own, from files",
    )
    yield Finding.judge(
        "origin",
        "*" not in settings.base_url,
        f"pages and sockets are open to {settings.base_url} only",
        "JIT_BASE_URL names one origin, without wildcard",
    )
    yield Finding.judge(
        "issuers on loopback",
        at_home or not settings.oidc_allow_loopback,
        "allowed" if settings.oidc_allow_loopback else "refused",
        "unset JIT_OIDC_ALLOW_LOOPBACK",
    )
    exposed = sorted(str(path) for path in _secret_files(settings) if path.exists() and path.stat().st_mode & 0o077)
    yield Finding.judge(
        "secret files", not exposed, f"readable by others: {', '.join(exposed) or 'none'}", "chmod 600 these files"
    )


def judge_vault(status: VaultStatus) -> Iterator[Finding]:
    """Whether the vault answers, and whether it can be made to forget."""
    yield Finding.judge("vault answers", status.ready, f"{status.kind}: {status.detail}", "see the detail")
    if status.kind == "s3":
        yield Finding.judge(
            "vault is WORM",
            status.worm,
            status.detail,
            "use a bucket made with versioning and Object Lock (jit-server init makes one)",
        )
    else:
        yield Finding(
            "vault is WORM",
            Grade.NOTE,
            "folder vault: NOT WORM, whoever runs the machine can delete exhibits",
            "use S3 with Object Lock for real cases",
        )


def examine(settings: Settings, engine: Engine, vault: Vault) -> list[Finding]:
    """Everything this module knows to look at."""
    findings = list(judge_settings(settings))
    try:
        with engine.connect() as connection:
            facts = database_facts(connection)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        findings.append(Finding.judge("database answers", False, reason, "check JIT_DATABASE_URL and the server"))
    else:
        findings += [Finding("database answers", Grade.OK, f"as {facts.role}"), *judge_database(facts, clock.now())]
    return [*findings, *judge_vault(vault.status())]


def refusals(findings: list[Finding]) -> list[Finding]:
    """Those for which the server does not start."""
    return [finding for finding in findings if finding.grade is Grade.REFUSED]


def _weak_secrets(settings: Settings) -> Iterator[str]:
    for name in ("database_url", "database_owner_url"):
        address = getattr(settings, name)
        if not address:
            continue
        url = make_url(address)
        if url.password is not None and str(url.password).lower() in COMMON_SECRETS | {"", str(url.username)}:
            yield f"password in JIT_{name.upper()}"
    if settings.vault == "s3" and settings.s3_secret_key_file and settings.s3_secret_key_file.exists():
        secret = settings.s3_secret_key_file.read_text().strip()
        if secret.lower() in COMMON_SECRETS | {"", settings.s3_access_key.lower()}:
            yield "JIT_S3_SECRET_KEY_FILE"


def _secret_files(settings: Settings) -> Iterator[Path]:
    yield settings.log_key
    yield settings.kek
    for path in (settings.s3_secret_key_file, settings.metrics_token_file):
        if path is not None and not str(path).startswith(
            "/run/secrets/"
        ):  # a container's secrets have modes of their own
            yield path
