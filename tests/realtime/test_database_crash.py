"""X2: PostgreSQL dies without a word, six times under load. What was acknowledged is there, and service comes back."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import requests

from jit_server import audit
from jit_server.access import SYSTEM
from jit_server.core.postgres import EmbeddedPostgres
from jit_server.core.settings import Settings
from tests.builders import World, sign_in
from tests.engines.apart import apart
from tests.engines.ports import free_port
from tests.engines.server import serving
from tests.messaging.test_speaking import channel_in

CRASHES, SPEAKERS, BACK_SECONDS = 6, 6, 15


@dataclass
class Speaker:
    """Somebody who says one thing after another, each again until it is acknowledged."""

    address: str
    cookies: dict[str, str]
    origin: str
    over: threading.Event
    acknowledged: dict[str, UUID] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    last: float = 0.0

    def speak(self) -> None:
        with requests.Session() as session:
            session.cookies.update(self.cookies)
            session.headers["Origin"] = self.origin
            while not self.over.is_set():
                key = uuid4().hex
                while key not in self.acknowledged and not self.over.is_set():
                    self._try(session, key)

    def _try(self, session: requests.Session, key: str) -> None:
        body = {"topic": "t", "text": key, "client_id": key}
        answer = session.post(self.address, json=body, timeout=30)
        if answer.status_code == 201:
            self.acknowledged[key], self.last = UUID(answer.json()["id"]), time.monotonic()
        else:
            self.refused.add(answer.status_code)
            time.sleep(0.05)


def crash(cluster: EmbeddedPostgres) -> None:
    """As `pg_ctl stop -m immediate`: no checkpoint, no farewell; what follows is a recovery from the WAL."""
    with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as root:
        folder = Path(root.execute("SHOW data_directory").fetchone()[0])  # type: ignore[index]
    cluster.kill()
    assert not cluster.running()
    cluster.start()
    assert "was not properly shut down" in (folder / "log").read_text()


def test_x2_what_was_acknowledged_survives_six_crashes_of_the_database(settings: Settings, scratch: Path) -> None:
    with (
        EmbeddedPostgres(scratch / "x2" / "pg") as cluster,
        apart(cluster, settings, scratch / "x2", "x2") as house,
    ):
        team = World.create(house).workspace()
        channel, port = channel_in(team), free_port()
        own = house.settings.model_copy(update={"base_url": f"http://127.0.0.1:{port}", "port": port})
        own.model_fields_set.update({"base_url", "port"})
        cookies = {own.cookie: sign_in(house, team.admin)}
        house.engine.dispose()
        with serving(own, scratch / "x2") as server:
            over = threading.Event()
            address = f"{server.url}/api/v1/channels/{channel}/messages"
            people = [Speaker(address, cookies, server.url, over) for _ in range(SPEAKERS)]
            threads = [threading.Thread(target=one.speak) for one in people]
            for thread in threads:
                thread.start()
            gaps = []
            for _ in range(CRASHES):
                time.sleep(1)
                crash(cluster)
                up = time.monotonic()
                while not all(one.last > up for one in people):
                    assert time.monotonic() < up + 60, server.log()
                    time.sleep(0.02)
                gaps.append(time.monotonic() - up)
            over.set()
            for thread in threads:
                thread.join()
            log = server.log()
        house.engine.dispose()
        acknowledged = {key: found for one in people for key, found in one.acknowledged.items()}
        with psycopg.connect(cluster.url("postgres", "x2")) as root:
            kept = dict(root.execute("SELECT client_id, id FROM message").fetchall())
        print(
            f"X2: {len(acknowledged)} acknowledged, {CRASHES} crashes, all served again after {max(gaps):.2f} s at most"
        )
        assert len(acknowledged) > CRASHES * SPEAKERS
        assert acknowledged.items() <= kept.items()
        assert {status for one in people for status in one.refused} <= {503}
        assert "Traceback" not in log, log[-3000:]
        with house.work(SYSTEM) as uow:
            assert audit.verify(uow.connection, team.id).ok
        assert max(gaps) <= BACK_SECONDS
