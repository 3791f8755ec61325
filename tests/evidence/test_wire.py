"""Uploads over real connections to a real gunicorn (PROOFS C1, F11): a cut body is never taken for a whole one."""

import http.client
import json
import os
import socket
import threading
from contextlib import closing
from uuid import UUID

import psutil
import pytest

from jit_server import audit
from jit_server.core.vault import BLOCK
from jit_server.work import House
from tests.builders import Team, World, sign_in
from tests.engines.server import Server
from tests.evidence.builders import declare, exhibit, sha256

CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture(scope="module")
def cookie(house: House, team: Team) -> str:
    return f"{house.settings.cookie}={sign_in(house, team.admin)}"


def head_of(server: Server, cookie: str, upload_id: UUID, length: str) -> bytes:
    host = f"Host: 127.0.0.1:{server.settings.port}\r\nCookie: {cookie}\r\nConnection: close"
    kind = f"Content-Type: application/octet-stream\r\n{length}"
    return f"PUT /api/v1/uploads/{upload_id} HTTP/1.1\r\n{host}\r\n{kind}\r\n\r\n".encode()


def put(server: Server, cookie: str, upload_id: UUID, length: str, *body: bytes, cut: bool = False) -> tuple[int, dict]:
    """Send these bytes as they are; `cut` closes our side after them, and the answer is still read."""
    with closing(socket.create_connection(("127.0.0.1", server.settings.port), timeout=30)) as line:
        line.sendall(head_of(server, cookie, upload_id, length))
        for part in body:
            line.sendall(part)
        if cut:
            line.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(line)
        answer.begin()
        return answer.status, json.loads(answer.read() or b"{}")


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def registered(team: Team, upload_id: UUID) -> bool:
    with team.world.work(team.admin) as uow:
        return bool(audit.read(uow.connection, team.id, subject=upload_id, events=["evidence:registered"]))


@pytest.mark.parametrize("size", [1, 1000, 3 * BLOCK + 1])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_whole_body_becomes_an_exhibit(server: Server, team: Team, cookie: str, size: int, chunked: bool):
    content = os.urandom(size)
    upload_id = declare(team, team.admin, size)
    body = (chunk(content), b"0\r\n\r\n") if chunked else (content,)
    status, item = put(server, cookie, upload_id, CHUNKED if chunked else f"Content-Length: {size}", *body)
    assert (status, item.get("sha256")) == (201, sha256(content)), item


@pytest.mark.parametrize(
    ("length", "body"),
    [
        ("Content-Length: 1000", b"0123456789"),
        ("Content-Length: 1000", b""),
        ("Content-Length: 10", b"0123456789"),
        (CHUNKED, b"a\r\n0123456789\r\n"),
        (CHUNKED, b"3e8\r\n0123456789"),
        (CHUNKED, b"a\r\n0123456789"),
        (CHUNKED, b""),
        (CHUNKED, b"zz\r\n0123456789\r\n0\r\n\r\n"),
        (CHUNKED, b"a\r\n0123456789XX0\r\n\r\n"),
        (CHUNKED, b"0\r\n\r\n"),
        ("Content-Length: 0", b""),
        ("Content-Length: 1001", b"x" * 1001),
        (CHUNKED, chunk(b"x" * 1001) + b"0\r\n\r\n"),
    ],
    ids=[
        "length, cut", "length, nothing", "shorter than declared", "chunks, cut between", "chunks, cut within",
        "chunks, cut before the end", "chunks, nothing", "chunks, no size", "chunks, no terminator", "chunks, empty",
        "empty", "one byte more", "chunks, one byte more",
    ],
)  # fmt: skip
def test_a_body_that_is_not_whole_is_a_client_error_and_no_exhibit(
    server: Server, team: Team, cookie: str, length: str, body: bytes
):
    upload_id = declare(team, team.admin, 1000)
    status, problem = put(server, cookie, upload_id, length, body, cut=True)
    assert 400 <= status < 500, problem
    assert problem["type"] == "/problems/mismatch"
    assert not registered(team, upload_id)


