"""The room through its doors: the page that refuses leads to the ask, the originator's day to the answer, and back."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jit_server import consents
from jit_server.core import clock
from tests.builders import Team, Who, World, browser
from tests.consents.test_asking import READ, asked, granted
from tests.consents.test_two_people import phase
from tests.evidence.builders import exhibit

HTML = {"Accept": "text/html"}
PURPOSE = {"Jit-Purpose": "prosecution; indictment"}


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture
def item(team: Team):
    return exhibit(team, team.admin, handling="H2", title="Bank statements")


@pytest.fixture
def sees(app: Flask, team: Team):
    """A browser for somebody."""
    return lambda who: browser(app, team.world.house, who)


def page(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path, headers=HTML | PURPOSE)
    assert answer.status_code == status, answer.text
    return answer.text


def post(client: FlaskClient, path: str, status: int = 303, **fields) -> str:
    token = re.search(r'name="csrf" value="([^"]+)"', client.get("/", headers=HTML).text)[1]
    answer = client.post(path, data={"csrf": token, **fields}, headers=HTML)
    assert answer.status_code == status, answer.text
    return answer.headers.get("Location") or answer.text


def links(text: str) -> list[str]:
    return re.findall(r'href="(/[^"]*)"', text.replace("&amp;", "&"))


def one(text: str, part: str) -> str:
    return next(link for link in links(text) if part in link)


def test_from_the_refusal_to_the_ask_to_the_answer_to_the_exhibit_and_back(team: Team, item, sees):
    asker, owner = sees(team.leaders["FR"]), sees(team.admin)
    address = f"/w/{team.id}/evidence/{item.number}"
    refused = page(asker, address, 403)
    form = page(asker, one(refused, "/asks/new"))
    assert item.number in form
    said = {"purpose": "trial", "purpose_text": "Hearing on Monday", "days": "5"}
    subject = {"subject_kind": "evidence_item", "subject_id": str(item.id)}
    where = post(asker, f"/w/{team.id}/asks", **subject, **said, actions=["evidence:read"])
    assert "Waits for the originator" in page(asker, where)
    assert one(page(asker, address, 403), "/asks/") == where
    day = page(owner, "/")
    assert where in links(day)
    until = (clock.now().date()).isoformat()
    post(owner, f"{where}/grant", to="person", actions=["evidence:read"], until=until, clause="B30")
    assert where in links(page(asker, "/"))
    assert "Consent given" in page(asker, where)
    assert where not in links(page(asker, "/"))
    assert "Bank statements" in page(asker, address)
    post(owner, f"{where}/revoke", reason="no longer")
    again = page(asker, address, 403)
    assert "consent has ended" in again
    assert "/asks/new" in again


def test_a_form_that_does_not_hold_comes_back_with_what_was_typed(team: Team, item, sees):
    asker, owner = sees(team.leaders["FR"]), sees(team.admin)
    subject = {"subject_kind": "evidence_item", "subject_id": str(item.id)}
    text = post(asker, f"/w/{team.id}/asks", 422, **subject, purpose="trial", purpose_text="Monday", days="9000")
    assert "Monday" in text
    assert 'id="actions-error"' in text
    consent = asked(team, team.leaders["FR"], item)
    text = post(owner, f"/w/{team.id}/asks/{consent.id}/grant", 422, to="party", until="2020-01-01", clause="B30",
                reason="take care", actions=["evidence:read"])  # fmt: skip
    assert "take care" in text
    assert 'id="until-error"' in text or "expires_at" in text


def test_an_outsider_and_a_colleague_find_no_ask(team: Team, world: World, item, sees):
    consent = asked(team, team.leaders["FR"], item)
    absent = page(sees(world.person("NL")), f"/w/{team.id}/asks/{consent.id}", 404)
    page(sees(team.join("FR")), f"/w/{team.id}/asks/{consent.id}", 404)
    assert page(sees(world.person("NL")), f"/w/{team.id}/asks", 404).split("<main")[1] == absent.split("<main")[1]


def test_an_emergency_opens_and_the_originators_day_says_so_until_it_is_seen(team: Team, item, sees):
    caller, owner = sees(team.leaders["FR"]), sees(team.admin)
    address = f"/w/{team.id}/evidence/{item.number}"
    form = one(page(caller, address, 403), "/emergencies/new")
    assert "told at once" in page(caller, form)
    subject = {"subject_kind": "evidence_item", "subject_id": str(item.id)}
    said = {"reason": "life", "reason_text": "Hostage", "minutes": "30"}
    where = post(caller, f"/w/{team.id}/emergencies", **subject, **said, actions=["evidence:read"])
    assert "Bank statements" in page(caller, address)
    assert where in links(page(owner, "/"))
    seen = re.search(r'action="(/notices/[^"]+)"', page(owner, where))[1]
    post(owner, seen)
    assert where not in links(page(owner, "/"))
    post(owner, f"{where}/review", review="objected", text="We had time")
    assert "The originator objects" in page(caller, where)
    page(caller, address, 403)


def test_closing_goes_by_two_pages_and_two_people(team: Team, sees):
    first, second = sees(team.admin), sees(team.leaders["FR"])
    assert "post_operational" in page(first, f"/w/{team.id}/approvals")
    where = post(first, f"/w/{team.id}/approvals", phase="post_operational", reason="The trial is over")
    digest = re.search(r'name="digest" value="([^"]+)"', page(second, where))[1]
    assert 'name="digest"' not in page(first, where)
    post(first, f"{where}/decide", 403, answer="approve", digest=digest)
    assert where in links(page(second, "/"))
    post(second, f"{where}/decide", 422, answer="reject", digest=digest)
    post(second, f"{where}/decide", answer="approve", digest=digest)
    assert phase(team) == "post_operational"


def test_the_api_says_the_same_as_the_pages(team: Team, item, sees):
    asker, owner = sees(team.leaders["FR"]), sees(team.admin)
    base = f"/api/v1/workspaces/{team.id}"
    refused = asker.get(f"/api/v1/evidence/{item.id}", headers=PURPOSE)
    assert refused.status_code == 403
    assert refused.json["policy"]["remedy"] == "ask_originator"
    assert refused.json["ways_out"]["ask"].startswith(f"/w/{team.id}/asks/new")
    new = {"subject_kind": "evidence_item", "subject_id": str(item.id), "actions": ["evidence:read"],
           "purpose": "trial", "purpose_text": "Monday", "days": 3}  # fmt: skip
    made = asker.post(f"{base}/asks", json=new)
    assert made.status_code == 201
    assert asker.post(f"{base}/asks", json=new | {"purpose": "curiosity"}).status_code == 422
    assert owner.get(f"{base}/asks").json["items"][0]["may_decide"] is True
    ask_id = made.json["id"]
    ends = clock.now().replace(hour=23, minute=59, second=59).isoformat()
    yes = {"to": "party", "actions": ["evidence:read"], "expires_at": ends, "clause": "B30"}
    assert asker.post(f"{base}/asks/{ask_id}/grant", json=yes).status_code == 403
    assert owner.post(f"{base}/asks/{ask_id}/grant", json=yes).json["live"] is True
    assert asker.get(f"/api/v1/evidence/{item.id}", headers=PURPOSE).status_code == 200
    assert owner.post(f"{base}/asks/{ask_id}/revoke", json={"reason": "over"}).json["state"] == "revoked"
    assert asker.get(f"/api/v1/evidence/{item.id}", headers=PURPOSE).status_code == 403


def test_an_old_sign_in_is_sent_back_to_the_agency_before_an_answer(app: Flask, team: Team, item):
    from tests.builders import sign_in

    consent = asked(team, team.leaders["FR"], item)
    client = app.test_client()
    client.set_cookie(
        team.world.house.settings.cookie, sign_in(team.world.house, team.admin, fresh=False), domain="localhost"
    )
    client.environ_base["HTTP_ORIGIN"] = team.world.house.settings.base_url
    answer = client.post(f"/api/v1/workspaces/{team.id}/asks/{consent.id}/refuse", json={"reason": "no"})
    assert answer.status_code == 401
    assert answer.json["type"] == "/problems/step-up-required"


def test_a_refusal_that_no_consent_lifts_offers_none(team: Team, item, sees):
    refused = sees(team.join("FR")).post(f"/api/v1/workspaces/{team.id}/members", json={})
    assert refused.json.get("ways_out") is None
    member = team.join("FR")
    text = page(sees(member), f"/w/{team.id}/evidence/{item.number}", 403)
    assert "/asks/new" in text
    assert "/emergencies/new" not in text


def granted_to(team: Team, who: Who, item) -> consents.Consent:
    return granted(team, team.admin, asked(team, who, item, READ))
