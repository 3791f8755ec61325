"""J1 An investigator's morning: one click, what needs me, the next unread topic, a broken line, a half-typed reply."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.talk import channel_of, connected, hears, message, pending, said, says, stored, talks, texts
from tests.journeys.visitor import STATUS


def my_day(page):
    expect(page.get_by_role("heading", level=1, name="My day")).to_be_visible()


def test_two_people_of_two_states_sign_in_each_at_their_own_agency(arrives, team):
    for who in (team.admin, team.leaders["FR"]):
        visitor = arrives(who)
        my_day(visitor.page)
        expect(visitor.page.get_by_role("link", name="Operation Test")).to_be_visible()
        assert visitor.api("/me")["name"] == who.name


def test_a_remembered_agency_is_one_click_from_my_day(arrives, team):
    here = arrives(team.admin)
    page = here.page
    page.get_by_text(team.admin.name).first.click()
    refused = (STATUS.format(401), "WebSocket connection to .* failed: HTTP Authentication failed")
    with here.expecting(*refused):  # a page that still stands asks whether its session does, or opens its live line
        page.get_by_role("button", name="Sign out").click()
        page.goto("/")
        page.get_by_role("link", name="Continue with Staatsanwaltschaft Rheinau").click()
        my_day(page)


@pytest.fixture
def unread_topics(team):
    channel_id = channel_of(team)
    said(team, team.leaders["FR"], channel_id, "Read long ago", topic="Phones")
    said(team, team.leaders["FR"], channel_id, "The van left at 05:40", topic="Vehicles")
    said(team, team.leaders["FR"], channel_id, "Search at 06:00, please confirm", topic="Searches")
    return channel_id


def test_enter_opens_what_needs_me_and_n_leads_to_the_next_unread_topic(arrives, team, unread_topics):
    page = arrives(team.admin).page
    expect(page.get_by_role("link", name=re.compile("unread message"))).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Searches")
    expect(message(page, "please confirm")).to_be_in_viewport()
    connected(page)
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Vehicles")
    expect(page.locator("#unread")).to_be_focused()
    expect(message(page, "The van left")).to_be_in_viewport()


def test_single_keys_are_only_text_in_a_field_and_may_be_switched_off(arrives, team, unread_topics):
    page = arrives(team.admin).page
    page.keyboard.press("Enter")
    field = page.get_by_label("Message", exact=True)
    field.press("n")
    expect(field).to_have_value("n")
    page.goto("/me")
    page.get_by_label("Single-key shortcuts").uncheck()
    page.get_by_role("button", name="Save").click()
    page.goto("/")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    my_day(page)


def test_what_is_sent_without_a_network_waits_in_sight_leaves_by_itself_once_and_nothing_is_missed(arrives, team):
    channel_id = channel_of(team)
    said(team, team.leaders["FR"], channel_id, "Who goes first?")
    here, there = arrives(team.admin), arrives(team.leaders["FR"])
    mine, theirs = talks(here, team, channel_id), talks(there, team, channel_id)
    with here.offline():
        says(mine, "We take the front door")
        expect(pending(mine)).to_contain_text("We take the front door")
        expect(pending(mine)).to_contain_text(re.compile("sending|waiting for the network"))
        for text in ("One", "Two", "Three"):
            says(theirs, text)
            hears(theirs, text)
        expect(pending(mine)).to_be_visible()
        assert texts(mine) == ["Who goes first?", "We take the front door"]
    expect(pending(mine)).to_have_count(0)
    order = ["Who goes first?", "One", "Two", "Three", "We take the front door"]
    for page in (mine, theirs):
        hears(page, "We take the front door")
        hears(page, "Three")
        assert texts(page) == order
    assert stored(team) == order
    assert here.dialogs == []


def test_a_reply_half_typed_here_is_a_draft_on_another_device(arrives, team):
    channel_id = channel_of(team)
    said(team, team.leaders["FR"], channel_id, "Can you confirm the address?")
    desk = talks(arrives(team.admin), team, channel_id)
    desk.get_by_label("Message", exact=True).press_sequentially("Hafenstr. 12, I think, but")
    expect(desk.get_by_text("Draft saved")).to_be_visible()
    phone = talks(arrives(team.admin, viewport={"width": 390, "height": 800}), team, channel_id)
    expect(phone.get_by_label("Message", exact=True)).to_have_value("Hafenstr. 12, I think, but")
    assert stored(team) == ["Can you confirm the address?"]
