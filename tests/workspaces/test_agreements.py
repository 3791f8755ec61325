"""From a proposed agreement to an open workspace."""

import pytest

from jit_server import workspaces
from jit_server.access import Action, PartyClass, Phase, Role
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted, Outdated
from jit_server.workspaces import Workspace
from tests.builders import World


def test_a_workspace_opens_only_after_every_party_has_signed(world: World) -> None:
    team = world.proposed()
    with pytest.raises(NotPermitted), world.work(team.admin) as uow:
        workspaces.open_workspace(uow, team.id)
    team.sign_all()
    with world.work(team.admin) as uow:
        assert workspaces.open_workspace(uow, team.id).phase == Phase.OPERATIONAL


def test_a_party_signs_the_text_it_has_read_and_only_once(world: World) -> None:
    team = world.proposed()
    with pytest.raises(Outdated), world.work(team.admin) as uow:
        workspaces.sign(uow, team.id, workspaces.Signing(digest="sha256:" + "0" * 64))
    with world.work(team.admin) as uow:
        digest = workspaces.agreement(uow, team.id).digest
        workspaces.sign(uow, team.id, workspaces.Signing(digest=digest))
    with pytest.raises(Conflict), world.work(team.admin) as uow:
        workspaces.sign(uow, team.id, workspaces.Signing(digest=digest))


def test_an_outsider_finds_nothing_and_leaves_no_trace_on_the_log(world: World) -> None:
    team, outsider = world.workspace(), world.person("NL")
    with world.work(team.admin) as uow:
        before = workspaces.read_log(uow, team.id, limit=200, note=False)
    with pytest.raises(NotFound), world.work(outsider) as uow:
        uow.get(Workspace, team.id, to=Action.WORKSPACE_READ)
    with world.work(team.admin) as uow:
        assert workspaces.read_log(uow, team.id, limit=200, note=False) == before


def test_a_member_may_not_invite_and_the_refusal_is_on_record(world: World) -> None:
    team = world.workspace()
    member = team.join("FR")
    other = world.person("FR")
    with pytest.raises(NotPermitted) as refused, world.work(member) as uow:
        workspaces.invite(uow, team.id, workspaces.NewMember(person_id=other.id, role="member"))
    assert refused.value.members["policy"]["action"] == "member:invite"
    with world.work(team.admin) as uow:
        last = workspaces.read_log(uow, team.id, latest=True, limit=1, note=False)[0]
    assert (last.event, last.result, last.facts["action"]) == ("access:refused", "denied", "member:invite")
    assert last.actor["person"] == str(member.id)


def test_a_member_whose_access_has_ended_finds_nothing_any_more(world: World) -> None:
    team = world.workspace()
    member = team.join("FR")
    with world.work(member) as uow:
        assert workspaces.workspace(uow, team.id).name == "Operation Test"
    team.remove(member)
    with pytest.raises(NotFound), world.work(member) as uow:
        workspaces.workspace(uow, team.id)


def test_a_union_body_takes_part_without_signing(world: World) -> None:
    team = world.workspace(classes={"NL": PartyClass.EU_BODY})
    guest = team.join("NL", Role.PARTICIPANT)
    with world.work(guest) as uow:
        assert workspaces.workspace(uow, team.id).my_role == Role.PARTICIPANT
    with world.work(team.admin) as uow:
        agreement = workspaces.agreement(uow, team.id)
    assert agreement.complete
    assert [one.state for one in agreement.parties if one.signed_at is None] == ["NL"]


def test_a_role_that_the_partys_class_may_not_fill_is_refused(world: World) -> None:
    team = world.workspace(classes={"NL": PartyClass.EU_BODY})
    with pytest.raises(Invalid, match="eu_body"):
        team.join("NL", Role.MEMBER)


def test_the_last_space_administrator_cannot_leave(world: World) -> None:
    team = world.workspace()
    with world.work(team.admin) as uow:
        own = next(one for one in workspaces.members(uow, team.id) if one.person_id == team.admin.id)
    with pytest.raises(Conflict, match="last space administrator"), world.work(team.admin) as uow:
        workspaces.end(uow, own.id, workspaces.End(reason="leaving"))
