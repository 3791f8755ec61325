"""K7: each door of an agency against another agency's administrator, a plain member, an auditor and nobody."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from jit_server import identity
from jit_server.access import OPERATOR, Action
from jit_server.core.errors import NotFound
from jit_server.identity import AgencyRole, Claim, NewInvitation, programs
from jit_server.identity.models import Invitation, Issuer, LoginSession, Person
from jit_server.identity.programs import ApiClient, NewClient
from jit_server.identity.usecases import staffing
from jit_server.web.declared import declaration_of
from jit_server.work import House
from tests.builders import Who, World, browser, sign_in

PAGE = {"Accept": "text/html"}


def _fields(method: str, rule: str) -> dict[str, Any]:
    """What the door would take from whoever may use it."""
    if method == "PATCH" or rule.endswith("/role"):
        return {"role": "admin"}
    if rule.endswith(("/invite", "/invitations")):
        return {"claim": "sub", "value": "somebody", "days": 3}
    return {}


@dataclass
class Office:
    """An agency with an administrator and somebody they look after, and all who have no business there."""

    app: Flask
    world: World
    admin: Who
    auditor: Who
    plain: Who
    stranger: Who
    person: Who
    session: UUID
    invitation: UUID
    issuer: UUID
    program: UUID

    def at(self, rule: str) -> str:
        """The address of a door, about this agency's own things."""
        known = {
            "person_id": self.person.id,
            "session_id": self.session,
            "invitation_id": self.invitation,
            "issuer_id": self.issuer,
            "client_id": self.program,
        }
        return re.sub(r"<uuid:(\w+)>", lambda found: str(known.get(found.group(1), uuid4())), rule)

    def state(self) -> Any:
        """All that a door could have changed."""
        with self.world.house.work(OPERATOR) as uow:
            mine = identity.agency(uow, self.admin.agency)
            people = uow.every(Person, Person.agency_id == mine.id)
            rows = [(one.id, one.agency_role, one.disabled_at, one.epoch) for one in people]
            live = [
                one.id for one in uow.every(LoginSession, LoginSession.person_id == self.person.id) if not one.ended_at
            ]
            expected = [(one.id, one.expires_at) for one in uow.every(Invitation, Invitation.agency_id == mine.id)]
            keys = [one.model_dump() for one in uow.every(ApiClient, ApiClient.agency_id == mine.id)]
            issuers = [one.model_dump() for one in uow.every(Issuer, Issuer.agency_id == mine.id)]
        return sorted(rows), live, sorted(expected), issuers, keys, mine.not_before


@pytest.fixture
def office(app: Flask, house: House) -> Office:
    world = World.create(house)
    people = {name: world.person("DE") for name in ("admin", "auditor", "plain", "person")}
    people["stranger"] = world.person("FR")
    roles = {"admin": AgencyRole.ADMIN, "auditor": AgencyRole.AUDITOR, "stranger": AgencyRole.ADMIN}
    for name, role in roles.items():
        with house.work(OPERATOR) as uow:
            identity.appoint(uow, people[name].agency, people[name].id, role)
    sign_in(house, people["person"])
    with world.work(people["admin"]) as uow:
        invited = staffing.invite(uow, NewInvitation(claim=Claim.SUB, value=uuid4().hex))
        program = programs.create_client(uow, NewClient(name="Backup", scopes=(Action.LOG_READ,))).client
        mine = identity.agency(uow, people["admin"].agency)
        issuer = identity.issuer_of(uow, mine)
        session = uow.find(LoginSession, person_id=people["person"].id)
        assert session is not None
    return Office(
        app=app, world=world, **people, session=session.id, invitation=invited.id, issuer=issuer.id, program=program.id
    )


