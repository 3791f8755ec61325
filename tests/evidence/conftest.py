"""The server as it is really run, for what only a real connection or a real browser shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jit_server.core.settings import Settings
from tests.builders import World
from tests.engines.ports import free_port
from tests.engines.server import Server, serving


@pytest.fixture(scope="module")
def server(settings: Settings, world: World, scratch: Path) -> Iterator[Server]:
    """One gevent worker over the run's database and vault."""
    port = free_port()
    own = settings.model_copy(update={"base_url": f"http://127.0.0.1:{port}", "port": port})
    own.model_fields_set.update({"base_url", "port"})
    with serving(own, scratch, workers=1) as running:
        yield running
