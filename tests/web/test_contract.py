"""What a program may rely on: problems, idempotency, versions, cursors, the OpenAPI document, headers, outages."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask

from jit_server import app as application
from jit_server import workspaces
from jit_server.core import database
from jit_server.core.settings import Settings
from jit_server.web.api import parse
from jit_server.work import House
from tests.builders import World, browser

PROBLEM = "application/problem+json"


def test_a_wrong_field_is_named_with_its_remedy(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    answer = browser(app, house, team.admin).post(
        f"/api/v1/workspaces/{team.id}/members", json={"role": "king", "extra": 1, "person_id": "x"}
    )
    assert (answer.status_code, answer.mimetype) == (422, PROBLEM)
    named = {one["field"]: one["remedy"] for one in answer.get_json()["errors"]}
    assert set(named) == {"role", "extra", "person_id"}
    assert all(named.values())


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"x"', b"{", b"{" * 100_000, b'{"a": NaN}', b"\xff\xfe", b"1e999"]
)
def test_a_body_that_is_no_json_object_is_refused_and_never_breaks(
    app: Flask, house: House, world: World, body: bytes
) -> None:
    team = world.workspace()
    answer = browser(app, house, team.admin).post(
        f"/api/v1/workspaces/{team.id}/members", data=body, content_type="application/json"
    )
    assert (answer.status_code, answer.mimetype) == (400, PROBLEM)


def test_a_body_over_the_limit_is_413(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    one = browser(app, house, team.admin)
    big = json.dumps({"reason": "x" * 300_000})
    answer = one.post(f"/api/v1/workspaces/{team.id}/members", data=big, content_type="application/json")
    assert (answer.status_code, answer.get_json()["type"]) == (413, "/problems/too-large")


def test_the_same_idempotency_key_is_answered_again_and_done_once(app: Flask, house: House, world: World) -> None:
    team, guest = world.workspace(), world.person("FR")
    one, key = browser(app, house, team.admin), {"Idempotency-Key": uuid4().hex}
    new = {"person_id": str(guest.id), "role": "member"}
    first = one.post(f"/api/v1/workspaces/{team.id}/members", json=new, headers=key)
    again = one.post(f"/api/v1/workspaces/{team.id}/members", json=new, headers=key)
    assert (first.status_code, first.data) == (201, again.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.headers["Location"] == again.headers["Location"]
    other = one.post(f"/api/v1/workspaces/{team.id}/members", json={**new, "role": "observer"}, headers=key)
    assert other.status_code == 409


def test_a_refused_request_keeps_no_answer(app: Flask, house: House, world: World) -> None:
    team, guest = world.workspace(), world.person("FR")
    one, key = browser(app, house, team.admin), {"Idempotency-Key": uuid4().hex}
    address = f"/api/v1/workspaces/{team.id}/members"
    assert one.post(address, json={"person_id": str(guest.id), "role": "participant"}, headers=key).status_code == 422
    assert one.post(address, json={"person_id": str(guest.id), "role": "member"}, headers=key).status_code == 201


def test_a_phase_changes_only_from_the_version_that_was_read(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    one, address = browser(app, house, team.admin), f"/api/v1/workspaces/{team.id}"
    change = {"phase": "suspended", "reason": "dispute"}
    assert one.post(f"{address}/phase", json=change).status_code == 428
    assert one.post(f"{address}/phase", json=change, headers={"If-Match": '"0"'}).status_code == 412
    etag = one.get(address).headers["ETag"]
    assert one.post(f"{address}/phase", json=change, headers={"If-Match": etag}).status_code == 200
    assert one.post(f"{address}/phase", json=change, headers={"If-Match": etag}).status_code == 412


def test_the_log_goes_on_by_link(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    one, seen, address = browser(app, house, team.admin), [], f"/api/v1/workspaces/{team.id}/log?limit=4"
    for _ in range(3):
        answer = one.get(address)
        seen += [entry["position"] for entry in answer.get_json()["items"]]
        address = answer.headers["Link"].split(">")[0].lstrip("<")
    assert seen == list(range(1, 13))


def test_a_cursor_of_another_list_is_named(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    one = browser(app, house, team.admin)
    for cursor in ("x", "%00", "W10", "eyJhIjoxfQ"):
        answer = one.get(f"/api/v1/workspaces/{team.id}/evidence?cursor={cursor}")
        assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "cursor")


def test_the_openapi_document_is_3_1_and_knows_every_api_route(app: Flask) -> None:
    spec = app.test_client().get("/api/v1/openapi.json").get_json()
    assert spec["openapi"] == "3.1.0"
    routes = {
        (str(rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if str(rule).startswith("/api/v1/") and not str(rule).endswith(("openapi.json", "docs"))
    }
    documented = {(path, method) for path, one in spec["paths"].items() for method in one}
    plain = {
        (rule.replace("<uuid:", "{").replace("<int:", "{").replace("<", "{").replace(">", "}"), m) for rule, m in routes
    }
    assert plain == documented
    text = json.dumps(spec)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}:
        assert reference in spec["components"]["schemas"]


def test_every_answer_carries_the_safe_headers(app: Flask, house: House, world: World) -> None:
    team = world.workspace()
    one = browser(app, house, team.admin)
    for address in ("/", "/login", f"/w/{team.id}", "/nothing", "/api/v1/me", "/healthz"):
        answer = one.get(address, headers={"Accept": "text/html"})
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Cookie" in answer.headers["Vary"]
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        if answer.mimetype == "text/html":
            assert "require-trusted-types-for 'script'" in policy


@pytest.mark.parametrize(
    "name", ["X-Forwarded-Host", "X-Forwarded-User", "X-Forwarded-For", "X-Original-URL", "Forwarded"]
)
def test_forged_proxy_headers_change_nothing(app: Flask, name: str) -> None:
    client = app.test_client()
    plain, forged = client.get("/login"), client.get("/login", headers={name: "evil.test"})
    assert b"evil.test" not in forged.data
    assert plain.status_code == forged.status_code


def test_an_unknown_host_is_refused(app: Flask) -> None:
    assert app.test_client().get("/login", headers={"Host": "evil.test"}).status_code == 400


@pytest.fixture
def broken(settings: Settings, house: House, tmp_path: Path) -> Iterator[Flask]:
    """The application over a database that does not answer."""
    gone = settings.model_copy(update={"database_url": f"postgresql://jit_app@/jit?host={tmp_path}"})
    engine = database.engine(gone.database_url)
    yield application.create(gone, House(gone, engine, house.vault, house.key))
    engine.dispose()


def test_without_its_database_the_server_says_so_and_lets_nobody_in(broken: Flask) -> None:
    client = broken.test_client()
    client.set_cookie("jit", "c" * 43)
    for address in ("/api/v1/me", "/api/v1/workspaces", f"/api/v1/workspaces/{uuid4()}"):
        answer = client.get(address)
        assert (answer.status_code, answer.get_json()["type"]) == (503, "/problems/database-down")
        assert answer.headers["Retry-After"]
    page = client.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 503
    assert client.get("/healthz").status_code == 200
    assert (client.get("/readyz").status_code, client.get("/readyz").get_json()["database"]) == (503, "down")


def test_a_problems_type_leads_to_its_explanation(app: Flask) -> None:
    answer = app.test_client().get("/problems/mismatch", headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert b"bytes" in answer.data


def test_parse_refuses_a_list_where_an_object_is_asked(app: Flask) -> None:
    with (
        app.test_request_context("/", data=b"[1]", content_type="application/json"),
        pytest.raises(Exception, match="object"),
    ):
        parse(workspaces.End)
