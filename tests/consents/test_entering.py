"""The way in: invited is outside, until confidentiality and training are attested; the duty of confidence stays."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from jit_server import workspaces
from jit_server.access import OPERATOR
from jit_server.core.errors import Invalid, NotFound, Outdated
from jit_server.workspaces import Member, MemberStatus
from jit_server.workspaces.attestations import Attestation, Entry
from jit_server.workspaces.usecases import entering
from tests.builders import Team, Who, World, browser, today
from tests.consents.test_asking import record


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture
def invited(team: Team) -> Who:
    """Somebody whom the administrator has invited."""
    who = team.world.person("FR")
    with team.world.work(team.admin) as uow:
        member = workspaces.invite(uow, team.id, workspaces.NewMember(person_id=who.id, role="member"))
        team.members[who.id] = member.id
    return who


def entry(team: Team, who: Who, **changes) -> Entry:
    with team.world.work(who) as uow:
        version = entering.invitation(uow, team.id).version
    said = {"undertaking": version, "accepted": True, "training_on": today(), "training_version": "2026-1"}
    return Entry.model_validate(said | changes)


def entered(team: Team, who: Who, said: Entry) -> None:
    with team.world.work(who) as uow:
        entering.enter(uow, team.id, said)


def attestations(team: Team, who: Who) -> dict[str, Attestation]:
    with team.world.house.work(OPERATOR) as uow:
        return {str(one.kind): one for one in uow.every(Attestation, col(Attestation.person_id) == who.id)}


def test_whoever_is_invited_is_outside_everywhere_but_on_the_way_in(app: Flask, team: Team, invited: Who):
    client, stranger = (browser(app, team.world.house, who) for who in (invited, team.world.person("FR")))
    for path in (
        f"/w/{team.id}",
        f"/w/{team.id}/members",
        f"/api/v1/workspaces/{team.id}",
        f"/api/v1/workspaces/{team.id}/log",
    ):
        mine, theirs = (one.get(path, headers={"Accept": "application/json"}) for one in (client, stranger))
        assert (mine.status_code, mine.data) == (theirs.status_code, theirs.data) == (404, theirs.data)
    assert client.get("/api/v1/workspaces").json["items"] == []
    page = client.get(f"/w/{team.id}/enter", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "Operation Test" in page.text
    assert "Test purpose" not in page.text
    assert stranger.get(f"/w/{team.id}/enter").status_code == 404


def test_who_signs_the_first_text_attests_like_everybody_before_the_first_look(app: Flask, world: World):
    team = world.proposed()
    for who in team.leaders.values():
        with world.work(who) as uow:
            workspaces.sign(uow, team.id, workspaces.Signing(digest=workspaces.agreement(uow, team.id).digest))
    for who in team.leaders.values():
        client = browser(app, world.house, who)
        assert client.get(f"/w/{team.id}").status_code == 404
        assert f"/w/{team.id}/enter" in client.get("/").text
        team.enter(who)
        assert client.get(f"/w/{team.id}").status_code == 200


def test_what_was_attested_is_kept_and_then_the_person_belongs_to_the_team(team: Team, invited: Who):
    entered(team, invited, entry(team, invited))
    with team.world.work(invited) as uow:
        assert workspaces.workspace(uow, team.id).my_role == "member"
        assert entering.invitations(uow) == []
    kept = attestations(team, invited)
    assert set(kept) == {"confidentiality", "training"}
    assert kept["confidentiality"].ends_at is None
    assert (kept["training"].given_on, kept["training"].version) == (today(), "2026-1")
    theirs = [one for one in record(team, "member:attested") if one["actor"]["person"] == str(invited.id)]
    assert [one["facts"]["kind"] for one in theirs] == ["confidentiality", "training"]
    assert str(invited.id) in {one["facts"]["person"] for one in record(team, "member:entered")}


def test_the_duty_of_confidence_outlives_the_membership_and_nobody_alters_it(
    team: Team, invited: Who, owner_engine, engine
):
    entered(team, invited, entry(team, invited))
    team.remove(invited)
    assert attestations(team, invited)["confidentiality"].ends_at is None
    with pytest.raises(IntegrityError, match="outlives"), owner_engine.begin() as connection:
        connection.execute(text("UPDATE attestation SET ends_at = now() WHERE kind = 'confidentiality'"))
    with owner_engine.connect() as connection:
        for right in ("UPDATE", "DELETE"):
            asked = text("SELECT has_table_privilege('jit_app', 'attestation', :right)")
            assert not connection.execute(asked, {"right": right}).scalar_one()


def test_whoever_comes_back_need_not_attest_again(team: Team, invited: Who):
    entered(team, invited, entry(team, invited))
    team.remove(invited)
    with team.world.work(team.admin) as uow:
        member = workspaces.invite(uow, team.id, workspaces.NewMember(person_id=invited.id, role="observer"))
    assert member.status is MemberStatus.ACTIVE


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"undertaking": "another"}, Outdated), ({"training_on": today() + timedelta(days=2)}, Invalid)],
)
def test_a_statement_that_does_not_hold_lets_nobody_in(team: Team, invited: Who, changes, error):
    with pytest.raises(error):
        entered(team, invited, entry(team, invited, **changes))
    with team.world.house.work(OPERATOR) as uow:
        assert uow.find(Member, person_id=invited.id).status is MemberStatus.INVITED
    assert attestations(team, invited) == {}


def test_an_ended_or_expired_invitation_opens_nothing(team: Team, invited: Who):
    said = entry(team, invited)
    team.remove(invited)
    with pytest.raises(NotFound):
        entered(team, invited, said)
    with pytest.raises(NotFound):
        entered(team, team.world.person("FR"), said)


def test_a_leader_who_has_not_entered_stays_outside_though_the_space_is_open(world: World):
    team = world.proposed()
    for who in team.leaders.values():
        with world.work(who) as uow:
            digest = workspaces.agreement(uow, team.id).digest
            workspaces.sign(uow, team.id, workspaces.Signing(digest=digest))
    for who in team.leaders.values():
        with pytest.raises(NotFound), world.work(who) as uow:
            workspaces.workspace(uow, team.id)
    team.enter(team.admin)
    assert set(attestations(team, team.admin)) == {"confidentiality", "training"}
    with world.work(team.admin) as uow:
        assert workspaces.open_workspace(uow, team.id).phase == "operational"
    with pytest.raises(NotFound), world.work(team.leaders["FR"]) as uow:
        workspaces.workspace(uow, team.id)


def test_the_form_leads_in_and_comes_back_with_what_is_missing(app: Flask, team: Team, invited: Who):
    client = browser(app, team.world.house, invited)
    html = {"Accept": "text/html"}
    day = client.get("/", headers=html).text
    assert f"/w/{team.id}/enter" in day
    page = client.get(f"/w/{team.id}/enter", headers=html).text
    token = page.split('name="csrf" value="')[1].split('"')[0]
    version = page.split('name="undertaking" value="')[1].split('"')[0]
    said = {"csrf": token, "undertaking": version, "training_on": today().isoformat(), "training_version": "2026"}
    assert client.post(f"/w/{team.id}/enter", data=said, headers=html).status_code == 422
    assert client.post(f"/w/{team.id}/enter", data=said | {"accepted": "on"}, headers=html).status_code == 303
    assert client.get(f"/w/{team.id}", headers=html).status_code == 200
    assert client.get(f"/w/{team.id}/enter", headers=html).status_code == 303


def test_the_log_and_the_team_name_whoever_is_invited_as_such(app: Flask, team: Team, invited: Who):
    text_of = (
        browser(app, team.world.house, team.admin).get(f"/w/{team.id}/members", headers={"Accept": "text/html"}).text
    )
    assert "Has not entered yet" in text_of
    assert [one["facts"]["person"] for one in record(team, "member:invited")].count(str(invited.id)) == 1
