"""Versions of an agreement: signed and sealed, amended by all, joined late, left early, told in words."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy import text as text_of

from jit_server import workspaces
from jit_server.access import Action, PartyClass, Phase, Role
from jit_server.consents.usecases.keeping_time import keep_time
from jit_server.core import clock
from jit_server.core.errors import Conflict, Invalid, NotFound, Outdated, StepUp
from jit_server.work import House
from jit_server.workspaces import NewAgreement, seals
from jit_server.workspaces.document import NamedMember, NewCompartment
from jit_server.workspaces.models import MemberStatus, VersionKind, VersionState
from jit_server.workspaces.usecases import agreements, entering
from tests.builders import Team, Who, World, stale


def text(team: Team) -> NewAgreement:
    """The text as it is now."""
    with team.world.work(team.admin) as uow:
        return NewAgreement.model_validate(workspaces.agreement(uow, team.id, note=False).document)


def amended(team: Team, **changes: Any) -> int:
    """Lay an amendment before the parties; its version."""
    new = NewAgreement.model_validate({**text(team).model_dump(mode="json"), **changes})
    with team.world.work(team.admin) as uow:
        base = workspaces.agreement(uow, team.id, note=False).version
        return workspaces.amend(uow, team.id, new, base=base).version


def signs(team: Team, who: Who) -> None:
    with team.world.work(team.admin) as uow:
        waiting = workspaces.offered(uow, team.id)
    assert waiting is not None
    with team.world.work(who) as uow:
        workspaces.sign(uow, team.id, workspaces.Signing(digest=waiting.digest))


def with_third(team: Team) -> tuple[Who, dict[str, Any]]:
    """Changes by which NL joins, and its leader."""
    world, now = team.world, text(team).model_dump(mode="json")
    leader = world.person("NL")
    slug = world.slug("NL")
    return leader, {
        "parties": [*now["parties"], {"agency": slug, "party_class": "ms_authority", "signatory": "Head"}],
        "leaders": [*now["leaders"], {"agency": slug, "person_id": str(leader.id), "space_admin": False}],
    }


def test_signing_takes_a_recent_sign_in(world: World) -> None:
    team = world.proposed()
    with world.work(team.admin) as uow:
        digest = workspaces.agreement(uow, team.id).digest
    with pytest.raises(StepUp), world.work(stale(team.admin)) as uow:
        workspaces.sign(uow, team.id, workspaces.Signing(digest=digest))


def test_a_signature_is_sealed_and_anybody_with_the_public_key_can_check_it(world: World) -> None:
    team = world.workspace()
    with world.work(team.admin) as uow:
        signed = [one for one in workspaces.agreement(uow, team.id).parties if one.signs]
    assert [one.sealed for one in signed] == [True, True]
    statement, seal = signed[0].statement, signed[0].seal
    assert statement is not None
    assert seal is not None
    key = world.house.key.public_key
    assert seals.holds(key, statement, seal)
    assert statement["party"] == signed[0].slug
    assert statement["auth_time"] is not None
    assert not seals.holds(key, {**statement, "party": signed[1].slug}, seal)
    assert not seals.holds(key, statement, "AAAA")
    assert not seals.holds(key, statement, "not base64")


def test_a_half_signed_amendment_opens_nothing_and_the_last_signature_does(world: World) -> None:
    team = world.workspace()
    fr = world.slug("FR")
    clause = {"id": "7.1", "text": "FR's people do not export.", "effect": "deny", "actions": ["evidence:export"],
              "parties": [fr]}  # fmt: skip
    assert amended(team, clauses=[clause]) == 2
    leader = team.leaders["FR"]

    def may_export() -> bool:
        with world.work(leader) as uow:
            return workspaces.explain(uow, team.id, Action.EVIDENCE_EXPORT).allowed

    signs(team, team.admin)
    assert may_export()
    with world.work(team.admin) as uow:
        assert workspaces.agreement(uow, team.id).version == 1
    signs(team, leader)
    assert not may_export()
    with world.work(team.admin) as uow:
        states = {one.version: one.state for one in workspaces.versions(uow, team.id)}
    assert states == {1: VersionState.SUPERSEDED, 2: VersionState.IN_FORCE}


def test_an_amendment_of_an_old_text_or_beside_another_or_without_a_change_is_refused(world: World) -> None:
    team = world.workspace()
    now = text(team)
    with pytest.raises(Conflict, match="Nothing would change"), world.work(team.admin) as uow:
        workspaces.amend(uow, team.id, now, base=1)
    with pytest.raises(Outdated), world.work(team.admin) as uow:
        workspaces.amend(uow, team.id, now, base=7)
    other = now.model_copy(update={"reference": "another"})
    with pytest.raises(Invalid, match="for good"), world.work(team.admin) as uow:
        workspaces.amend(uow, team.id, other, base=1)
    amended(team, name="Operation Renamed")
    with pytest.raises(Conflict, match="Another text waits"):
        amended(team, name="Operation Renamed Again")


def test_only_the_party_that_laid_a_text_takes_it_back(world: World) -> None:
    team = world.workspace()
    amended(team, name="Operation Renamed")
    with pytest.raises(Conflict, match="Another party"), world.work(team.leaders["FR"]) as uow:
        workspaces.withdraw(uow, team.id, workspaces.End(reason="no"))
    with world.work(team.admin) as uow:
        assert workspaces.withdraw(uow, team.id, workspaces.End(reason="typo")).state is VersionState.WITHDRAWN
    with pytest.raises(Conflict, match="No text waits"), world.work(team.admin) as uow:
        workspaces.sign(uow, team.id, workspaces.Signing(digest="sha256:0"))
    assert amended(team, name="Operation Renamed") == 3


def test_a_party_joins_late_its_leader_signs_as_a_stranger_and_enters_once_it_is_in_force(world: World) -> None:
    team = world.workspace()
    leader, changes = with_third(team)
    amended(team, **changes)
    with pytest.raises(NotFound), world.work(leader) as uow:
        workspaces.workspace(uow, team.id)
    with world.work(leader) as uow:
        assert [one.workspace_id for one in workspaces.offers(uow)] == [team.id]
    with pytest.raises(NotFound), world.work(world.person("NL")) as uow:
        workspaces.offer(uow, team.id)
    signs(team, leader)
    signs(team, team.admin)
    with pytest.raises(NotFound), world.work(leader) as uow:
        workspaces.workspace(uow, team.id)
    signs(team, team.leaders["FR"])
    team.enter(leader)
    with world.work(leader) as uow:
        assert workspaces.workspace(uow, team.id).my_role == Role.LEADER
        assert workspaces.offers(uow) == []


def test_the_last_signature_may_be_that_of_the_party_that_joins(world: World) -> None:
    team = world.workspace()
    leader, changes = with_third(team)
    amended(team, **changes)
    for who in (team.admin, team.leaders["FR"], leader):
        signs(team, who)
    with world.work(leader) as uow:
        assert [one.workspace_id for one in entering.invitations(uow)] == [team.id]


def test_a_party_that_leaves_loses_its_people_at_once_and_the_text_follows(world: World) -> None:
    team = world.workspace(classes={"NL": PartyClass.MS_AUTHORITY})
    member = team.join("NL")
    nl = world.slug("NL")
    clause = {
        "id": "7.1",
        "text": "NL does not export.",
        "effect": "deny",
        "actions": ["evidence:export"],
        "parties": [nl],
    }
    amended(team, clauses=[clause])
    for who in team.leaders.values():
        signs(team, who)
    with world.work(team.leaders["NL"]) as uow:
        assert workspaces.leave(uow, team.id, workspaces.End(reason="own case closed")).kind is VersionKind.LEAVING
    for who in (member, team.leaders["NL"]):
        with pytest.raises(NotFound), world.work(who) as uow:
            workspaces.workspace(uow, team.id)
    now = text(team)
    assert [party.agency for party in now.parties] == [world.slug("DE"), world.slug("FR")]
    assert now.clauses == ()
    with pytest.raises(Invalid, match="nobody of a party"):
        team.join("NL")


def test_who_would_leave_no_agreement_behind_may_not_leave(world: World) -> None:
    team = world.workspace()
    with pytest.raises(Conflict, match="no agreement is left"), world.work(team.leaders["FR"]) as uow:
        workspaces.leave(uow, team.id, workspaces.End(reason="done"))
    with pytest.raises(StepUp), world.work(stale(team.leaders["FR"])) as uow:
        workspaces.leave(uow, team.id, workspaces.End(reason="done"))


def test_nobody_is_put_out_without_their_signature(world: World) -> None:
    team = world.workspace(classes={"NL": PartyClass.MS_AUTHORITY})
    now = text(team).model_dump(mode="json")
    nl = world.slug("NL")
    amended(team, **{name: [one for one in now[name] if one["agency"] != nl] for name in ("parties", "leaders")})
    signs(team, team.admin)
    signs(team, team.leaders["FR"])
    with world.work(team.leaders["NL"]) as uow:
        assert workspaces.workspace(uow, team.id).version
    signs(team, team.leaders["NL"])
    with pytest.raises(NotFound), world.work(team.leaders["NL"]) as uow:
        workspaces.workspace(uow, team.id)


def test_an_extension_lengthens_the_memberships_that_ended_with_the_term(world: World) -> None:
    team = world.workspace()
    short = team.join("FR", days=30)
    until = date.fromisoformat(str(text(team).period_to)) + timedelta(days=90)
    amended(team, period_to=until.isoformat())
    for who in team.leaders.values():
        signs(team, who)
    with world.work(team.admin) as uow:
        assert workspaces.workspace(uow, team.id).period_to == until
        ends = {one.person_id: one.expires_at for one in workspaces.members(uow, team.id)}
    first, other = ends[team.admin.id], ends[short.id]
    assert first is not None
    assert other is not None
    assert first.date() == until + timedelta(days=365)
    assert other.date() < until


def test_a_compartment_of_the_agreement_opens_for_its_parties_and_closes_when_it_is_dropped(world: World) -> None:
    team = world.workspace(classes={"NL": PartyClass.MS_AUTHORITY})
    pair = NewCompartment(key="north", name="North line", parties=(world.slug("DE"), world.slug("FR")))
    amended(team, compartments=[pair.model_dump(mode="json")])
    for who in team.leaders.values():
        signs(team, who)

    def seen(state: str) -> list[str]:
        with world.work(team.leaders[state]) as uow:
            return [name for _, name in workspaces.compartments(uow, team.id)]

    assert (seen("DE"), seen("FR"), seen("NL")) == (["North line"], ["North line"], [])
    amended(team, compartments=[])
    for who in team.leaders.values():
        signs(team, who)
    assert seen("DE") == []


def test_a_party_names_other_members_by_notice_and_only_its_own(world: World) -> None:
    team = world.workspace()
    newcomer = world.person("FR")
    named = NamedMember(agency=newcomer.agency, person_id=newcomer.id, function="Analyst 3", hidden_from_partners=True)
    with pytest.raises(Invalid, match="its own people only"), world.work(team.admin) as uow:
        workspaces.name_members(uow, team.id, workspaces.OwnMembers(members=(named,)))
    with world.work(team.leaders["FR"]) as uow:
        workspaces.name_members(uow, team.id, workspaces.OwnMembers(members=(named,)))
    team.enter(newcomer)

    def names(who: Who) -> set[str]:
        with world.work(who) as uow:
            return {one.name for one in workspaces.members(uow, team.id) if one.status == MemberStatus.ACTIVE}

    assert newcomer.name in names(team.leaders["FR"])
    assert newcomer.name not in names(team.admin)
    assert "Analyst 3" in names(team.admin)
    with world.work(team.leaders["FR"]) as uow:
        workspaces.name_members(uow, team.id, workspaces.OwnMembers(members=()))
    with pytest.raises(NotFound), world.work(newcomer) as uow:
        workspaces.workspace(uow, team.id)


def test_what_differs_between_two_versions_is_told_in_words(world: World) -> None:
    team = world.workspace()
    until = text(team).period_to
    _, changes = with_third(team)
    amended(team, period_to=(until + timedelta(days=30)).isoformat(), **changes)
    with world.work(team.admin) as uow:
        told = [one.sentence() for one in workspaces.changes(uow, team.id, 1, 2)]
    assert f"The term ends on {until + timedelta(days=30)} instead of {until}." in told
    assert f"{world.slug('NL')} joins; Head signs for it." in told
    with pytest.raises(NotFound), world.work(team.admin) as uow:
        workspaces.changes(uow, team.id, 1, 9)


def test_a_text_that_nobody_signs_in_time_lapses_and_makes_room_for_another(world: World) -> None:
    team = world.workspace()
    amended(team, name="Operation Renamed")
    late = world.work(team.admin)
    late.now = late.now + agreements.LAPSES + timedelta(days=1)
    with late as uow:
        assert workspaces.offered(uow, team.id) is None
        assert workspaces.agreement(uow, team.id, version=2).state is VersionState.LAPSED


def test_what_a_party_that_joins_may_not_be_is_refused_before_anybody_signs(world: World) -> None:
    team = world.workspace()
    _, changes = with_third(team)
    changes["parties"][-1]["party_class"] = "third_country"
    with pytest.raises(Invalid) as refused:
        amended(team, **changes)
    assert {one["field"] for one in refused.value.members["errors"]} == {"third_country_liability", "transfer_basis"}


def test_a_first_text_that_was_withdrawn_can_be_laid_anew_with_other_parties(world: World) -> None:
    team = world.proposed()
    with world.work(team.admin) as uow:
        workspaces.withdraw(uow, team.id, workspaces.End(reason="NL is missing"))
    leader, changes = with_third(team)
    amended(team, **changes)
    for who in (team.admin, team.leaders["FR"], leader):
        signs(team, who)
    team.enter(team.admin)
    with world.work(team.admin) as uow:
        assert workspaces.workspace(uow, team.id).phase == Phase.AGREEMENT_SIGNED


def test_who_has_moved_to_another_agency_signs_for_neither(world: World) -> None:
    team = world.workspace()
    leader, changes = with_third(team)
    amended(team, **changes)
    moved = replace(leader, actor=replace(leader.actor, agency_id=team.admin.actor.agency_id))
    with pytest.raises(NotFound), world.work(moved) as uow:
        workspaces.offer(uow, team.id)


def test_a_clause_whose_last_day_has_passed_leaves_the_rules_by_itself(
    world: World, house: House, owner_engine: Engine
) -> None:
    team, today = world.workspace(), clock.now().date()
    stated = {"text": "Until then.", "effect": "deny", "actions": ["evidence:export"]}
    amended(team, clauses=[{"id": "7.1", **stated, "valid_until": str(today)}])
    for who in team.leaders.values():
        signs(team, who)

    def may_export() -> bool:
        with world.work(team.admin) as uow:
            return workspaces.explain(uow, team.id, Action.EVIDENCE_EXPORT).allowed

    assert not may_export()
    with owner_engine.begin() as connection:
        ago = "UPDATE policy_version SET made_at = made_at - interval '3 days' WHERE workspace_id = :ws"
        connection.execute(text_of(ago), {"ws": team.id})
        last = f"jsonb_set(document, '{{clauses,0,valid_until}}', '\"{today - timedelta(days=1)}\"')"
        connection.execute(
            text_of(f"UPDATE agreement SET document = {last} WHERE workspace_id = :ws AND version = 2"), {"ws": team.id}
        )
    keep_time(house)
    assert may_export()
    with world.work(team.admin) as uow:
        before = uow.standing(team.id)
    keep_time(house)
    with world.work(team.admin) as uow:
        assert uow.standing(team.id) == before
