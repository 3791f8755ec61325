"""B5: whoever waits for a dead identity provider waits alone; everybody else's pages come as ever."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from jit_server.core.settings import Settings
from jit_server.work import House
from tests.builders import World, sign_in
from tests.identity.signing_in import add_agency, new_slug
from tests.identity.stub import Stub
from tests.realtime.conftest import serving

PEOPLE = 50
pytestmark = pytest.mark.alone


@pytest.fixture
def served(settings: Settings, scratch: Path) -> Iterator[Any]:
    with serving(settings, scratch) as running:
        yield running
        assert "Traceback" not in running.log(), running.log()


def hang(_handler: Any) -> None:
    time.sleep(9)


def p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def at_once(url: str) -> list[tuple[int, float]]:
    """Ask for a page fifty times at once; status and seconds of each."""
    took: list[tuple[int, float]] = []

    def waits() -> None:
        begun = time.monotonic()
        answer = requests.get(url, timeout=30, headers={"Accept": "text/html"})
        took.append((answer.status_code, time.monotonic() - begun))

    people = [threading.Thread(target=waits) for _ in range(PEOPLE)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    return took


def test_fifty_hung_sign_ins_are_answered_within_six_seconds_and_hold_nobody_else(
    served: Any, house: House, stub: Stub, secret: Path, settings: Settings
) -> None:
    """The bounds grow with what the same takes without the hung issuer: this machine may be busy."""
    slug, world = new_slug("hung"), World.create(house)
    add_agency(house, slug, stub.url, secret)
    stub.hooks["/.well-known/openid-configuration"] = hang
    base, cookies = f"http://127.0.0.1:{served.port}", {settings.cookie: sign_in(house, world.person("DE"))}
    busy = max(took for _, took in at_once(f"{base}/login"))
    calm: list[float] = []
    others: list[float] = []
    over = threading.Event()

    def works(times: list[float]) -> None:
        with requests.Session() as session:
            while not (over.is_set() or (times is calm and len(calm) == 40)):
                begun = time.monotonic()
                assert session.get(f"{base}/api/v1/me", cookies=cookies, timeout=10).status_code == 200
                times.append(time.monotonic() - begun)
                time.sleep(0.05)

    works(calm)
    somebody = threading.Thread(target=works, args=(others,))
    somebody.start()
    time.sleep(0.1)
    hung = at_once(f"{base}/login/{slug}")
    over.set()
    somebody.join()
    assert {status for status, _ in hung} == {503}
    assert max(took for _, took in hung) < 6 + busy
    assert len(others) > 20
    assert p95(others) < max(1.0, 4 * p95(calm))
    assert stub.asked["/.well-known/openid-configuration"] <= 4  # two workers, each once or twice
