"""The guided editor and the signing page: page by page, nothing typed lost, nothing laid before it is whole."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jit_server import workspaces
from jit_server.access import PartyClass
from jit_server.work import House
from jit_server.workspaces.usecases import drafting
from tests.builders import Team, Who, World, browser, sign_in, today


@pytest.fixture
def at(app: Flask, house: House, world: World):
    """A browser for somebody of the world."""
    return lambda who: browser(app, house, who)


def token(page: str) -> str:
    return re.search(r'name="csrf" value="([^"]+)"', page)[1]


def posts(client: FlaskClient, path: str, page: str | None = None, **fields) -> tuple[int, str]:
    """Fill in the form of a page and send it; the status and the page after."""
    seen = client.get(page or path).get_data(as_text=True)
    version = re.search(r'name="version" value="(\d+)"', seen)
    fields = {"csrf": token(seen), **({"version": version[1]} if version else {}), **fields}
    answer = client.post(path, data=fields, follow_redirects=True)
    return answer.status_code, answer.get_data(as_text=True)


def begun(client: FlaskClient) -> str:
    """A new draft's address."""
    page = client.get("/agreements/new").get_data(as_text=True)
    return client.post("/agreements/new", data={"csrf": token(page)}).headers["Location"]


def written(client: FlaskClient, world: World, leaders: dict[str, Who]) -> str:
    """A whole draft of DE and FR, as a leader writes it."""
    draft = begun(client)
    posts(client, f"{draft}/about", reference=f"JIT-{world.suffix}", name="Operation Pages", purpose="Facts",
          offences="fraud\nlaundering", legal_basis="JFD 2002/465")  # fmt: skip
    posts(client, f"{draft}/term", period_from=str(today()), period_to=str(today() + timedelta(days=90)))
    for state in leaders:
        posts(client, f"{draft}/parties", agency=world.slug(state), party_class="ms_authority", signatory="Head")
    for state, who in leaders.items():
        ticked = {"space_admin": "on"} if state == "DE" else {}
        status, page = posts(client, f"{draft}/leaders", agency=world.slug(state), person_id=who.name, **ticked)
        assert status == 200, page
    posts(client, f"{draft}/evidence", default_handling="H1", retention_profile="transit", consent_deadline_days="10")
    posts(client, f"{draft}/platform", platform_use="on")
    return draft


def test_a_leader_writes_an_agreement_page_by_page_and_lays_it_before_the_parties(at, world: World) -> None:
    leaders = {state: world.person(state) for state in ("DE", "FR")}
    client = at(leaders["DE"])
    draft = written(client, world, leaders)
    checked = client.get(f"{draft}/check").get_data(as_text=True)
    assert "laundering" in checked
    assert leaders["FR"].name in checked
    assert "error-summary" not in checked
    status, page = posts(client, f"{draft}/check")
    assert status == 200
    assert "waits for signatures" in page
    assert client.get(draft).status_code == 404
    workspace = re.search(r"/w/([0-9a-f-]{36})/agreement/sign", page)[1]
    for who in leaders.values():
        mine = at(who)
        status, page = posts(mine, f"/w/{workspace}/agreement/sign", statement="on",
                             digest=digest_on(mine, workspace))  # fmt: skip
        assert status == 200, page
    assert "You are invited to" in page
    status, page = posts(mine, f"/w/{workspace}/enter", undertaking=undertaking_in(page), accepted="on",
                         training_on=str(today()), training_version="2026-1")  # fmt: skip
    assert status == 200
    page = mine.get(f"/w/{workspace}/agreement").get_data(as_text=True)
    assert "seal holds" in page
    assert "In force" in page


def undertaking_in(page: str) -> str:
    return re.search(r'name="undertaking" value="([^"]+)"', page)[1]


def digest_on(client: FlaskClient, workspace: str) -> str:
    page = client.get(f"/w/{workspace}/agreement/sign").get_data(as_text=True)
    return re.search(r'name="digest" value="([^"]+)"', page)[1]


def test_a_draft_with_gaps_is_not_laid_and_each_gap_leads_to_its_page(at, world: World) -> None:
    client = at(world.person("DE"))
    draft = begun(client)
    status, page = posts(client, f"{draft}/check")
    assert status == 422
    assert 'href="#parties"' in page
    assert 'href="#about"' in page


def test_a_wrong_answer_is_said_and_what_was_typed_stays(at, world: World) -> None:
    client = at(world.person("DE"))
    draft = begun(client)
    status, page = posts(client, f"{draft}/term", period_from=str(today()), period_to="2001-01-01")
    assert status == 422
    assert "A team has a term." in page
    assert "2001-01-01" in client.get(f"{draft}/term").get_data(as_text=True)
    status, page = posts(client, f"{draft}/leaders", agency=world.slug("DE"), person_id="Nobody At All")
    assert status == 422
    assert "Nobody At All" in page
    status, page = posts(client, f"{draft}/clauses", id="9.3", text="A clause without an effect")
    assert status == 422
    assert "A clause without an effect" in page


