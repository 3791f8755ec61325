"""How the server is served: gunicorn with gevent workers, after the checks that may refuse it."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from jit_server import evidence, identity
from jit_server.access import OPERATOR
from jit_server.core import checks, database, keyring, schema, vault
from jit_server.core.checks import Finding, Grade
from jit_server.core.errors import JitError
from jit_server.core.keys import SigningKey
from jit_server.core.settings import Settings
from jit_server.identity.provider import Provider
from jit_server.work import House

_PROBE: Final = b"jit-server doctor was here"


def examine(house: House) -> list[Finding]:
    """All that `doctor` looks at: the ground, the schema's revision, the vault in use, each agency's issuer."""
    return [*_ground(house), *_vault_in_use(house.vault), *_issuers(house)]


def unsafe(house: House) -> list[Finding]:
    """Why the server must not start now; empty when it may."""
    return checks.refusals(_ground(house))


def _ground(house: House) -> list[Finding]:
    schema_is = _schema(house)
    known = [*_keys(house)] if schema_is and not checks.refusals(schema_is) else []
    return [*checks.examine(house.settings, house.engine, house.vault), *schema_is, *known]


def _schema(house: House) -> list[Finding]:
    try:
        with house.engine.connect() as connection:
            current = schema.revision(connection)
    except SQLAlchemyError:
        return []  # already a finding of its own
    newest = schema.head()
    return [
        Finding.judge("database schema", current == newest, f"at {current}, newest is {newest}", "jit-server migrate")
    ]


def _keys(house: House) -> Iterator[Finding]:
    """Whether every key is held that exhibits need: a new key file in the place of a lost one looks whole."""
    try:
        needed, held = evidence.needed(lambda: house.work(OPERATOR)), keyring.of(house.settings).ids()
    except (JitError, SQLAlchemyError) as error:
        yield Finding.judge("keys of exhibits", False, str(error), "restore JIT_KEK_FILE, or jit-server init")
        return
    missing = ", ".join(sorted(needed - set(held)))
    detail = f"missing: {missing}" if missing else f"{len(held)} held, {held[-1]} wraps"
    yield Finding.judge("keys of exhibits", not missing, detail, "restore JIT_KEK_FILE from its copy")


def _vault_in_use(store: vault.Vault) -> Iterator[Finding]:
    """Write a few bytes and read them back. With Object Lock they stay until the retention ends, as exhibits do."""
    key = vault.new_key(UUID(int=0))
    try:
        kept = store.put(key, [_PROBE], size=len(_PROBE))
        body = store.open(key, kept.version_id)
        try:
            same = b"".join(body) == _PROBE
        finally:
            body.close()
    except JitError as error:
        yield Finding.judge("vault put and get", False, error.detail, "see the detail")
        return
    detail = f"version {kept.version_id}" if same else "other bytes came back"
    yield Finding.judge("vault put and get", same, detail, "do not use this store")


def _issuers(house: House) -> Iterator[Finding]:
    """Each agency's provider, by its own description. One that is down keeps its people out, not the server down."""
    try:
        with house.work(OPERATOR) as uow:
            rows = [(str(row.slug), str(row.issuer or "")) for row in identity.agencies(uow)]
    except (JitError, SQLAlchemyError):
        return  # already a finding of its own
    for slug, url in rows:
        try:
            provider = Provider(url, ttl=60, loopback=house.settings.oidc_allow_loopback)
            keys = len(provider.keys().keys) if url else 0
        except JitError as error:
            yield Finding(f"issuer of {slug}", Grade.NOTE, f"{url}: {error.detail}", "ask the agency")
        else:
            yield Finding(f"issuer of {slug}", Grade.OK if url else Grade.NOTE, f"{url or 'none yet'}, {keys} keys",
                          "" if url else f"jit-server agency set-issuer {slug} ...")  # fmt: skip


def openapi(settings: Settings) -> Any:
    """The description of /api/v1 as the running server gives it; needs neither database nor vault."""
    from jit_server import app

    nowhere = settings.model_copy(update={"database_url": settings.database_url or "postgresql:///nowhere"})
    with TemporaryDirectory() as folder:
        engine = database.engine(nowhere.database_url)
        house = House(nowhere, engine, vault.FolderVault(Path(folder)), SigningKey.generate("localhost"))
        with app.create(nowhere, house).test_client() as client:
            return client.get("/api/v1/openapi.json", base_url=nowhere.base_url).get_json()


def become_server(settings: Settings, workers: int) -> None:
    """Replace this process by gunicorn: same pid, so signals and supervisors keep working."""
    figures = settings.data.absolute() / "run" / "metrics"
    shutil.rmtree(figures, ignore_errors=True)  # those of workers that are gone
    figures.mkdir(parents=True, mode=0o700)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(figures)
    command = [sys.executable, "-m", "gunicorn", "--config", "python:jit_server.gunicorn", "--workers", str(workers)]
    os.execv(sys.executable, [*command, "jit_server.app:create()"])  # noqa: S606 - our own interpreter and module
