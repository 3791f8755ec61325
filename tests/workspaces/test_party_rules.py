"""A party narrows what its own people do by one word, and widens it again by two persons; every version stays."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from jit_server import audit, workspaces
from jit_server.access import Action, Handling, Origin, Role
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted
from jit_server.workspaces.restrictions import Cause, EndRule, NewPartyRule, PartyRule
from jit_server.workspaces.usecases import explaining, party_rules, policies
from tests.builders import Team, Who, World

NO_DOWNLOADS = {"sentence": "Our members do not take copies of partners' things.", "actions": ["evidence:download"]}


def new(**changes: Any) -> NewPartyRule:
    return NewPartyRule.model_validate(NO_DOWNLOADS | {"roles": ["member"], "origins": ["partner"]} | changes)


def propose(world: World, team: Team, who: Who, **changes: Any) -> UUID:
    with world.work(who) as uow:
        return party_rules.propose_rule(uow, team.id, new(**changes)).id


def apply(world: World, team: Team, who: Who, **changes: Any) -> UUID:
    """Propose and apply, by the same person."""
    rule = propose(world, team, who, **changes)
    with world.work(who) as uow:
        party_rules.apply_rule(uow, team.id, rule)
    return rule


def can(world: World, team: Team, who: Who, action: Action, **kinds: Any) -> tuple[bool, str]:
    with world.work(who) as uow:
        found = explaining.explain(uow, team.id, action, **kinds)
    return found.allowed, found.clause


def test_one_leader_narrows_what_the_partys_own_people_do(world: World) -> None:
    team = world.workspace(default_handling=Handling.H0)
    leader, ours, theirs = team.leaders["FR"], team.join("FR"), team.join("DE")
    asked = {"action": Action.EVIDENCE_DOWNLOAD, "origin": Origin.PARTNER}
    assert can(world, team, ours, **asked)[0]
    apply(world, team, leader)
    assert can(world, team, ours, **asked) == (False, f"{world.slug('FR')}:1")
    assert can(world, team, theirs, **asked)[0]
    assert can(world, team, leader, **asked)[0]  # the restriction is for members
    assert can(world, team, ours, Action.EVIDENCE_DOWNLOAD)[0]  # and for partners' things


def test_the_person_it_stops_reads_the_partys_own_sentence(world: World) -> None:
    team = world.workspace()
    ours = team.join("FR")
    apply(world, team, team.leaders["FR"], actions=["message:post"], origins=[])
    with world.work(ours) as uow:
        found = explaining.explain(uow, team.id, Action.MESSAGE_POST)
    assert found.reason == NO_DOWNLOADS["sentence"]
    assert (found.source, [one.name for one in found.granters]) == ("own", [team.leaders["FR"].name])


def test_one_person_alone_cannot_loosen(world: World) -> None:
    team = world.workspace()
    leader, second = team.leaders["FR"], team.join("FR", Role.LEADER)
    ours = team.join("FR")
    rule = apply(world, team, leader, actions=["message:post"], origins=[])
    with pytest.raises(Conflict, match="Nobody has asked"), world.work(leader) as uow:
        party_rules.end_rule(uow, team.id, rule)
    with world.work(leader) as uow:
        party_rules.propose_end(uow, team.id, rule, EndRule(reason="the audit is over"))
    with pytest.raises(Conflict, match="takes two"), world.work(leader) as uow:
        party_rules.end_rule(uow, team.id, rule)
    assert not can(world, team, ours, Action.MESSAGE_POST)[0]
    with world.work(second) as uow:
        party_rules.end_rule(uow, team.id, rule)
    assert can(world, team, ours, Action.MESSAGE_POST)[0]


def test_the_database_refuses_that_one_person_plays_both_parts(world: World, owner_engine: Engine) -> None:
    team = world.workspace()
    leader = team.leaders["FR"]
    rule = apply(world, team, leader)
    with world.work(leader) as uow:
        party_rules.propose_end(uow, team.id, rule, EndRule(reason="r"))
    statement = text("UPDATE party_rule SET ended_by = end_proposed_by, ended_at = now() WHERE id = :id")
    with pytest.raises(IntegrityError, match="two_people"), owner_engine.begin() as connection:
        connection.execute(statement, {"id": rule})


def test_a_proposed_end_can_be_taken_back_by_who_minds(world: World) -> None:
    team = world.workspace()
    leader, second = team.leaders["FR"], team.join("FR", Role.LEADER)
    rule = apply(world, team, leader)
    with world.work(leader) as uow:
        party_rules.propose_end(uow, team.id, rule, EndRule(reason="r"))
    with pytest.raises(Conflict, match="already"), world.work(second) as uow:
        party_rules.propose_end(uow, team.id, rule, EndRule(reason="r"))
    with world.work(second) as uow:
        party_rules.withdraw_end(uow, team.id, rule)
    with pytest.raises(Conflict), world.work(second) as uow:
        party_rules.end_rule(uow, team.id, rule)


def test_the_change_is_shown_before_it_is_applied(world: World) -> None:
    team = world.workspace(default_handling=Handling.H0)
    leader = team.leaders["FR"]
    team.join("FR")
    rule = propose(world, team, leader, handlings=["H0", "H1"])
    with world.work(leader) as uow:
        found = party_rules.preview(uow, uow.get(PartyRule, rule, to=Action.POLICY_PROPOSE))
    (effect,) = found.effects
    assert (effect.profile.party, effect.profile.role, effect.action) == (
        world.slug("FR"),
        Role.MEMBER,
        Action.EVIDENCE_DOWNLOAD,
    )
    assert (effect.origin, effect.handlings, effect.allowed) == (Origin.PARTNER, (Handling.H0, Handling.H1), False)
    assert not found.loosens
    with world.work(leader) as uow:
        assert policies.book(uow, team.id).version == 1  # nothing has changed


def test_every_version_stays_with_who_when_and_on_which_agreement(world: World) -> None:
    team = world.workspace()
    leader, second = team.leaders["FR"], team.join("FR", Role.LEADER)
    rule = apply(world, team, leader)
    with world.work(leader) as uow:
        party_rules.propose_end(uow, team.id, rule, EndRule(reason="r"))
    with world.work(second) as uow:
        party_rules.end_rule(uow, team.id, rule)
    with world.work(leader) as uow:
        history = policies.book(uow, team.id).history
    assert [(one.version, one.cause, one.made_by) for one in history] == [
        (3, Cause.LOOSENED, second.name),
        (2, Cause.NARROWED, leader.name),
        (1, Cause.AGREEMENT, leader.name),
    ]
    assert {one.agreement_version for one in history} == {1}
    with world.work(leader) as uow:
        narrowed, loosened = (policies.difference(uow, team.id, *pair) for pair in ((1, 2), (2, 3)))
        assert [one.id for one in narrowed.added] == [f"{world.slug('FR')}:1"]
        assert [one.id for one in loosened.removed] == [f"{world.slug('FR')}:1"]
        assert loosened.loosens == any(one.allowed for one in loosened.effects)
        with pytest.raises(NotFound):
            policies.difference(uow, team.id, 1, 9)


def test_the_log_tells_what_was_proposed_applied_and_put_in_force(world: World) -> None:
    team = world.workspace()
    apply(world, team, team.leaders["FR"])
    with world.work(team.leaders["FR"]) as uow:
        kept = [one.content for one in audit.read(uow.connection, team.id, 0, 1000)]
    events = [one["event"] for one in kept]
    assert events[-3:] == ["policy:proposed", "policy:applied", "policy:put_in_force"]
    rules = {one["id"]: one for one in kept[-1]["facts"]["rules"]}
    assert rules[f"{world.slug('FR')}:1"] == {
        "id": f"{world.slug('FR')}:1",
        "effect": "deny",
        "actions": ["evidence:download"],
        "roles": ["member"],
        "parties": [world.slug("FR")],
        "origins": ["partner"],
    }
    assert "B1" in rules  # the baseline as it was then


def test_screens_and_sockets_follow_since_the_epoch_goes_up(world: World) -> None:
    team = world.workspace()
    leader = team.leaders["FR"]
    with world.work(leader) as uow:
        before = uow.get(workspaces.Workspace, team.id, to=Action.WORKSPACE_READ).epoch
    apply(world, team, leader)
    with world.work(leader) as uow:
        assert uow.get(workspaces.Workspace, team.id, to=Action.WORKSPACE_READ).epoch > before


def test_another_partys_restrictions_are_its_own_affair(world: World) -> None:
    team = world.workspace()
    rule = apply(world, team, team.leaders["FR"])
    with world.work(team.admin) as uow:
        found = policies.book(uow, team.id)
        assert (found.restrictions, [one for one in found.rules if ":" in one.id]) == ([], [])
        assert (found.history[0].state, found.history[0].made_by, found.history[0].clause) == ("FR", None, None)
        assert policies.difference(uow, team.id, 1, 2).added == ()
    for verb in (party_rules.apply_rule, party_rules.withdraw_rule, party_rules.withdraw_end, party_rules.end_rule):
        with pytest.raises(NotFound), world.work(team.admin) as uow:
            verb(uow, team.id, rule)


@pytest.mark.parametrize("role", [Role.MEMBER, Role.OBSERVER, Role.AUDITOR])
def test_who_does_not_lead_proposes_nothing(world: World, role: Role) -> None:
    team = world.workspace()
    who = team.join("FR", role)
    with pytest.raises(NotPermitted), world.work(who) as uow:
        party_rules.propose_rule(uow, team.id, new())


def test_an_outsider_finds_nothing(world: World) -> None:
    team = world.workspace()
    outsider = world.person("NL")
    with pytest.raises(NotFound), world.work(outsider) as uow:
        policies.book(uow, team.id)
    with pytest.raises(NotFound), world.work(outsider) as uow:
        policies.difference(uow, team.id, 0, 1)


@pytest.mark.parametrize("action", sorted(party_rules.KEPT))
def test_nobody_restricts_what_keeps_a_team_honest(world: World, action: Action) -> None:
    team = world.workspace()
    with pytest.raises(Invalid, match="cannot be restricted"), world.work(team.leaders["FR"]) as uow:
        party_rules.propose_rule(uow, team.id, new(actions=[action, Action.MESSAGE_POST]))


def test_a_restriction_names_only_compartments_that_the_party_belongs_to(world: World) -> None:
    world.agency("BE")
    team = world.workspace(classes={"BE": workspaces.models.PartyClass.MS_AUTHORITY})
    room = team.compartment("DE", "BE")
    with world.work(team.admin) as uow:
        found = uow.find(workspaces.Compartment, id=room)
        assert found is not None
        key = found.key
    with pytest.raises(Invalid, match="there is no"), world.work(team.leaders["FR"]) as uow:
        party_rules.propose_rule(uow, team.id, new(compartments=[key]))
    apply(world, team, team.leaders["BE"], compartments=[key])


def test_a_withdrawn_proposal_is_never_applied(world: World) -> None:
    team = world.workspace()
    leader = team.leaders["FR"]
    rule = propose(world, team, leader)
    with world.work(leader) as uow:
        party_rules.withdraw_rule(uow, team.id, rule)
    for verb in (party_rules.apply_rule, party_rules.withdraw_rule):
        with pytest.raises(Conflict, match="no longer waits"), world.work(leader) as uow:
            verb(uow, team.id, rule)


def test_before_any_agreement_is_in_force_there_is_nothing_to_restrict(world: World) -> None:
    team = world.proposed()
    with pytest.raises((Conflict, NotPermitted)), world.work(team.leaders["FR"]) as uow:
        party_rules.propose_rule(uow, team.id, new())


def test_rules_that_were_undone_are_not_remembered(world: World) -> None:
    """A version that a transaction made and took back must not decide when another comes to the same number."""
    team = world.workspace()
    leader, ours = team.leaders["FR"], team.join("FR")
    first = propose(world, team, leader, actions=["message:post"], origins=[])
    second = propose(world, team, leader, actions=["evidence:register"], origins=[])
    uow = world.work(leader)
    with uow:
        party_rules.apply_rule(uow, team.id, first)
        assert policies.book(uow, team.id).version == 2  # asked under the new number ...
        uow.session.rollback()  # ... before the work is undone
        uow._records.clear()
    assert can(world, team, ours, Action.MESSAGE_POST)[0]
    with world.work(leader) as uow:
        party_rules.apply_rule(uow, team.id, second)
    assert can(world, team, ours, Action.MESSAGE_POST)[0]
    assert not can(world, team, ours, Action.EVIDENCE_REGISTER)[0]
