"""My day: as many questions to the database for a dozen teams as for two, and only what one may see is counted."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine, event, text

from jit_server import messaging, workspaces
from jit_server.access import Action, Handling, PartyClass, Role, store
from jit_server.work import House
from tests.builders import Team, Who, World, browser
from tests.consents.test_asking import asked
from tests.consents.test_emergencies import opened
from tests.consents.test_two_people import proposed
from tests.evidence.builders import exhibit
from tests.workspaces.test_agreement_versions import amended, signs

KINDS = {"emergency", "enter", "sign", "ask", "approval", "unread"}
"""Everything that can wait for somebody, but what only the calendar brings."""


@pytest.fixture(scope="module")
def world(house: House) -> World:
    """Agencies of this module's own, Switzerland for the quarantine."""
    made = World.create(house)
    made.agency("CH")
    return made


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    found: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        found.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def say(team: Team, who: Who, channel: UUID, **marked: Handling) -> None:
    new = messaging.NewMessage(channel_id=channel, topic="t", text="x", client_id=uuid4().hex, **marked)
    with team.world.work(who) as uow:
        messaging.post(uow, new)


def channel_in(team: Team, compartment: UUID | None = None) -> UUID:
    new = messaging.NewChannel(name=f"c {uuid4().hex[:6]}", compartment_id=compartment)
    with team.world.work(team.admin) as uow:
        return messaging.create_channel(uow, team.id, new).id


def busy_team(world: World, who: Who) -> Team:
    """A team with rules of its own that `who` leads for DE, where everything waits for them that can."""
    clause = workspaces.NewClause(
        id="B7", text="Observers of France read no messages.", effect="deny", actions=(Action.MESSAGE_READ,),
        roles=(Role.OBSERVER,), parties=(world.slug("FR"),),
    )  # fmt: skip
    team = world.proposed(clauses=(clause,), classes={"CH": PartyClass.THIRD_COUNTRY}, led_by={"DE": who})
    team.sign_all()
    with world.work(who) as uow:
        workspaces.open_workspace(uow, team.id)
    other = team.leaders["FR"]
    for channel in (channel_in(team), channel_in(team, team.compartment("DE", "FR"))):
        say(team, other, channel)
    item = exhibit(team, who, handling="H2")
    asked(team, other, item)
    opened(team, other, item)
    exhibit(team, team.leaders["CH"])
    proposed(team, team.join("DE", Role.SPACE_ADMIN))
    amended(team, name="Operation Amended")
    signs(team, other)
    invited = world.workspace()
    with world.work(invited.admin) as uow:
        workspaces.invite(uow, invited.id, workspaces.NewMember(person_id=who.id, role=Role.MEMBER))
    return team


def test_my_day_asks_as_much_for_a_dozen_teams_as_for_two(
    app: Flask, house: House, world: World, engine: Engine
) -> None:
    who = world.person("DE")
    client = browser(app, house, who)
    asked_of: dict[int, Counter[str]] = {}
    for more, teams in ((2, 2), (10, 12)):
        for _ in range(more):
            busy_team(world, who)
        page = client.get("/").text
        for kind in KINDS:
            assert page.count(f"kind-{kind}") >= teams, kind
        store._ready.clear()  # the worker has not met these teams before
        with statements(engine) as found:
            assert client.get("/").status_code == 200
        asked_of[teams] = Counter(one[:50] for one in found)
    assert asked_of[12] == asked_of[2]
    assert asked_of[2].total() <= 50


def test_the_count_of_unread_messages_is_of_what_each_may_read(app: Flask, house: House, world: World) -> None:
    who = world.person("FR")
    shown: dict[UUID, int] = {}
    for handling, in_room, count in ((Handling.H0, False, 2), (Handling.H3, False, 1), (Handling.H0, True, 1)):
        team = world.workspace(classes={"NL": PartyClass.MS_AUTHORITY})
        with world.work(team.admin) as uow:
            workspaces.invite(uow, team.id, workspaces.NewMember(person_id=who.id, role=Role.OBSERVER))
        team.enter(who)
        say(team, team.admin, channel_in(team), handling=Handling.H0)
        say(team, team.admin, channel_in(team, team.compartment("DE", "NL") if in_room else None), handling=handling)
        shown[team.id] = count
    with world.work(who) as uow:
        assert messaging.unread(uow, list(shown)) == shown
    stranger = world.person("FR")
    with world.work(stranger) as uow:
        assert messaging.unread(uow, list(shown)) == {}


def test_a_page_that_reads_itself_anew_keeps_no_session_awake(
    app: Flask, house: House, world: World, owner_engine: Engine
) -> None:
    who = world.person("DE")
    client = browser(app, house, who)
    seen = text("SELECT now() - last_seen_at > interval '4 minutes' FROM login_session WHERE person_id = :id")
    with owner_engine.begin() as connection:
        aged = "UPDATE login_session SET last_seen_at = now() - interval '5 minutes' WHERE person_id = :id"
        connection.execute(text(aged), {"id": who.id})
    for headers, idle in (({"Jit-Live": "1"}, True), ({}, False)):
        assert client.get("/", headers=headers).status_code == 200
        with owner_engine.connect() as connection:
            assert connection.execute(seen, {"id": who.id}).scalar_one() is idle
