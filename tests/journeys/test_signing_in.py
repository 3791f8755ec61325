"""Coming in: agency, its issuer, My day; next time one click."""

from playwright.sync_api import expect


def test_two_people_of_two_states_sign_in_each_at_their_own_agency(arrives, team):
    for who in (team.admin, team.leaders["FR"]):
        visitor = arrives(who)
        expect(visitor.page.get_by_role("heading", level=1, name="My day")).to_be_visible()
        expect(visitor.page.get_by_role("link", name="Operation Test")).to_be_visible()
        assert visitor.api("/me")["name"] == who.name