def doors(app: Flask) -> Iterator[tuple[str, str]]:
    for rule in app.url_map.iter_rules():
        says = declaration_of(app.view_functions[rule.endpoint])
        if says is not None and says.kind == "administers":
            for method in (rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"}:
                yield method, str(rule)


def _token(client: FlaskClient) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/me", headers=PAGE).text)
    return found.group(1) if found else ""


def knock(client: FlaskClient, method: str, address: str, **fields: str) -> Any:
    if method == "GET" or address.startswith("/api/"):
        return client.open(address, method=method, headers=PAGE, json=fields if method != "GET" else None)
    return client.open(address, method=method, headers=PAGE, data={"csrf": _token(client), **fields})


@pytest.mark.parametrize("who", ["stranger", "plain", "auditor", "nobody"])
def test_k7_every_door_of_an_agency_refuses_whoever_does_not_administer_it_and_nothing_changes(
    office: Office, house: House, who: str
) -> None:
    before, seen = office.state(), list(doors(office.app))
    assert len(seen) > 12
    for method, rule in seen:
        client = office.app.test_client() if who == "nobody" else browser(office.app, house, getattr(office, who))
        client.environ_base["HTTP_ORIGIN"] = house.settings.base_url
        answer = knock(client, method, office.at(rule), **_fields(method, rule))
        words = f"{who} {method} {rule} -> {answer.status_code}"
        named = "<uuid:" in rule
        if who == "nobody":
            assert answer.status_code in {303, 401, 403}, words
            assert answer.status_code != 303 or answer.location.startswith("/login"), words
        elif who == "plain":
            assert answer.status_code == 403, words
        elif who == "stranger" and named:
            assert answer.status_code == 404, words
        elif who == "auditor" and method != "GET":
            assert answer.status_code in {403, 404}, words
        for name in (office.person.name, office.admin.name) if who != "auditor" else ():
            assert name not in answer.text, words
    assert office.state() == before


def test_what_belongs_to_another_agency_and_what_does_not_exist_answer_alike(office: Office, house: House) -> None:
    client = browser(office.app, house, office.stranger)
    for path in ("/agency/members/{}", "/agency/identity/{}"):
        theirs = client.get(path.format(office.person.id if "members" in path else office.issuer), headers=PAGE)
        absent = client.get(path.format(uuid4()), headers=PAGE)
        assert (theirs.status_code, _still(theirs.text)) == (absent.status_code, _still(absent.text))


def _still(page: str) -> str:
    """A page without what differs at each load."""
    return re.sub(r'(nonce|hx-nonce|value)="[^"]*"', "", re.sub(r"nonce-[^']*", "", page))


def test_an_auditor_reads_every_page_and_is_offered_no_change(office: Office, house: House) -> None:
    client = browser(office.app, house, office.auditor)
    pages = (
        "",
        "/members",
        f"/members/{office.person.id}",
        "/identity",
        f"/identity/{office.issuer}",
        "/keys",
        "/audit",
    )
    for path in pages:
        answer = client.get(f"/agency{path}", headers=PAGE)
        assert answer.status_code == 200, path
        forms = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]+)"', answer.text)
        assert set(forms) == {"/logout"}, path


def test_an_administrator_does_it_all_by_forms(office: Office, house: House) -> None:
    client = browser(office.app, house, office.admin)
    one = f"/agency/members/{office.person.id}"

    def post(address: str, **fields: str) -> str:
        done = knock(client, "POST", address, **fields)
        assert done.status_code == 303, done.text
        return client.get(done.location, headers=PAGE).text

    assert "new@agency.example is expected" in post(
        "/agency/members/invite", claim="email", value="New@agency.example", days="3"
    )
    assert "is expected no longer" in post(f"/agency/invitations/{office.invitation}/withdraw")
    assert "The session has ended" in post(f"{one}/sessions/{office.session}/end")
    assert "has changed" in post(f"{one}/role", role="auditor")
    assert "signed out everywhere" in post(f"{one}/disable")
    assert "may sign in again" in post(f"{one}/enable")
    assert "0 sessions have ended" in post(f"{one}/sessions/end")
    page = client.get("/agency", headers=PAGE).text
    assert "What needs you" in page
    assert 'aria-current="page"' in page


