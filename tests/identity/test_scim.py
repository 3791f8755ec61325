"""SCIM 2.0: the agency's directory creates, changes and ends people here, and reaches nobody else's."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from jit_server import audit
from jit_server.access import OPERATOR
from jit_server.core import clock
from jit_server.core.errors import NotFound, NotPermitted, StepUp
from jit_server.identity import scim
from jit_server.identity.models import AgencyRole, Person
from jit_server.identity.usecases import staffing
from jit_server.work import SERVER_LOG, House
from tests.builders import Who, World, browser, stale
from tests.identity.signing_in import signed_in

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
Ask = Callable[..., Any]


def administrator(world: World, state: str) -> Who:
    who = world.person(state)
    with world.house.work(OPERATOR) as uow:
        staffing.appoint(uow, world.slug(state), who.id, AgencyRole.ADMIN)
    return who


def token(world: World, state: str = "FR") -> str:
    with world.work(administrator(world, state)) as uow:
        return scim.create_token(uow, scim.NewToken()).token


def asks(app: Flask, secret: str) -> Ask:
    """The agency's directory."""
    client = app.test_client()

    def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
        given = {"Authorization": f"Bearer {secret}", "Content-Type": "application/scim+json"} | headers
        data = {"data": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        return client.open(f"/scim/v2{path}", method=method, headers=given, **data)

    return ask


@pytest.fixture
def world(house: House) -> World:
    """Agencies of this test's own, so that it can count their people."""
    return World.create(house)


@pytest.fixture
def directory(app: Flask, world: World) -> Ask:
    return asks(app, token(world))


def user(**changes: Any) -> dict[str, Any]:
    name = f"Marie.{uuid4().hex[:8]}"
    honest = {"schemas": [USER], "userName": name, "externalId": uuid4().hex, "displayName": "Marie Curie"}
    return {key: value for key, value in (honest | changes).items() if value is not ...}


def patch(**values: Any) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": [{"op": "replace", "path": key, "value": v} for key, v in values.items()]}


def patched(directory: Ask, key: str, **values: Any) -> Any:
    """Change somebody; what the directory reads afterwards."""
    assert directory("PATCH", f"/Users/{key}", patch(**values)).status_code in {200, 204}
    return directory("GET", f"/Users/{key}").json


def person(house: House, key: str) -> Person:
    with house.work(OPERATOR) as uow:
        found = uow.find(Person, id=UUID(key))
    assert found is not None
    return found


def test_the_directory_makes_a_person_known_by_their_subject(directory: Ask, house: House, world: World) -> None:
    stated = user(preferredLanguage="fr-FR", timezone="Europe/Paris", emails=[{"value": "m@x.example"}])
    made = directory("POST", "/Users", stated)
    assert made.status_code == 201, made.text
    assert made.headers["Location"].endswith(f"/scim/v2/Users/{made.json['id']}")
    row = person(house, made.json["id"])
    assert (row.sub, row.name, row.language, row.zone) == (stated["externalId"], "Marie Curie", "fr", "Europe/Paris")
    assert "emails" not in made.json  # what a team need not know stays at home
    read = directory("GET", f"/Users/{made.json['id']}")
    assert (read.status_code, read.json["userName"], read.json["active"]) == (200, stated["userName"], True)


def test_without_an_external_id_the_user_name_is_the_subject(directory: Ask, house: House) -> None:
    stated = user(externalId=..., displayName=..., name={"givenName": "Marie", "familyName": "Curie"})
    row = person(house, directory("POST", "/Users", stated).json["id"])
    assert (row.sub, row.name) == (stated["userName"], "Marie Curie")


def test_somebody_who_came_before_the_directory_is_taken_over(directory: Ask, house: House, world: World) -> None:
    there = world.person("FR")
    sub = person(house, str(there.id)).sub
    made = directory("POST", "/Users", user(externalId=sub, displayName="Now Known"))
    assert made.json["id"] == str(there.id)
    assert person(house, str(there.id)).name == "Now Known"


@pytest.mark.parametrize("attribute", ["userName", "externalId"])
def test_a_search_finds_by_name_and_external_id(directory: Ask, attribute: str) -> None:
    stated = user()
    made = directory("POST", "/Users", stated).json
    directory("POST", "/Users", user())
    wanted = stated[attribute].upper() if attribute == "userName" else stated[attribute]
    found = directory("GET", f'/Users?filter={attribute} eq "{wanted}"').json
    assert (found["totalResults"], found["Resources"][0]["id"]) == (1, made["id"])
    assert directory("GET", f'/Users?filter={attribute} eq "nobody"').json["totalResults"] == 0


def test_lists_go_in_pages_and_other_filters_work(directory: Ask) -> None:
    for place in range(3):
        directory("POST", "/Users", user(displayName=f"Page {place}"))
    page = directory("GET", "/Users?startIndex=2&count=1").json
    assert (page["totalResults"], page["startIndex"], page["Resources"][0]["displayName"]) == (3, 2, "Page 1")
    assert directory("GET", '/Users?filter=displayName sw "Page"').json["totalResults"] == 3


def test_a_deactivated_person_is_out_at_once_and_can_come_back(
    directory: Ask, app: Flask, house: House, world: World
) -> None:
    there = world.person("FR")
    here = browser(app, house, there)
    assert here.get("/api/v1/me").status_code == 200
    key = directory("POST", "/Users", user(externalId=person(house, str(there.id)).sub)).json["id"]
    assert patched(directory, key, active=False)["active"] is False
    assert here.get("/api/v1/me").status_code == 401
    with house.work(OPERATOR) as uow:
        last = audit.read(uow.connection, SERVER_LOG, latest=True, limit=1)[0].content
    assert (last["event"], last["facts"]) == ("person:disabled", {"agency": world.slug("FR"), "by": "scim"})
    assert patched(directory, key, active=True)["active"] is True
    assert person(house, key).disabled_at is None


def test_the_string_false_of_some_directories_is_no_true(directory: Ask) -> None:
    key = directory("POST", "/Users", user()).json["id"]
    answer = directory("PATCH", f"/Users/{key}", patch(active="False"))
    assert answer.status_code == 400 or directory("GET", f"/Users/{key}").json["active"] is False


def test_whom_an_administrator_switched_off_stays_off(directory: Ask, house: House, world: World) -> None:
    key = directory("POST", "/Users", user()).json["id"]
    with world.work(administrator(world, "FR")) as uow:
        staffing.disable(uow, UUID(key))
    assert patched(directory, key, active=True)["active"] is False
    assert patched(directory, key, displayName="Other")["active"] is False
    assert directory("PUT", f"/Users/{key}", user(active=True)).json["active"] is False
    directory("DELETE", f"/Users/{key}")
    stated = user(externalId=person(house, key).sub)
    assert directory("POST", "/Users", stated).json["active"] is False


def test_a_deleted_person_is_gone_for_the_directory_and_can_be_made_again(directory: Ask, house: House) -> None:
    stated = user()
    key = directory("POST", "/Users", stated).json["id"]
    assert directory("DELETE", f"/Users/{key}").status_code == 204
    assert person(house, key).disabled_at is not None
    for method in ("GET", "DELETE"):
        assert directory(method, f"/Users/{key}").status_code == 404
    assert directory("GET", f'/Users?filter=userName eq "{stated["userName"]}"').json["totalResults"] == 0
    again = directory("POST", "/Users", stated)
    assert (again.status_code, again.json["id"], again.json["active"]) == (201, key, True)


def test_a_replacement_changes_everything_but_the_subject(directory: Ask, house: House) -> None:
    made = directory("POST", "/Users", user()).json
    sub = person(house, made["id"]).sub
    changed = directory("PUT", f"/Users/{made['id']}", user(displayName="New Name"))
    assert changed.status_code == 200
    assert changed.json["meta"]["version"] != made["meta"]["version"]
    row = person(house, made["id"])
    assert (row.name, row.sub) == ("New Name", sub)


def test_a_change_on_an_old_version_is_refused(directory: Ask) -> None:
    made = directory("POST", "/Users", user()).json
    key, old = made["id"], made["meta"]["version"]
    assert directory("PATCH", f"/Users/{key}", patch(displayName="A"), **{"If-Match": old}).status_code == 204
    assert directory("PATCH", f"/Users/{key}", patch(displayName="B"), **{"If-Match": old}).status_code == 412


def test_two_people_do_not_share_a_name_or_a_subject(directory: Ask) -> None:
    first, second = user(), user()
    directory("POST", "/Users", first)
    key = directory("POST", "/Users", second).json["id"]
    for again in (user(userName=first["userName"].upper()), user(externalId=first["externalId"])):
        refused = directory("POST", "/Users", again)
        assert (refused.status_code, refused.json["scimType"]) == (409, "uniqueness")
    assert directory("PATCH", f"/Users/{key}", patch(userName=first["userName"])).status_code == 409


def test_another_agencys_people_do_not_exist(app: Flask, house: House, world: World, directory: Ask) -> None:
    theirs = asks(app, token(world, "DE"))
    key = theirs("POST", "/Users", user()).json["id"]
    unlisted = world.person("FR")  # of the same agency, but not of its directory
    for known in (key, unlisted.id, uuid4(), "x", "../Users"):
        assert directory("GET", f"/Users/{known}").status_code == 404
        assert directory("PATCH", f"/Users/{known}", patch(active=False)).status_code == 404
        assert directory("DELETE", f"/Users/{known}").status_code == 404
    assert directory("GET", "/Users").json["totalResults"] == 0
    assert person(house, key).disabled_at is None


def test_nobody_passes_for_a_program(directory: Ask) -> None:
    assert directory("POST", "/Users", user(externalId="program:1")).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b"[" * 20_000, b'{"a":' * 5000,
        b"{}", b'{"schemas":[]}', b'{"schemas":["x"],"userName":"a"}', b'{"schemas":7}',
        b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":7}',
        b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":""}',
        b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a\\u0000b"}',
        b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"' + b"a" * 300 + b'"}',
        b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a","externalId":"' + b"a" * 300 + b'"}',
        b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a","active":"perhaps"}',
        b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a","name":[1]}',
        b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a","displayName":"\\u0000"}',
    ],
)  # fmt: skip
def test_garbage_is_a_scim_error_and_makes_nobody(directory: Ask, body: bytes) -> None:
    answer = directory("POST", "/Users", body)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert directory("GET", "/Users").json["totalResults"] == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/Users?filter=userName"), ("GET", "/Users?filter=((("), ("GET", "/Users?count=x"),
        ("GET", "/Users?startIndex=-1&count=-1&sortBy=userName"), ("GET", "/Groups"), ("GET", "/Nothing"), ("GET", ""),
        ("POST", "/Bulk"), ("GET", "/Me"), ("DELETE", "/Users"), ("PATCH", "/Schemas"), ("PUT", "/Users/x/y/z"),
        ("GET", "/Users/%00"), ("GET", "/Users?filter=" + "a" * 3000), ("GET", "/Users?filter=" + "(" * 2000),
    ],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_answered_with_a_scim_error(directory: Ask, method: str, path: str) -> None:
    answer = directory(method, path, {} if method in {"POST", "PUT", "PATCH"} else None)
    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    assert "urn:ietf:params:scim:" in answer.text


def test_a_body_too_large_is_refused(directory: Ask) -> None:
    answer = directory("POST", "/Users", b" " * 300_000)
    assert answer.status_code == 413
    assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


# --- tokens


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic eDp5", f"Bearer {'a' * 43}"])
def test_without_a_token_that_counts_nothing_is_served(app: Flask, header: str) -> None:
    for path in ("/Users", "/ServiceProviderConfig", ""):
        answer = app.test_client().get(f"/scim/v2{path}", headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_or_expired_token_and_that_of_a_disabled_agency_count_no_more(
    app: Flask, house: House, world: World, owner_engine: Engine
) -> None:
    admin = administrator(world, "FR")
    with world.work(admin) as uow:
        first, second = (scim.create_token(uow, scim.NewToken(days=1)) for _ in range(2))
    directories = [asks(app, one.token) for one in (first, second)]
    assert [one("GET", "/Users").status_code for one in directories] == [200, 200]
    with world.work(admin) as uow:
        scim.revoke_token(uow, first.row.id)
    assert [one("GET", "/Users").status_code for one in directories] == [401, 200]
    with owner_engine.begin() as connection:
        past = {"then": clock.now(), "id": second.row.id}
        connection.execute(text("UPDATE scim_token SET expires_at = :then WHERE id = :id"), past)
    assert directories[1]("GET", "/Users").status_code == 401
    with world.work(admin) as uow:
        assert len(scim.list_tokens(uow)) == 2


def test_only_a_freshly_signed_in_administrator_makes_a_token(world: World) -> None:
    admin, plain = administrator(world, "FR"), world.person("FR")
    with pytest.raises(NotPermitted), world.work(plain) as uow:
        scim.create_token(uow, scim.NewToken())
    with pytest.raises(StepUp), world.work(stale(admin)) as uow:
        scim.create_token(uow, scim.NewToken())
    with world.work(admin) as uow:
        made = scim.create_token(uow, scim.NewToken()).row
    with pytest.raises(NotFound), world.work(administrator(world, "DE")) as uow:
        scim.revoke_token(uow, made.id)


def test_a_token_is_kept_as_its_digest_only(world: World, owner_engine: Engine) -> None:
    secret = token(world)
    with owner_engine.connect() as connection:
        rows = connection.execute(text("SELECT token_hash::text FROM scim_token")).scalars().all()
    assert all(secret not in row for row in rows)


def test_an_administrator_makes_lists_and_revokes_tokens_by_the_api(app: Flask, house: House, world: World) -> None:
    admin = browser(app, house, administrator(world, "FR"))
    here = "/api/v1/agency/directory-tokens"
    made = admin.post(here, json={"days": 7})
    assert made.status_code == 201, made.text
    assert asks(app, made.json["token"])("GET", "/Users").status_code == 200
    assert [set(one) for one in admin.get(here).json["items"]] == [{"id", "created_at", "expires_at", "revoked_at"}]
    assert admin.post(f"{here}/{made.json['id']}/revoke").json["revoked_at"] is not None
    assert asks(app, made.json["token"])("GET", "/Users").status_code == 401
    assert admin.post(here, json={"days": 999}).status_code == 422
    plain = browser(app, house, world.person("FR"))
    assert (plain.get(here).status_code, plain.post(here, json={}).status_code) == (403, 403)


def test_no_answer_that_shows_a_token_is_kept(app: Flask, house: House, world: World, owner_engine: Engine) -> None:
    admin = browser(app, house, administrator(world, "FR"))
    again = {"Idempotency-Key": uuid4().hex}
    first, second = (admin.post("/api/v1/agency/directory-tokens", json={}, headers=again).json for _ in range(2))
    assert first["token"] != second["token"]
    with owner_engine.connect() as connection:
        kept = connection.execute(text("SELECT body FROM kept_answer")).scalars().all()
    assert not [body for body in kept if first["token"] in body or second["token"] in body]


def test_an_administrator_makes_and_revokes_a_token_on_the_page(app: Flask, house: House, world: World) -> None:
    admin = signed_in(app, house, administrator(world, "FR"))
    shown = admin.post("/agency/identity/directory", days="7")
    assert shown.status_code == 200
    made = shown.text.split('data-copy="')[1].split('"')[0]
    directory = asks(app, made)
    key = directory("POST", "/Users", user(displayName="Provisioned Person")).json["id"]
    page = admin.get("/agency/identity").text
    assert made not in page
    assert "by the agency’s directory (SCIM)" in admin.get(f"/agency/members/{key}").text
    token_id = page.split("/agency/identity/directory/")[1].split("/revoke")[0]
    assert admin.post(f"/agency/identity/directory/{token_id}/revoke").status_code == 303
    assert directory("GET", "/Users").status_code == 401
    assert admin.post("/agency/identity/directory", days="999").status_code == 303
