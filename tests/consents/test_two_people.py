"""Acts of two people: one alone changes nothing, whatever they try."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from jit_server import consents, workspaces
from jit_server.access import OPERATOR, Phase, Role
from jit_server.consents.lifecycle import ApprovalState
from jit_server.core import clock
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted, Outdated, StepUp
from jit_server.identity.models import Issuer, Person
from jit_server.work import UnitOfWork
from jit_server.workspaces import Workspace
from tests.builders import Team, Who, World, stale
from tests.consents.test_asking import record
from tests.evidence.builders import exhibit

CLOSE = consents.Closing(phase=Phase.POST_OPERATIONAL, reason="The trial is over")


def proposed(team: Team, who: Who | None = None, wanted: consents.Closing = CLOSE) -> consents.Approval:
    with team.world.work(who or team.admin) as uow:
        return consents.propose_closing(uow, team.id, wanted)


def decided(team: Team, who: Who, approval: consents.Approval, *, approve: bool = True, **more) -> consents.Approval:
    said = {"digest": approval.digest, "reason": "as agreed"} | more
    with team.world.work(who) as uow:
        return consents.decide(uow, approval.id, consents.Deciding(approve=approve, **said))


def phase(team: Team) -> Phase:
    with team.world.house.work(OPERATOR) as uow:
        return uow.find(Workspace, id=team.id).phase


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


def test_a_second_person_closes_what_the_first_proposed_and_both_stand_on_record(team: Team):
    approval = proposed(team)
    assert phase(team) is Phase.OPERATIONAL
    decided(team, team.leaders["FR"], approval)
    assert phase(team) is Phase.POST_OPERATIONAL
    (entry,) = record(team, "approval:given")
    assert entry["actor"]["person"] == str(team.leaders["FR"].id)
    assert entry["facts"]["proposed_by"] == str(team.admin.id)
    assert record(team, "workspace:phase_changed")[-1]["why"]["text"] == "The trial is over"


def test_one_person_alone_changes_nothing_and_the_attempt_is_on_record(team: Team):
    approval = proposed(team)
    with pytest.raises(NotPermitted, match="yourself"):
        decided(team, team.admin, approval)
    change = workspaces.PhaseChange(phase=Phase.POST_OPERATIONAL, reason="alone")
    with team.world.work(team.admin) as uow:
        version = workspaces.workspace(uow, team.id).version
    with pytest.raises(Conflict), team.world.work(team.admin) as uow:
        workspaces.change_phase(uow, team.id, change, version=version)
    assert phase(team) is Phase.OPERATIONAL
    assert record(team, "access:refused")[-1]["facts"]["action"] == "approval:give"


def second_issuer(uow: UnitOfWork, first: UUID) -> UUID:
    """Another issuer of the same agency, under which the same subject may have another account."""
    old = uow.find(Issuer, id=first)
    assert old is not None
    new = uow.add(Issuer(**old.model_dump(exclude={"id", "url", "key"}), url=f"{old.url}/{uuid4().hex}", key="second"))
    uow.session.flush()
    return new.id


@pytest.mark.parametrize("likeness", ["name", "subject"])
def test_a_second_account_is_no_second_person(team: Team, world: World, likeness: str):
    twin = team.join("DE", Role.LEADER)
    with world.house.work(OPERATOR) as uow:
        me, other = uow.find(Person, id=team.admin.id), uow.find(Person, id=twin.id)
        assert me is not None
        assert other is not None
        if likeness == "name":
            other.name = f" {me.name.upper()} "
        else:
            other.issuer_id = second_issuer(uow, me.issuer_id)
            other.sub = me.sub
    approval = proposed(team)
    with pytest.raises(NotPermitted, match="yourself"):
        decided(team, twin, approval)
    assert phase(team) is Phase.OPERATIONAL


def test_the_database_itself_refuses_one_person_as_both(team: Team, owner_engine: Engine):
    approval = proposed(team)
    with pytest.raises(IntegrityError, match="two_people"), owner_engine.begin() as connection:
        connection.execute(
            text("UPDATE approval SET state = 'approved', decided_by = proposed_by WHERE id = :id"), {"id": approval.id}
        )


def test_neither_a_member_nor_an_outsider_is_a_second_person(team: Team, world: World):
    approval = proposed(team)
    with pytest.raises(NotPermitted):
        decided(team, team.join("FR"), approval)
    with pytest.raises(NotFound):
        decided(team, world.person("NL"), approval)
    with pytest.raises(NotPermitted):
        proposed(team, team.leaders["FR"])
    assert phase(team) is Phase.OPERATIONAL


def test_both_steps_take_a_recent_sign_in(team: Team):
    with pytest.raises(StepUp):
        proposed(team, stale(team.admin))
    approval = proposed(team)
    with pytest.raises(StepUp):
        decided(team, stale(team.leaders["FR"]), approval)


def test_another_act_than_the_one_that_was_read_is_refused(team: Team, owner_engine: Engine):
    approval = proposed(team)
    with pytest.raises(Outdated):
        decided(team, team.leaders["FR"], approval, digest=f"sha256:{'0' * 64}")
    with owner_engine.begin() as connection:
        connection.execute(
            text("UPDATE approval SET payload = jsonb_set(payload, '{after}', '\"closed\"') WHERE id = :id"),
            {"id": approval.id},
        )
    with pytest.raises(Outdated):
        decided(team, team.leaders["FR"], approval)
    assert phase(team) is Phase.OPERATIONAL


def test_an_act_that_no_longer_fits_the_world_is_refused(team: Team):
    approval = proposed(team)
    with team.world.work(team.admin) as uow:
        version = workspaces.workspace(uow, team.id).version
        change = workspaces.PhaseChange(phase=Phase.SUSPENDED, reason="dispute")
        workspaces.change_phase(uow, team.id, change, version=version)
    with pytest.raises(Outdated, match="suspended"):
        decided(team, team.leaders["FR"], approval)
    assert phase(team) is Phase.SUSPENDED


def test_what_was_rejected_or_withdrawn_cannot_be_approved(team: Team):
    approval = proposed(team)
    with pytest.raises(Conflict):
        proposed(team)
    with pytest.raises(Invalid):
        decided(team, team.leaders["FR"], approval, approve=False, reason=None)
    assert decided(team, team.leaders["FR"], approval, approve=False).state is ApprovalState.REJECTED
    with pytest.raises(Conflict):
        decided(team, team.leaders["FR"], approval)
    again = proposed(team)
    with team.world.work(team.admin) as uow:
        consents.take_back(uow, again.id, consents.Because(reason="not yet"))
    with pytest.raises(Conflict):
        decided(team, team.leaders["FR"], again)
    assert phase(team) is Phase.OPERATIONAL


def test_what_has_lapsed_cannot_be_approved_and_may_be_proposed_anew(team: Team, monkeypatch: pytest.MonkeyPatch):
    approval = proposed(team)
    later = clock.now() + timedelta(days=7, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    admin, leader = (
        replace(one, actor=replace(one.actor, auth_time=later)) for one in (team.admin, team.leaders["FR"])
    )
    with pytest.raises(Conflict, match="lapsed"):
        decided(team, leader, approval)
    assert proposed(team, admin).id != approval.id


def move(team: Team, to: Phase) -> None:
    decided(team, team.leaders["FR"], proposed(team, wanted=consents.Closing(phase=to, reason="done")))


def test_a_workspace_closes_only_when_it_is_empty_and_says_what_remains(team: Team):
    exhibit(team, team.admin, handling="H2", compartment_id=str(team.compartment("DE")))
    for to in (Phase.POST_OPERATIONAL, Phase.NOT_EVALUATED, Phase.PURGING):
        move(team, to)
    with pytest.raises(Conflict, match=r"exhibits \(1\).* uploads \(1\)"):
        move(team, Phase.CLOSED)
    assert phase(team) is Phase.PURGING


def test_an_empty_workspace_closes(team: Team):
    for to in (Phase.POST_OPERATIONAL, Phase.NOT_EVALUATED, Phase.PURGING, Phase.CLOSED):
        move(team, to)
    assert phase(team) is Phase.CLOSED
