"""What time does by itself, under a clock that stands where the test puts it; twice the same round changes nothing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import text

from jit_server import consents
from jit_server.access import OPERATOR, Phase
from jit_server.consents.lifecycle import ApprovalState, ConsentState
from jit_server.consents.usecases.keeping_time import mark_of
from jit_server.core import clock, database, schema
from jit_server.core.database import act_as
from jit_server.core.errors import Conflict
from jit_server.core.postgres import EmbeddedPostgres
from jit_server.work import House
from jit_server.workspaces import Workspace
from tests.builders import Team, Who, World
from tests.consents.test_asking import asked, granted, record
from tests.consents.test_two_people import CLOSE, phase, proposed
from tests.evidence.builders import exhibit

TERM = 300
"""Days the builders' agreements last."""
At = Callable[[timedelta], datetime]


@pytest.fixture(scope="module")
def world(postgres: EmbeddedPostgres, house: House) -> Iterator[World]:
    """A server of its own: the clock of these tests would end every other test's teams."""
    urls = postgres.database("clock")
    schema.upgrade(urls.owner)
    settings = house.settings.model_copy(update={"database_url": urls.app, "database_owner_url": urls.owner})
    engine = database.engine(urls.app, pool=4)
    yield World.create(House(settings, engine, house.vault, house.key))
    engine.dispose()


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Put the clock so much later than now."""
    began = clock.now()

    def put(later: timedelta) -> datetime:
        monkeypatch.setattr(clock, "now", lambda: began + later)
        return began + later

    return put


def lines(team: Team, who: Who) -> list[str]:
    with team.world.work(who) as uow:
        return [one.kind for one in consents.unseen(uow) if one.workspace_id == team.id]


def seen_at(who: Who, moment: datetime) -> Who:
    return replace(who, actor=replace(who.actor, auth_time=moment))


def test_sixty_days_before_its_end_a_team_is_expiring_and_its_leaders_are_told(team: Team, at: At):
    member = team.join("FR")
    at(timedelta(days=TERM - 61))
    consents.keep_time(team.world.house)
    assert phase(team) is Phase.OPERATIONAL
    at(timedelta(days=TERM - 60))
    consents.keep_time(team.world.house)
    assert phase(team) is Phase.EXPIRING
    assert lines(team, team.leaders["FR"]) == ["term_ends"]
    assert lines(team, member) == []
    assert [one["facts"]["mark"][-2:] for one in record(team, "workspace:ending")] == ["60"]


def test_each_threshold_is_told_once_however_often_the_clock_is_looked_at(team: Team, at: At):
    for days in (60, 59, 30, 29, 7, 6, 0):
        at(timedelta(days=TERM - days))
        for _ in range(2):
            consents.keep_time(team.world.house)
    assert [one["facts"]["mark"].split("/")[1] for one in record(team, "workspace:ending")] == ["60", "30", "7"]
    assert [one["facts"]["after"] for one in record(team, "workspace:phase_changed")][3:] == ["expiring"]
    assert phase(team) is Phase.EXPIRING


def test_the_end_of_the_term_ends_the_operation_by_itself(team: Team, at: At):
    at(timedelta(days=TERM + 1))
    consents.keep_time(team.world.house)
    assert phase(team) is Phase.POST_OPERATIONAL
    entry = record(team, "workspace:phase_changed")[-1]
    assert entry["actor"]["kind"] == "system"
    assert "term is over" in entry["why"]["text"]
    size = len(record(team, "workspace:phase_changed"))
    consents.keep_time(team.world.house)
    assert len(record(team, "workspace:phase_changed")) == size


def test_a_server_that_slept_says_only_what_is_still_news(team: Team, at: At):
    at(timedelta(days=TERM - 5))
    consents.keep_time(team.world.house)
    assert [one["facts"]["mark"].split("/")[1] for one in record(team, "workspace:ending")] == ["7"]


def test_before_a_membership_ends_the_member_and_the_partys_leaders_are_told(team: Team, at: At):
    member = team.join("FR", days=90)
    at(timedelta(days=30, minutes=1))
    consents.keep_time(team.world.house)
    consents.keep_time(team.world.house)
    assert lines(team, member) == ["membership_ends"]
    assert lines(team, team.leaders["FR"]) == ["membership_ends"]
    assert lines(team, team.admin) == []
    assert len(record(team, "member:ending")) == 1


def test_an_ask_that_nobody_answers_lapses_and_the_asker_is_told(team: Team, at: At):
    item = exhibit(team, team.admin, handling="H2")
    consent = asked(team, team.leaders["FR"], item)
    at(timedelta(days=9, hours=23))
    consents.keep_time(team.world.house)
    later = at(timedelta(days=10, seconds=1))
    consents.keep_time(team.world.house)
    with pytest.raises(Conflict):
        granted(team, seen_at(team.admin, later), consent)
    with team.world.work(team.leaders["FR"]) as uow:
        assert consents.visible(uow, consent.id).state is ConsentState.LAPSED
    assert lines(team, team.leaders["FR"]) == ["answered"]
    assert record(team, "access:lapsed")[0]["subject"]["id"] == str(item.id)


def test_a_proposal_that_nobody_approves_lapses(team: Team, at: At):
    approval = proposed(team, wanted=CLOSE)
    at(timedelta(days=7, seconds=1))
    consents.keep_time(team.world.house)
    with team.world.house.work(OPERATOR) as uow:
        assert uow.find(consents.Approval, id=approval.id).state is ApprovalState.LAPSED
    assert len(record(team, "approval:lapsed")) == 1


def test_two_workers_never_keep_the_time_at_once(team: Team):
    from jit_server.consents.usecases import keeping_time

    with team.world.house.engine.connect() as other:
        other.execute(text("SELECT pg_advisory_lock(:key)"), {"key": keeping_time._LOCK})
        assert consents.keep_time(team.world.house) is None
        other.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": keeping_time._LOCK})
    assert consents.keep_time(team.world.house) is not None


def test_one_workspace_that_fails_does_not_stop_the_others(world: World, at: At):
    held, free = world.workspace(), world.workspace()
    at(timedelta(days=TERM + 1))
    with world.house.engine.connect() as other:
        act_as(other, "system")
        other.execute(text("SELECT 1 FROM workspace WHERE id = :id FOR UPDATE"), {"id": held.id})
        consents.keep_time(world.house)
        assert (phase(held), phase(free)) == (Phase.OPERATIONAL, Phase.POST_OPERATIONAL)
    consents.keep_time(world.house)
    assert phase(held) is Phase.POST_OPERATIONAL


def test_a_round_over_a_server_where_nothing_is_due_opens_no_workspace(team: Team):
    consents.keep_time(team.world.house)
    done = consents.keep_time(team.world.house)
    assert done is not None
    assert (done.phases, done.notices, done.asks, done.proposals) == (0, 0, 0, 0)


def test_the_thresholds_by_hand():
    today = date(2026, 11, 23)
    since = today - timedelta(days=100)
    marks = {days: mark_of(today + timedelta(days=days), today, since) for days in (61, 60, 31, 30, 8, 7, 0, -1)}
    words = {days: mark and mark.split("/")[1] for days, mark in marks.items()}
    assert words == {61: None, 60: "60", 31: "60", 30: "30", 8: "30", 7: "7", 0: "7", -1: None}
    assert mark_of(today + timedelta(days=5), today, today) is None


def test_the_end_of_a_team_that_the_clock_moved_stays_moved(team: Team, at: At):
    at(timedelta(days=TERM + 1))
    consents.keep_time(team.world.house)
    with team.world.house.work(OPERATOR) as uow:
        before = uow.find(Workspace, id=team.id).epoch
    consents.keep_time(team.world.house)
    with team.world.house.work(OPERATOR) as uow:
        assert uow.find(Workspace, id=team.id).epoch == before