def test_who_saves_an_old_version_keeps_what_they_typed_and_overwrites_nothing(at, world: World) -> None:
    team = world.workspace()
    de, fr = at(team.admin), at(team.leaders["FR"])
    page = de.get(f"/w/{team.id}/agreement").get_data(as_text=True)
    draft = de.post(f"/w/{team.id}/agreement/draft", data={"csrf": token(page)}).headers["Location"]
    page = fr.get(f"/w/{team.id}/agreement").get_data(as_text=True)
    assert fr.post(f"/w/{team.id}/agreement/draft", data={"csrf": token(page)}).headers["Location"] == draft
    assert posts(fr, f"{draft}/media", media="Paris speaks")[0] == 200
    status, page = posts(de, f"{draft}/media", media="Berlin speaks", version="1")
    assert status == 412
    assert "Berlin speaks" in page
    assert "Paris speaks" in de.get(f"{draft}/media").get_data(as_text=True)


def test_nobody_but_its_author_finds_a_first_draft_and_no_member_an_amendment(at, world: World) -> None:
    author, team = world.person("DE"), world.workspace()
    draft = begun(at(author))
    assert at(world.person("DE")).get(draft).status_code == 404
    member = team.join("FR")
    with world.work(team.admin) as uow:
        amendment = drafting.begin(uow, drafting.NewDraft(workspace_id=team.id)).id
    assert at(member).get(f"/agreements/{amendment}").status_code == 403
    assert at(author).get(f"/agreements/{amendment}").status_code == 404


def test_an_amendment_shows_what_it_changes_before_it_is_signed(at, world: World) -> None:
    team = world.workspace()
    client = at(team.admin)
    page = client.get(f"/w/{team.id}/agreement").get_data(as_text=True)
    draft = client.post(f"/w/{team.id}/agreement/draft", data={"csrf": token(page)}).headers["Location"]
    posts(client, f"{draft}/clauses", id="9.3", text="FR does not export.", effect="deny", actions="evidence:export",
          parties=world.slug("FR"))  # fmt: skip
    status, page = posts(client, f"{draft}/check")
    assert status == 200
    sign = at(team.leaders["FR"]).get(f"/w/{team.id}/agreement/sign").get_data(as_text=True)
    assert "Clause 9.3 is new (deny): FR does not export." in sign
    assert "Clause 9.3" in client.get(f"/w/{team.id}/agreement?from=1&to=2").get_data(as_text=True)


def test_a_clause_beyond_the_hard_limits_is_refused_with_the_reason(at, world: World) -> None:
    leaders = {state: world.person(state) for state in ("DE", "FR")}
    client = at(leaders["DE"])
    draft = written(client, world, leaders)
    posts(client, f"{draft}/clauses", id="9.9", text="Observers download.", effect="allow",
          actions="evidence:download", roles="observer")  # fmt: skip
    status, page = posts(client, f"{draft}/check")
    assert status == 422
    assert "Who watches does not act." in page


def test_a_thing_of_a_list_is_changed_in_its_place_and_removed(at, world: World) -> None:
    client = at(world.person("DE"))
    draft = begun(client)
    for signatory in ("First", "Second"):
        slug = world.slug("DE" if signatory == "First" else "FR")
        posts(client, f"{draft}/parties", agency=slug, party_class="ms_authority", signatory=signatory)
    assert 'value="First"' in client.get(f"{draft}/parties?item=0").get_data(as_text=True)
    posts(client, f"{draft}/parties", agency=world.slug("DE"), party_class="eppo", signatory="Third", item="0")
    posts(client, f"{draft}/parties", item="1", do="remove")
    page = client.get(f"{draft}/parties").get_data(as_text=True)
    assert "Third" in page
    assert "First" not in page
    assert "Second" not in page


def test_a_party_whose_sort_nobody_chose_is_not_taken_for_a_member_states(at, world: World) -> None:
    client = at(world.person("DE"))
    draft = begun(client)
    status, page = posts(client, f"{draft}/parties", agency=world.slug("FR"), signatory="Head")
    assert status == 422
    assert 'id="party_class-error"' in page
    assert 'value="Head"' in page
    assert "Nothing yet." in page


def test_signing_with_an_old_sign_in_leads_to_a_new_one(app, house, at, world: World) -> None:
    team = world.proposed()
    client = at(team.admin)
    digest = digest_on(client, str(team.id))
    client.set_cookie(house.settings.cookie, sign_in(house, team.admin, fresh=False), domain="localhost")
    status, page = posts(client, f"/w/{team.id}/agreement/sign", statement="on", digest=digest)
    assert status == 401
    assert "/step-up" in page


def test_a_leader_who_joins_late_signs_on_a_page_without_seeing_the_team(at, world: World) -> None:
    team: Team = world.workspace()
    leader = world.person("NL")
    with world.work(team.admin) as uow:
        now = workspaces.NewAgreement.model_validate(workspaces.agreement(uow, team.id).document)
    slug = world.slug("NL")
    party = workspaces.NewParty(agency=slug, party_class=PartyClass.MS_AUTHORITY, signatory="Head")
    new = now.model_copy(
        update={
            "parties": (*now.parties, party),
            "leaders": (*now.leaders, workspaces.NewLeader(agency=slug, person_id=leader.id)),
        }
    )
    with world.work(team.admin) as uow:
        workspaces.amend(uow, team.id, new, base=1)
    client = at(leader)
    assert client.get(f"/w/{team.id}").status_code == 404
    assert f"/w/{team.id}/agreement/sign" in client.get("/").get_data(as_text=True)
    status, _page = posts(
        client, f"/w/{team.id}/agreement/sign", statement="on", digest=digest_on(client, str(team.id))
    )
    assert status == 200
    assert at(world.person("NL")).get(f"/w/{team.id}/agreement/sign").status_code == 404
