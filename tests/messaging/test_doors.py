"""The room's JSON doors and pages: what they answer, what they refuse, and that nothing typed is lost."""

import re
from html import unescape
from uuid import uuid4

import pytest

from jit_server import messaging
from jit_server.access import Role
from jit_server.messaging.views import address
from tests.builders import browser


@pytest.fixture
def team(world):
    return world.workspace()


@pytest.fixture
def me(app, house, team):
    return browser(app, house, team.admin)


@pytest.fixture
def channel(team):
    with team.world.work(team.admin) as uow:
        return messaging.create_channel(uow, team.id, messaging.NewChannel(name="operations")).id


def said(text="Search at 06:00", **more):
    return {"topic": "general", "text": text, "client_id": uuid4().hex, **more}


def post(browser_, channel, **more):
    answer = browser_.post(f"/api/v1/channels/{channel}/messages", json=said(**more))
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()


def form_of(page):
    """The composer's hidden fields."""
    text = page.get_data(as_text=True)
    return {name: re.search(rf'name="{name}" value="([^"]*)"', text)[1] for name in ("csrf", "client_id")}


def test_a_channel_is_opened_listed_and_written_to(me, team):
    made = me.post(f"/api/v1/workspaces/{team.id}/channels", json={"name": "money", "purpose": "accounts"})
    assert made.status_code == 201
    channel = made.get_json()["id"]
    post(me, channel)
    listed = me.get(f"/api/v1/workspaces/{team.id}/channels").get_json()["items"]
    assert [(one["name"], one["topics"][0]["name"], one["topics"][0]["messages"]) for one in listed] == [
        ("money", "general", 1)
    ]
    assert me.post(f"/api/v1/workspaces/{team.id}/channels", json={"name": "money"}).status_code == 409


def test_pages_of_a_channel_are_linked_by_cursors(me, channel):
    kept = [post(me, channel, text=str(number))["position"] for number in range(5)]
    following, seen = f"/api/v1/channels/{channel}/messages?limit=2", []
    while following:
        answer = me.get(following)
        seen = [one["position"] for one in answer.get_json()["items"]] + seen
        link = answer.headers.get("Link")
        following = re.search(r"<([^>]*)>", link)[1] if link else None
    assert seen == kept
    assert me.get(f"/api/v1/channels/{channel}/messages?cursor=nonsense").status_code == 422
    assert me.get(f"/api/v1/channels/{channel}/messages?limit=1000").status_code == 422


def test_a_send_repeated_over_http_is_answered_with_the_first_message(me, channel):
    wish = said()
    first, again = (me.post(f"/api/v1/channels/{channel}/messages", json=wish) for _ in range(2))
    assert first.get_json() == again.get_json()
    assert me.post(f"/api/v1/channels/{channel}/messages", json={**wish, "text": "other"}).status_code == 409


def test_a_correction_states_the_version_it_was_written_against(me, channel):
    kept = post(me, channel)
    there = f"/api/v1/messages/{kept['id']}"
    assert me.patch(there, json={"text": "later"}).status_code == 428
    edited = me.patch(there, json={"text": "later"}, headers={"If-Match": '"1"'})
    assert (edited.status_code, edited.get_json()["version"], edited.headers["ETag"]) == (200, 2, '"2"')
    stale = me.patch(there, json={"text": "latest", "version": 1})
    assert stale.status_code == 412
    assert stale.get_json()["current"] == {"version": 2, "text": "later"}
    history = me.get(f"{there}/history").get_json()["items"]
    assert [one["text"] for one in history] == ["Search at 06:00", "later"]


def test_a_withdrawal_needs_a_reason(me, channel):
    kept = post(me, channel)
    there = f"/api/v1/messages/{kept['id']}/withdraw"
    assert me.post(there, json={}).status_code == 422
    gone = me.post(there, json={"reason": "sent to the wrong team"}).get_json()
    assert (gone["withdrawn"], gone["text"], gone["html"]) == (True, "", "")
    assert me.post(there, json={"reason": "again"}).status_code == 409


