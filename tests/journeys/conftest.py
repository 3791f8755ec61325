"""Two workers, three certified issuers, real Chromium: what every journey stands on."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from jit_server.core import database, keyring, schema, vault
from jit_server.core.keys import SigningKey
from jit_server.core.postgres import EmbeddedPostgres
from jit_server.core.settings import Settings
from jit_server.demo import seed
from jit_server.demo.cast import AGENCIES
from jit_server.work import House
from tests.builders import Team, Who
from tests.engines import certified
from tests.engines.ports import free_port
from tests.engines.server import Server, serving
from tests.journeys.cast import Cast, configuration, issuers_of
from tests.journeys.visitor import Visitor

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives the browser against two workers."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.workers)


@dataclass(frozen=True)
class Stage:
    """The running server, the house as its operator reaches it, and the people."""

    server: Server
    cast: Cast
    issuers: frozenset[str]

    @property
    def url(self) -> str:
        return self.server.url


@pytest.fixture(scope="session")
def stage(postgres: EmbeddedPostgres, scratch: Path) -> Iterator[Stage]:
    """The stage that all journeys share."""
    with staged(postgres, scratch, "journeys") as made:
        yield made


@contextlib.contextmanager
def staged(postgres: EmbeddedPostgres, scratch: Path, name: str) -> Iterator[Stage]:
    """A server over a database of its own, with the demo's case in it, and an issuer for each agency."""
    urls, port, folder = postgres.database(name), free_port(), scratch / name
    folder.mkdir()
    schema.upgrade(urls.owner)
    settings = Settings(
        _env_file=None, base_url=f"http://127.0.0.1:{port}", port=port, data=folder / "data",
        database_url=urls.app, oidc_allow_loopback=True,
    )  # fmt: skip
    engine = database.engine(settings.database_url, pool=4)
    with certified.issuers([configuration(agency, settings.base_url) for agency in AGENCIES]) as issuers:
        house = House(settings, engine, vault.of(settings), SigningKey.load_or_create(settings.log_key, "127.0.0.1"))
        house.vault.prepare()
        keyring.of(settings).prepare()
        cast = Cast(house, seeded=seed.seed(house, issuers_of(issuers, folder)))
        with serving(settings, folder) as server:
            yield Stage(server, cast, frozenset(issuers))
            assert "Traceback" not in server.log(), server.log()
    engine.dispose()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. For a module only: Playwright holds an event loop that other tests want for themselves."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def window(stage: Stage, chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """Open a browser for somebody."""
    with windows(stage, chromium) as open_for:
        yield open_for


@contextlib.contextmanager
def windows(stage: Stage, chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """Opens browsers. In the end no page may have complained, called elsewhere or broken the policy."""
    opened: list[Visitor] = []
    said_before = len(stage.server.log())

    def open_for(who: Who | str, state: str = "", **options: Any) -> Visitor:
        name = who if isinstance(who, str) else who.name
        slug = stage.cast.slug(state) if isinstance(who, str) else who.agency
        agency = next(one.own_name for one in AGENCIES if one.slug == slug)
        opened.append(Visitor.arrive(chromium, stage.url, name, agency, stage.issuers, **options))
        return opened[-1]

    yield open_for
    complaints = [complaint for visitor in opened for complaint in visitor.complaints]
    for visitor in opened:
        visitor.leave()
    assert complaints == []
    assert "csp-report" not in stage.server.log()[said_before:]


@pytest.fixture
def arrives(window: Callable[..., Visitor]) -> Callable[..., Visitor]:
    """Open a browser for somebody and sign them in at their agency."""

    def arrive(who: Who | str, state: str = "", **options: Any) -> Visitor:
        return window(who, state, **options).sign_in()

    return arrive


@pytest.fixture
def team(stage: Stage) -> Team:
    """A signed and opened workspace of DE and FR, for one test alone."""
    return stage.cast.workspace()
