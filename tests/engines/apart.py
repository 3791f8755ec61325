"""A house of its own: another database and data folder, for tests that act on everything a server holds."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from jit_server.core import database, keyring, schema, vault
from jit_server.core.keys import SigningKey
from jit_server.core.postgres import EmbeddedPostgres
from jit_server.core.settings import Settings
from jit_server.work import House


@contextlib.contextmanager
def apart(postgres: EmbeddedPostgres, settings: Settings, scratch: Path, name: str) -> Iterator[House]:
    """A migrated database called `name`, a folder vault, a key."""
    urls = postgres.database(name)
    schema.upgrade(urls.owner)
    data = scratch / name
    changes = {"database_url": urls.app, "database_owner_url": urls.owner, "data": data}
    own = settings.model_copy(update=changes)
    own.model_fields_set.update(changes)
    kept = vault.of(own)
    kept.prepare()
    keyring.of(own).prepare()
    engine = database.engine(own.database_url, pool=4)
    try:
        yield House(own, engine, kept, SigningKey.load_or_create(own.log_key, "jit.test"))
    finally:
        engine.dispose()