def test_drafts_and_marks_are_kept_over_http(me, channel, team):
    kept = post(me, channel)
    draft = f"/api/v1/channels/{channel}/draft"
    assert me.get(f"{draft}?topic=general").status_code == 204
    assert me.put(draft, json={"topic": "general", "text": "half a"}).status_code == 200
    assert me.get(f"{draft}?topic=general").get_json()["text"] == "half a"
    assert len(me.get(f"/api/v1/workspaces/{team.id}/drafts").get_json()["items"]) == 1
    assert me.put(draft, json={"topic": "general", "text": ""}).status_code == 204
    assert (
        me.put(f"/api/v1/channels/{channel}/read", json={"position": kept["position"], "topic": "general"}).status_code
        == 200
    )


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"text": "x" * 20_001}, "text"),
        ({"text": ""}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"handling": "H7"}, "handling"),
        ({"topic": ""}, "topic"),
        ({"client_id": "no"}, "client_id"),
        ({"reply_to": "x"}, "reply_to"),
        ({"author_id": str(uuid4())}, "author_id"),
    ],
)
def test_a_wrong_field_is_named_with_a_remedy(me, channel, wish, field):
    answer = me.post(f"/api/v1/channels/{channel}/messages", json={**said(), **wish})
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    (error,) = answer.get_json()["errors"]
    assert error["field"] == field
    assert error["message"]
    assert error["remedy"]


def test_outsiders_find_nothing_and_hidden_looks_like_absent(app, house, world, team, me, channel):
    outsider = browser(app, house, world.person("NL"))
    kept = post(me, channel)
    for method, there, body in (
        ("get", f"/api/v1/channels/{channel}/messages", None),
        ("get", f"/api/v1/workspaces/{team.id}/channels", None),
        ("get", f"/api/v1/messages/{kept['id']}/history", None),
        ("post", f"/api/v1/channels/{channel}/messages", said()),
        ("put", f"/api/v1/channels/{channel}/draft", {"topic": "t", "text": "x"}),
        ("get", f"/w/{team.id}/c", None),
        ("get", f"/w/{team.id}/c/{channel}", None),
    ):
        nowhere = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", str(uuid4()), there)
        found, absent = (getattr(outsider, method)(one, json=body) for one in (there, nowhere))
        assert found.status_code == absent.status_code == 404
        assert found.content_type == absent.content_type
        if found.is_json:
            assert found.get_json()["detail"] == absent.get_json()["detail"]


def test_the_page_shows_the_conversation_and_takes_a_plain_form(me, team, channel):
    page = me.get(f"/w/{team.id}/c/{channel}?topic=raid")
    assert page.status_code == 200
    fields = form_of(page) | {"text": "By **form**", "handling": "H2"}
    sent = me.post(f"/w/{team.id}/c/{channel}/raid", data=fields)
    assert sent.status_code == 303
    shown = me.get(sent.headers["Location"]).get_data(as_text=True)
    assert "By <strong>form</strong>" in shown
    again = me.post(f"/w/{team.id}/c/{channel}/raid", data=fields)  # the back button, and send once more
    assert again.status_code == 303
    assert me.get(f"/w/{team.id}/c/{channel}/raid").get_data(as_text=True).count("By <strong>form</strong>") == 1


def test_what_was_typed_comes_back_with_the_problem(me, team, channel):
    fields = form_of(me.get(f"/w/{team.id}/c/{channel}/raid")) | {"text": "x" * 20_001 + "END"}
    refused = me.post(f"/w/{team.id}/c/{channel}/raid", data=fields)
    assert refused.status_code == 422
    assert "x" * 20_001 + "END" in unescape(refused.get_data(as_text=True))


def test_a_channel_of_another_workspace_is_absent_under_this_one(me, world, team, channel):
    other = world.workspace()
    with world.work(other.admin) as uow:
        foreign = messaging.create_channel(uow, other.id, messaging.NewChannel(name="x")).id
    assert me.get(f"/w/{team.id}/c/{foreign}").status_code == 404
    assert me.get(f"/w/{other.id}/c/{channel}").status_code == 404


def test_a_topic_may_hold_any_signs_in_its_address(me, team, channel):
    for topic in ("a/b", "50 % of it", "?#&=", "Ürün.İş", "../..", "x\u202ey"):
        kept = post(me, channel, topic=topic)
        listed = me.get(f"/w/{team.id}/c/{channel}").get_data(as_text=True)
        assert kept["topic"] == topic.strip()
        assert unescape(listed).count(address(team.id, channel, topic)) >= 1
        assert me.get(address(team.id, channel, topic)).status_code == 200


def test_who_watches_reads_and_is_offered_nothing_to_write_with(app, house, team, channel):
    observer = browser(app, house, team.join("FR", Role.OBSERVER))
    page = observer.get(f"/w/{team.id}/c/{channel}").get_data(as_text=True)
    assert "<jit-composer" not in page
    assert observer.post(f"/api/v1/channels/{channel}/messages", json=said()).status_code == 403
