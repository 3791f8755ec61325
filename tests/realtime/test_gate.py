"""D1, D7: no session or a foreign page, no socket; and what a client says of itself at the handshake means nothing."""

import asyncio
import json

import pytest
import socketio
from sqlalchemy import text

from jit_server.identity import sessions
from jit_server.web.sockets.gate import Gate
from tests.realtime.line import PATH, Line, Refused, play


def status_of(served, cookie="", headers=None, path=PATH):
    async def scenario():
        try:
            await (await Line.open(served.port, cookie, headers=headers, path=path)).connected(3)
        except Refused as refused:
            return refused.status
        return 101

    return play(scenario)


def test_d1_a_signed_in_person_from_our_own_page_is_let_in(served, team, cookie):
    assert status_of(served, cookie(team.admin)) == 101


@pytest.mark.parametrize(
    "origin", ["", "null", "http://evil.example", "https://127.0.0.1", "http://127.0.0.1", "same:"]
)
def test_d1_a_foreign_origin_is_refused_before_engine_io(served, team, cookie, origin):
    secret = cookie(team.admin)
    exact = f"http://127.0.0.1:{served.port}"
    wrong = {"longer": exact + ".evil.example"}.get(origin, origin)
    assert status_of(served, secret, {"Origin": wrong}) == 403
    assert status_of(served, secret, {"Origin": exact.upper()}) == 101


def test_d1_without_a_session_there_is_no_socket(served, team, cookie, owner_engine):
    ended = cookie(team.admin)
    with owner_engine.begin() as connection:
        connection.execute(
            text("UPDATE login_session SET ended_at = now() WHERE token_hash = :hash"),
            {"hash": sessions.hashed(ended)},
        )
    expired = cookie(team.admin)
    with owner_engine.begin() as connection:
        connection.execute(
            text("UPDATE login_session SET last_seen_at = now() - interval '31 minutes' WHERE token_hash = :hash"),
            {"hash": sessions.hashed(expired)},
        )
    for secret in ("", "x", "A" * 43, ended, expired, sessions.new_secret()):
        assert status_of(served, secret) == 401


def test_d1_a_token_in_the_address_opens_nothing(served, team, cookie):
    secret = cookie(team.admin)
    for name in ("token", "jit", "sid", "session", "cookie"):
        assert status_of(served, path=f"{PATH}&{name}={secret}") == 401


@pytest.mark.parametrize(
    "path",
    [
        "/socket.io/?EIO=4&transport=polling",
        "/socket.io/?EIO=4",
        "/socket.io/?EIO=3&transport=websocket",
        "/socket.io/?EIO=4&transport=websocket&sid=abc",
        "/socket.io/?EIO=4&transport=websocket&j=0",
        "/socket.io/?EIO=4&transport=polling&transport=websocket",
    ],
)
def test_d1_there_is_no_other_transport_and_no_other_session(served, team, cookie, path):
    assert status_of(served, cookie(team.admin), path=path) == 400


@pytest.mark.parametrize(
    "header",
    [
        {"Upgrade": "h2c"},
        {"Connection": "close"},
        {"Sec-WebSocket-Version": "8"},
        {"Sec-WebSocket-Key": "short"},
        {"Sec-WebSocket-Key": ""},
    ],
)
def test_d1_a_handshake_that_is_none_is_refused_without_a_trace(served, team, cookie, header):
    assert status_of(served, cookie(team.admin), header) == 400


def test_d1_forwarded_headers_change_nothing(served, team, cookie):
    evil = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Origin": "https://evil.example"}
    assert status_of(served, cookie(team.admin), evil) == 403


def test_d1_refused_handshakes_make_no_ids(app, settings):
    engine = app.extensions["socketio"].server.eio
    door = app.wsgi_app
    assert isinstance(door, Gate)
    answers = []
    for environ in ({}, {"HTTP_ORIGIN": settings.base_url}, {"HTTP_ORIGIN": settings.base_url, "HTTP_COOKIE": "jit=x"}):
        base = {"REQUEST_METHOD": "GET", "PATH_INFO": "/socket.io/", "QUERY_STRING": "EIO=4&transport=websocket"}
        door(base | environ, lambda status, headers: answers.append((status, dict(headers)["Content-Type"])))
    assert [status[:3] for status, _ in answers] == ["403", "401", "401"]
    assert {kind for _, kind in answers} == {"application/problem+json"}
    assert not engine.sockets


@pytest.mark.parametrize("auth", ["", "null", "{}", "[]", '"x"', "true", '{"token": "t"}', '[["a"]]'])
def test_d7_what_the_client_says_of_itself_is_ignored_whatever_its_type(served, team, cookie, auth):
    async def scenario():
        line = await (await Line.open(served.port, cookie(team.admin), auth=auth)).connected()
        return await line.join(team.id, 0)

    assert "problem" not in play(scenario)


def test_d7_the_library_calling_again_without_auth_connects_nobody(app):
    server = app.extensions["socketio"].server
    handler = server.handlers["/"]["connect"]
    environ = {"REQUEST_METHOD": "GET"}
    server.environ["eio"] = environ
    server.manager.connect("eio", "/")
    sid = server.manager.sid_from_eio_sid("eio", "/")
    try:
        with pytest.raises(TypeError):
            handler(sid, environ)
        with pytest.raises(KeyError):  # nobody passed the gate
            handler(sid, environ, {"token": "x"})
        assert sid not in app.extensions["jit.sockets"].floors.guests
    finally:
        server.manager.disconnect(sid, "/")
        del server.environ["eio"]


@pytest.mark.parametrize("namespace", ["/admin", "/chat", "/%2e", "/x?y"])
def test_k3_there_is_only_the_default_namespace(served, team, cookie, namespace):
    async def scenario():
        line = await (await Line.open(served.port, cookie(team.admin))).connected()
        line._connected.clear()
        line.send(f"40{namespace},")
        await asyncio.sleep(0.3)
        assert not line._connected.is_set()
        line.send(f'42{namespace},1["message:post",{{}}]')
        await asyncio.wait_for(line.closed.wait(), 3)
        assert line.close_code == 1008

    play(scenario)


def test_the_library_that_others_use_speaks_with_us(served, team, cookie):
    client = socketio.Client(reconnection=False)
    headers = {"Cookie": f"jit={cookie(team.admin)}"}
    client.connect(f"http://127.0.0.1:{served.port}", headers=headers, transports=["websocket"], auth={"a": 1})
    try:
        answer = client.call("workspace:join", {"workspace_id": str(team.id), "position": 0}, timeout=5)
        assert json.dumps(answer)
        assert answer["gap"] is False
    finally:
        client.disconnect()