def test_an_invitation_that_is_wrong_keeps_what_was_typed(office: Office, house: House) -> None:
    client = browser(office.app, house, office.admin)
    answer = knock(client, "POST", "/agency/members/invite", claim="email", value="who@agency.example", days="900")
    assert answer.status_code == 422
    assert "who@agency.example" in answer.text
    assert 'id="days-error"' in answer.text


def test_the_last_sign_in_must_be_recent_to_open_something(office: Office, house: House) -> None:
    client = office.app.test_client()
    client.set_cookie(house.settings.cookie, sign_in(house, office.admin, fresh=False), domain="localhost")
    client.environ_base["HTTP_ORIGIN"] = house.settings.base_url
    page = client.get(f"/agency/members/{office.person.id}", headers=PAGE).text
    assert "/step-up?next=/agency/members/" in page
    answer = knock(client, "POST", f"/agency/members/{office.person.id}/role", role="admin")
    assert answer.status_code == 401
    assert "/step-up" in answer.text


def test_the_registration_of_an_issuer_is_changed_and_refused_field_by_field(office: Office, house: House) -> None:
    client = browser(office.app, house, office.admin)
    address = f"/agency/identity/{office.issuer}"
    fields = {"client_id": "jit", "algorithms": "ES256", "profile": "oidc", "jwks_ttl": "600", "claims.name": "name"}
    wrong = knock(client, "POST", address, **fields | {"jwks_ttl": "1", "acr_accepted": "high substantial"})
    assert wrong.status_code == 422
    assert 'id="jwks_ttl-error"' in wrong.text
    assert 'value="high substantial"' in wrong.text
    done = knock(
        client,
        "POST",
        address,
        **fields,
        acr_accepted="high substantial",
        **{"claims.groups": "groups", "claims.admin_groups": "jit-admins\r\nheads"},
    )
    assert done.status_code == 303, done.text
    with house.work(OPERATOR) as uow:
        found = uow.find(Issuer, id=office.issuer)
    assert found is not None
    assert found.acr_accepted == ["high", "substantial"]
    assert found.claims["admin_groups"] == ["jit-admins", "heads"]


def test_one_more_issuer_is_registered_with_a_key_of_this_servers_own(office: Office, house: House) -> None:
    client = browser(office.app, house, office.admin)
    url = f"https://{uuid4().hex}.example"
    fields = {
        "url": url,
        "key": "second",
        "client_id": "jit",
        "algorithms": "ES256",
        "profile": "oidc",
        "jwks_ttl": "600",
    }
    done = knock(client, "POST", "/agency/identity/new", **fields)
    assert done.status_code == 303, done.text
    page = client.get(done.location.partition("?")[0], headers=PAGE).text
    assert "&#34;kty&#34;: &#34;EC&#34;" in page
    assert "&#34;d&#34;" not in page
    again = knock(client, "POST", "/agency/identity/new", **fields)
    assert again.status_code == 409
    assert url in again.text


def test_every_session_of_the_agency_ends_after_a_page_that_says_what_that_means(office: Office, house: House) -> None:
    client = browser(office.app, house, office.admin)
    assert "signed out within seconds" in client.get("/agency/identity/end-sessions", headers=PAGE).text
    assert knock(client, "POST", "/agency/identity/end-sessions").status_code == 303
    assert client.get("/agency", headers=PAGE).location.startswith("/login")
    with house.work(OPERATOR) as uow:
        assert uow.find(LoginSession, person_id=office.person.id, ended_at=None) is None


