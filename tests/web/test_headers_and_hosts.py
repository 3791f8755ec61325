"""K11, K25, K28, K33, K34: headers on every answer, forged hosts and proxies, injected sort orders, fixed sessions."""

import re
from statistics import median
from time import perf_counter
from urllib.parse import quote
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from jit_server.core.settings import Settings
from jit_server.identity import sessions
from jit_server.work import House
from tests.access.attacks import addresses, fill
from tests.builders import Team, World, browser

FORGED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Server": "evil.example",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Prefix": "/evil.example",
    "X-Forwarded-Port": "666",
    "X-Forwarded-For": "203.0.113.66",
    "X-Real-IP": "203.0.113.66",
    "X-Host": "evil.example",
    "X-HTTP-Host-Override": "evil.example",
    "Forwarded": "for=203.0.113.66;host=evil.example;proto=https",
    "X-Original-URL": "/agency",
    "X-Rewrite-URL": "/agency",
    "X-HTTP-Method-Override": "DELETE",
    "X-Forwarded-User": "admin",
    "X-Remote-User": "admin",
    "Remote-User": "admin",
    "X-Jit-Actor": "system",
}
HOSTS = [
    "evil.example",
    "127.0.0.1.evil.example",
    "evil.example:8080",
    "127.0.0.1@evil.example",
    "[::ffff:1.2.3.4]",
    "",
]
INJECTED = [
    "title; DROP TABLE message --",
    "title) DESC, (SELECT pg_sleep(9))",
    "1 OR 1=1",
    "' OR ''='",
    "\\",
    "%",
    "_%_",
    "{}",
    "%(id)s",
    ":id",
    "\u0000",
    "\ud83d",
    "-title",
    "party_id",
    "workspace_id",
    "__class__",
    "handling desc nulls first",
    "(select canonical from audit_entry)",
    "H9",
    "a" * 3000,
]
QUERIES = [
    ("evidence", ["words", "state", "handling", "compartment", "gate", "sort", "order", "filter", "cursor", "limit"]),
    ("log", ["event", "subject", "actor", "result", "since", "until", "sort", "order", "cursor", "limit"]),
    ("members", ["sort", "order", "filter", "cursor", "limit"]),
    ("channels", ["sort", "order", "filter"]),
]


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


def test_every_route_answers_with_the_safe_headers_whatever_it_answers(app: Flask, house: House, team: Team) -> None:
    client = browser(app, house, team.admin)
    ids = {"workspace_id": team.id}
    for method, rule in addresses(app):
        body: dict[str, str] | None = {} if rule.startswith("/api/") and method != "GET" else None
        answer = client.open(fill(rule, ids), method=method, json=body)
        answer.close()  # a download that nobody reads to its end
        where = f"{method} {rule} -> {answer.status_code}"
        assert answer.status_code < 500, where
        assert answer.headers["X-Content-Type-Options"] == "nosniff", where
        assert answer.headers["X-Frame-Options"] == "DENY", where
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin", where
        assert answer.headers["Referrer-Policy"] == "same-origin", where
        assert answer.headers["Cache-Control"] == "no-store", where
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, where
        assert "unsafe" not in policy, where
        assert "Access-Control-Allow-Origin" not in answer.headers, where
        assert not re.search(r"werkzeug|gunicorn|python", answer.headers.get("Server", ""), re.IGNORECASE), where


def test_a_nonce_is_never_given_twice(app: Flask) -> None:
    client = app.test_client()
    seen = {client.get("/login").headers["Content-Security-Policy"].partition("nonce-")[2][:22] for _ in range(20)}
    assert len(seen) == 20


@pytest.mark.parametrize("host", HOSTS)
def test_k34_a_forged_host_is_refused_and_never_repeated(app: Flask, host: str) -> None:
    for address in ("/login", "/", "/api/v1/me", "/healthz"):
        answer = app.test_client().get(address, headers={"Host": host})
        assert answer.status_code in ({400} if host else {200, 302, 303, 400, 401}), address
        assert b"evil.example" not in answer.data
        assert "evil.example" not in str(answer.headers)


@pytest.mark.parametrize("name", FORGED)
def test_k34_forged_headers_of_proxies_change_nothing_for_anybody(
    app: Flask, house: House, team: Team, name: str
) -> None:
    for client in (app.test_client(), browser(app, house, team.leaders["FR"])):
        for address in ("/", "/login", f"/w/{team.id}/members", "/api/v1/me", "/agency"):
            plain = client.get(address, headers={"Accept": "text/html"})
            forged = client.get(address, headers={"Accept": "text/html", name: FORGED[name]})
            assert plain.status_code == forged.status_code, address
            assert plain.location == forged.location, address
            for word in (b"evil.example", b"203.0.113.66", b"gopher"):
                assert word not in forged.data + str(forged.headers).encode(), address


def test_k34_a_forged_user_is_nobody(app: Flask, team: Team) -> None:
    names = ("X-Forwarded-User", "X-Remote-User", "Remote-User", "X-Forwarded-Email", "X-Authenticated-User")
    headers = dict.fromkeys(names, str(team.admin.id))
    client = app.test_client()
    assert client.get("/api/v1/me", headers=headers).status_code == 401
    assert client.get("/api/v1/me", environ_base={"REMOTE_USER": str(team.admin.id)}).status_code == 401