def test_a_body_cut_by_a_client_that_goes_away_is_no_exhibit_and_can_be_sent_again(
    server: Server, team: Team, cookie: str
):
    content = os.urandom(2 * BLOCK)
    upload_id = declare(team, team.admin, len(content))
    with closing(socket.create_connection(("127.0.0.1", server.settings.port), timeout=5)) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closing resets the connection
        line.sendall(head_of(server, cookie, upload_id, f"Content-Length: {len(content)}") + content[:BLOCK])
    status, item = 409, {}
    for _ in range(50):
        if status != 409:
            break
        threading.Event().wait(0.1)
        status, item = put(server, cookie, upload_id, f"Content-Length: {len(content)}", content)
    assert (status, item.get("sha256")) == (201, sha256(content)), item


def test_an_upload_sent_once_more_is_answered_though_its_bytes_are_not_wanted(server: Server, team: Team, cookie: str):
    content = os.urandom(32 * BLOCK)  # more than the kernel holds for a reader that does not read
    upload_id = declare(team, team.admin, len(content))
    sent = [put(server, cookie, upload_id, f"Content-Length: {len(content)}", content) for _ in range(3)]
    assert [(status, item["id"]) for status, item in sent] == [(201, str(upload_id))] * 3


def test_the_same_upload_sent_twenty_times_at_once_is_one_exhibit(server: Server, team: Team, cookie: str):
    content = os.urandom(4 * BLOCK)
    upload_id = declare(team, team.admin, len(content))
    answers: list[tuple[int, dict]] = []

    def attempt() -> None:
        answers.append(put(server, cookie, upload_id, f"Content-Length: {len(content)}", content))

    threads = [threading.Thread(target=attempt) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 20
    assert {status for status, _ in answers} <= {201, 409}
    assert {item["id"] for status, item in answers if status == 201} == {str(upload_id)}
    with team.world.work(team.admin) as uow:
        entries = audit.read(uow.connection, team.id, subject=upload_id)
    assert [one.event for one in entries] == ["evidence:declared", "evidence:registered"]


def test_memory_stays_flat_over_a_large_upload_and_its_download(server: Server, team: Team, cookie: str):
    size = 200 * BLOCK
    (worker,) = psutil.Process(server.process.pid).children()
    before, most = worker.memory_info().rss, 0
    upload_id = declare(team, team.admin, size)
    block = os.urandom(BLOCK)
    connection = http.client.HTTPConnection("127.0.0.1", server.settings.port, timeout=60)
    connection.putrequest("PUT", f"/api/v1/uploads/{upload_id}")
    for name, value in (
        ("Cookie", cookie),
        ("Content-Type", "application/octet-stream"),
        ("Content-Length", str(size)),
    ):
        connection.putheader(name, value)
    connection.endheaders()
    for _ in range(200):
        connection.send(block)
        most = max(most, worker.memory_info().rss)
    item = json.loads(connection.getresponse().read())
    connection.request("GET", f"/api/v1/evidence/{item['id']}/content", headers={"Cookie": cookie})
    answer, taken = connection.getresponse(), 0
    while part := answer.read(BLOCK):
        assert part == block
        taken += len(part)
        most = max(most, worker.memory_info().rss)
    connection.close()
    assert taken == size
    assert most - before <= 64 * BLOCK


def test_a_large_altered_exhibit_breaks_off_before_its_end(server: Server, team: Team, cookie: str, house: House):
    item = exhibit(team, team.admin, os.urandom(5 * BLOCK))
    path = house.settings.data / "vault" / "objects" / item.vault_key / item.version_id
    with path.open("r+b") as file:
        file.seek(4 * BLOCK)
        file.write(b"\0\0\0\0")
    connection = http.client.HTTPConnection("127.0.0.1", server.settings.port, timeout=30)
    connection.request("GET", f"/api/v1/evidence/{item.id}/content", headers={"Cookie": cookie})
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        connection.getresponse().read()
    connection.close()
    with team.world.work(team.admin) as uow:
        assert audit.read(uow.connection, team.id, subject=item.id, events=["evidence:damaged"])
