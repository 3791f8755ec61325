"""J6 for an administrator: invite, first sign-in, work, switched off while a page is open; then try the issuer."""

import re
import time

import pytest
from playwright.sync_api import expect

from jit_server.access import OPERATOR, Actor
from jit_server.identity.models import LoginSession, Person
from tests.builders import Who
from tests.journeys.talk import channel_of, said, talks
from tests.journeys.visitor import STATUS

LIMIT = 2.0
"""Seconds from the click to the page that says that the session has ended."""


def known(stage, sub, slug):
    with stage.cast.house.work(OPERATOR) as uow:
        row = uow.find(Person, sub=sub)
    return Who(row.id, row.name, slug, Actor("person", row.id, row.agency_id, "DE", row.name))


def joined(team, who):
    cast, person = team.world, team.world.person
    cast.person = lambda _state, _name="": who
    try:
        team.join("DE")
    finally:
        cast.person = person


@pytest.mark.alone
def test_who_is_invited_comes_in_and_who_is_switched_off_is_out_within_two_seconds(stage, team, window, arrives):
    new, slug = stage.cast.newcomer("DE"), stage.cast.slug("DE")
    admin = arrives(stage.cast.of_the_demo("stefan.lindner"))
    page = admin.page
    page.get_by_role("link", name="My agency").click()
    expect(page.get_by_role("heading", level=1, name="What needs you")).to_be_visible()
    page.get_by_role("link", name="People", exact=True).click()
    page.get_by_label("They are known by").select_option("sub")
    page.get_by_label("Address or subject").fill(new["id"])
    page.get_by_role("button", name="Invite").click()
    admin.sees("is expected: the first sign-in that fits takes the invitation.")

    person = window(new["name"], "DE").sign_in()
    who = known(stage, new["id"], slug)
    joined(team, who)
    channel_id = channel_of(team)
    said(team, team.admin, channel_id, "Search at six")
    open_page = talks(person, team, channel_id)

    page.reload()
    page.get_by_label("Name contains").fill(new["name"])
    page.get_by_role("button", name="Show").click()
    row = page.get_by_role("row", name=re.compile(new["name"]))
    expect(row).to_contain_text("by invitation")
    expect(row.locator("td.number")).to_have_text("1")
    assert "Operation Test" not in page.content()
    row.get_by_role("link").click()
    with person.expecting(STATUS.format(401)):
        clicked = time.monotonic()
        page.get_by_role("button", name="Switch off").click()
        expect(open_page.get_by_role("alert")).to_contain_text("Your session has ended")
        took = time.monotonic() - clicked
        admin.sees("is switched off and signed out everywhere.")
        expect(open_page.get_by_text("Search at six")).to_have_count(0)
    assert took < LIMIT, f"{took:.2f} s"

    refused = window(new["name"], "DE")
    with refused.expecting(STATUS.format(403)):
        refused.go("/login").page.get_by_role("link", name=re.compile(re.escape(refused.agency))).first.click()
        refused.page.get_by_role("button", name=refused.name, exact=True).click()
        refused.sees("Your access to this server has ended.")


def test_a_test_sign_in_shows_what_the_issuer_asserts_and_signs_nobody_in(stage, arrives):
    who = stage.cast.of_the_demo("paul.girard")
    admin = arrives(who)
    page = admin.go("/agency/identity").page
    page.get_by_role("link", name="Check it now").click()
    admin.sees("It answers under its registered name")
    page.get_by_role("link", name="Test sign-in").click()
    admin.sees("This person could sign in now.")  # the issuer still knows the browser, and asks nobody
    expect(page.get_by_role("row", name=re.compile("Subject"))).to_contain_text("paul.girard")
    with stage.cast.house.work(OPERATOR) as uow:
        live = uow.every(LoginSession, LoginSession.person_id == who.id, LoginSession.ended_at.is_(None))
    assert len(live) == 1


def test_who_works_in_cases_is_not_offered_the_agencys_pages_and_is_told_whose_they_are(stage, arrives):
    person = arrives(stage.cast.of_the_demo("claire.moreau"))
    expect(person.page.get_by_role("link", name="My agency")).to_have_count(0)
    assert "Ask one of them" in person.open("/agency", 403)