@pytest.mark.parametrize(("tail", "names"), QUERIES)
def test_k33_no_word_of_a_sort_or_filter_reaches_the_database_as_sql(
    app: Flask, house: House, team: Team, tail: str, names: list[str]
) -> None:
    client = browser(app, house, team.admin)
    for name in names:
        for word in INJECTED:
            value = quote(word.encode("utf-8", "surrogatepass"))
            for base in (f"/api/v1/workspaces/{team.id}/{tail}", f"/w/{team.id}/{tail}"):
                answer = client.get(f"{base}?{name}={value}")
                where = f"{base}?{name}={word[:40]!r} -> {answer.status_code}"
                assert answer.status_code in {200, 404, 422}, where
                assert b"psycopg" not in answer.data, where
                assert b"SELECT " not in answer.data, where
    assert client.get(f"/api/v1/workspaces/{team.id}/log").status_code == 200


def test_k33_a_narrowed_list_is_never_longer_than_the_whole(app: Flask, house: House, team: Team) -> None:
    client, base = browser(app, house, team.admin), f"/api/v1/workspaces/{team.id}/evidence"
    whole = len(client.get(base).get_json()["items"])
    for word in INJECTED[:10]:
        found = client.get(base, query_string={"words": word})
        assert found.status_code == 422 or len(found.get_json()["items"]) <= whole


@pytest.mark.parametrize("given", ["fixed", "0" * 43, "A" * 43, "../../etc/passwd", "x" * 3000, "a\u00fc"])
def test_k25_a_session_that_somebody_else_chose_is_none_and_is_never_kept(
    app: Flask, settings: Settings, given: str, owner_engine: Engine
) -> None:
    client = app.test_client()
    client.set_cookie(settings.cookie, quote(given), domain="localhost")
    assert client.get("/api/v1/me").status_code == 401
    assert client.get("/login").status_code == 200
    with owner_engine.connect() as connection:
        kept = text("SELECT count(*) FROM login_session WHERE token_hash = :hash")
        assert connection.execute(kept, {"hash": sessions.hashed(quote(given))}).scalar_one() == 0


def test_k25_a_session_in_the_address_is_none(app: Flask, house: House, team: Team, settings: Settings) -> None:
    kept = browser(app, house, team.admin).get_cookie(settings.cookie)
    assert kept is not None
    client = app.test_client()
    for name in (settings.cookie, "session", "sid", "token", "access_token"):
        assert client.get(f"/api/v1/me?{name}={kept.value}").status_code == 401


@pytest.mark.alone
def test_k28_unknown_and_known_are_answered_alike_and_as_soon(app: Flask, house: House, world: World) -> None:
    """An outsider asks for a workspace that exists and for one that does not; and anybody for an agency."""
    theirs = world.workspace()
    outsider = browser(app, house, world.person("NL"))
    pairs = [
        (f"/api/v1/workspaces/{theirs.id}", "/api/v1/workspaces/{}"),
        (f"/api/v1/workspaces/{theirs.id}/log", "/api/v1/workspaces/{}/log"),
    ]
    for known, unknown in pairs:
        spent: dict[bool, list[float]] = {True: [], False: []}
        for turn in range(120):
            address = known if turn % 2 else unknown.format(uuid4())
            started = perf_counter()
            answer = outsider.get(address)
            spent[bool(turn % 2)].append(perf_counter() - started)
            assert answer.status_code == 404
        fast, slow = sorted(median(values) for values in spent.values())
        assert slow - fast < max(0.003, 0.5 * fast), f"{known}: {fast * 1e3:.2f} ms and {slow * 1e3:.2f} ms"
    answers = {client.status_code for client in (outsider.get(f"/login/{uuid4().hex[:6]}") for _ in range(3))}
    assert len(answers) == 1


def test_k11_an_upload_takes_no_path_type_or_place_from_what_it_is_called(app: Flask, house: House, team: Team) -> None:
    """Names that lead elsewhere are kept as names; what comes back is bytes to be saved, nothing else."""
    client = browser(app, house, team.admin)
    stated = {
        "title": "x", "legal_basis": "x", "method": "seizure", "collector": "x", "place": "x", "zone": "Europe/Berlin",
        "collected_at": "2026-11-12T06:40:00+01:00", "size": 3,
    }  # fmt: skip
    for name in ("../../etc/passwd", "C:\\windows\\x", "a\r\nSet-Cookie: x=1", "x.html", 'a";filename="b.exe'):
        body = {**stated, "file_name": name, "media_type": "text/html", "client_id": uuid4().hex}
        made = client.post(f"/api/v1/workspaces/{team.id}/uploads", json=body)
        if made.status_code == 422:
            continue
        upload = made.get_json()["id"]
        sent = client.put(f"/api/v1/uploads/{upload}", data=b"abc", content_type="application/octet-stream")
        assert sent.status_code in {200, 201}, name
        taken = client.get(f"/api/v1/evidence/{upload}/content")
        assert (taken.data, taken.content_type) == (b"abc", "application/octet-stream"), name
        shown = taken.headers["Content-Disposition"]
        assert shown.startswith("attachment; "), name
        assert "Set-Cookie" not in taken.headers
        assert not set("/\\\r\n") & set(shown.partition("filename=")[2].partition(";")[0]), shown
