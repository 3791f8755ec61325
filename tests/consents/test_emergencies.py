"""Break-glass: an hour, a reason, a leader; the originator is told at once and has the last word."""

from datetime import timedelta

import pytest

from jit_server import consents, workspaces
from jit_server.access import Action, Origin, PartyClass, Role
from jit_server.consents.lifecycle import Review
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted, StepUp
from tests.builders import Team, World, stale
from tests.consents.test_asking import READ, may, record
from tests.evidence.builders import exhibit


def emergency(item, actions=READ) -> consents.NewEmergency:
    return consents.NewEmergency(
        subject_kind="evidence_item", subject_id=item.id, actions=actions, reason="life", reason_text="Hostage, now"
    )


def opened(team: Team, who, item, **more) -> consents.BreakGlass:
    with team.world.work(who) as uow:
        return consents.break_glass(uow, team.id, emergency(item, **more))


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture
def item(team: Team):
    return exhibit(team, team.admin, handling="H2")


def test_it_opens_for_the_caller_alone_for_an_hour_and_stands_on_record(team: Team, item):
    caller = team.leaders["FR"]
    glass = opened(team, caller, item)
    assert glass.expires_at - glass.opened_at == timedelta(minutes=60)
    assert may(team, caller, item)
    assert not may(team, team.join("FR"), item)
    (entry,) = record(team, "access:glass_broken")
    assert entry["why"] == {"code": "life", "text": "Hostage, now"}
    assert record(team, "access:granted")[0]["facts"]["kind"] == "break_glass"


def test_every_leader_of_the_originator_is_told_at_once_until_each_has_seen_it(team: Team, item):
    second = team.join("DE", Role.LEADER)
    member = team.join("DE")
    opened(team, team.leaders["FR"], item)
    for who, told in ((team.admin, 1), (second, 1), (member, 0), (team.leaders["FR"], 0)):
        with team.world.work(who) as uow:
            assert len(consents.unseen(uow)) == told
    with team.world.work(team.admin) as uow:
        consents.acknowledge(uow, consents.unseen(uow)[0].id)
    with team.world.work(team.admin) as uow:
        assert consents.unseen(uow) == []
    with team.world.work(second) as uow:
        notice = consents.unseen(uow)[0]
    with pytest.raises(NotFound), team.world.work(team.admin) as uow:
        consents.acknowledge(uow, notice.id)
    assert len(record(team, "notice:seen")) == 1


def test_an_objection_ends_it_at_once_and_a_confirmation_does_not(team: Team, item):
    caller = team.leaders["FR"]
    glass = opened(team, caller, item)
    with team.world.work(team.admin) as uow:
        consents.review(uow, glass.id, consents.Reviewing(review="objected", text="We could have been called"))
    assert not may(team, caller, item)
    with pytest.raises(Conflict), team.world.work(team.admin) as uow:
        consents.review(uow, glass.id, consents.Reviewing(review="confirmed", text="on second thought"))
    again = opened(team, caller, item)
    with team.world.work(team.admin) as uow:
        done = consents.review(uow, again.id, consents.Reviewing(review="confirmed", text="rightly"))
    assert done.review is Review.CONFIRMED
    assert may(team, caller, item)
    with pytest.raises(NotPermitted), team.world.work(caller) as uow:
        consents.review(uow, again.id, consents.Reviewing(review="confirmed", text="by myself"))


def test_it_takes_a_recent_sign_in_and_a_leader(team: Team, item):
    with pytest.raises(StepUp):
        opened(team, stale(team.leaders["FR"]), item)
    with pytest.raises(NotPermitted):
        opened(team, team.join("FR"), item)
    assert record(team, "access:glass_broken") == []


def test_it_never_gives_on_and_never_makes_a_package_for_court(team: Team, item):
    for action in (Action.EVIDENCE_EXPORT, Action.EVIDENCE_RELEASE):
        with pytest.raises(Invalid):
            opened(team, team.leaders["FR"], item, actions=frozenset({action}))


def test_a_clause_can_switch_it_off(world: World):
    clause = workspaces.NewClause(
        id="8.1", text="Nobody opens in an emergency what was not given.", effect="deny",
        actions=(Action.ACCESS_BREAK_GLASS,), origins=(Origin.PARTNER,),
    )  # fmt: skip
    team = world.workspace(clauses=(clause,))
    item = exhibit(team, team.admin, handling="H2")
    with pytest.raises(NotPermitted) as refused:
        opened(team, team.leaders["FR"], item)
    assert refused.value.members["policy"]["clause"] == "8.1"


def test_it_opens_no_compartment(world: World):
    team = world.workspace(classes={"NL": PartyClass.MS_AUTHORITY})
    item = exhibit(team, team.admin, handling="H2", compartment_id=str(team.compartment("DE", "FR")))
    with pytest.raises(NotFound):
        opened(team, team.leaders["NL"], item)


def test_a_third_country_never_breaks_glass(world: World):
    team = world.workspace(classes={"NL": PartyClass.THIRD_COUNTRY})
    item = exhibit(team, team.admin, handling="H2")
    with pytest.raises((NotFound, NotPermitted)):
        opened(team, team.leaders["NL"], item)
    assert not may(team, team.leaders["NL"], item)