def test_the_log_is_exported_as_a_table_that_runs_nothing(office: Office, house: House, owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        renamed = {"name": '=HYPERLINK("http://x")', "id": office.admin.id}
        connection.execute(text("UPDATE person SET name = :name WHERE id = :id"), renamed)
    client = browser(office.app, house, office.admin)
    answer = client.get("/agency/audit.csv?event=person:invited", headers=PAGE)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    lines = list(csv.reader(io.StringIO(answer.text)))
    assert lines[0][:4] == ["at (UTC)", "event", "outcome", "person"]
    assert lines[1][1] == "person:invited"
    assert lines[1][3].startswith("'=HYPERLINK")
    again = client.get("/agency/audit?event=log:exported", headers=PAGE).text
    assert "Log exported" in again


def test_the_log_is_filtered_and_paged(office: Office, house: House) -> None:
    client = browser(office.app, house, office.admin)
    for _ in range(52):
        client.get("/agency/audit", headers=PAGE)
    page = client.get("/agency/audit?event=log:read", headers=PAGE).text
    older = re.search(r'href="(/agency/audit\?[^"]*before=[^"]+)" rel="next"', page)
    assert older is not None
    assert client.get(older.group(1).replace("&amp;", "&"), headers=PAGE).status_code == 200
    assert "Nothing on this log fits" in client.get("/agency/audit?until=2001-01-01", headers=PAGE).text


def test_programs_get_the_same_as_the_pages(office: Office, house: House) -> None:
    client = browser(office.app, house, office.admin)

    def says(method: str, path: str, status: int = 200, **body: Any) -> Any:
        done = client.open(f"/api/v1/agency{path}", method=method, json=body if method != "GET" else None)
        assert done.status_code == status, done.text
        return done.json

    one = f"/members/{office.person.id}"
    assert says("GET", "")["count"]["all"] == 4
    assert [who["name"] for who in says("GET", f"/members?named={office.person.name}")["items"]] == [office.person.name]
    assert says("PATCH", one, role="auditor")["role"] == "auditor"
    assert says("PATCH", one, 422, role="king")["errors"][0]["field"] == "role"
    assert says("POST", f"{one}/sessions/end")["ended"] == 1
    assert says("POST", f"{one}/disable")["disabled_at"] is not None
    assert says("POST", f"{one}/enable")["disabled_at"] is None
    assert says("GET", one)["workspaces"] == 0
    made = says("POST", "/invitations", 201, claim="sub", value="4711", days=2)
    assert made["id"] in [found["id"] for found in says("GET", "/invitations")["items"]]
    assert says("DELETE", f"/invitations/{made['id']}")["value"] == "4711"
    events = [act["event"] for act in says("GET", "/audit")["items"]]
    assert {"person:disabled", "person:enabled", "person:changed", "invitation:withdrawn"} <= set(events)


def test_a_key_is_shown_once_works_until_it_is_renewed_and_ends_when_it_is_revoked(
    office: Office, house: House
) -> None:
    client, program = browser(office.app, house, office.admin), office.app.test_client()

    def secret(page: str) -> tuple[str, str]:
        shown = re.findall(r'<code class="digest" translate="no">([^<]+)</code>', page)
        return shown[0], shown[1]

    def token(key: str, kept: str) -> Any:
        return program.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(key, kept))

    data = {"csrf": _token(client), "name": "Weekly report", "days": "30", "scopes": ["log:read", "workspace:read"]}
    wrong = client.post("/agency/keys", data=data | {"scopes": []}, headers=PAGE)
    assert (wrong.status_code, "Weekly report" in wrong.text) == (422, True)
    made = client.post("/agency/keys", data=data, headers=PAGE)
    key, kept = secret(made.text)
    assert token(key, kept).status_code == 200
    assert kept not in client.get("/agency/keys", headers=PAGE).text
    renewed = knock(client, "POST", f"/agency/keys/{key}/rotate")
    assert token(key, kept).status_code == 401
    assert token(key, secret(renewed.text)[1]).status_code == 200
    assert knock(client, "POST", f"/agency/keys/{key}/revoke").status_code == 303
    assert token(key, secret(renewed.text)[1]).status_code == 401
    assert ">Weekly report</a>" not in client.get("/agency/members", headers=PAGE).text


def test_a_program_is_nobody_of_the_agency_and_can_be_given_no_role(office: Office, house: House) -> None:
    with house.work(OPERATOR) as uow:
        found = uow.find(ApiClient, id=office.program)
    assert found is not None
    with pytest.raises(NotFound), office.world.work(office.admin) as uow:
        staffing.change_role(uow, found.person_id, AgencyRole.ADMIN)
