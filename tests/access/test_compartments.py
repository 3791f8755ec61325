"""A bilateral compartment inside a team of three: for the third State nothing in it exists (B19)."""

from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import text

from jit_server import messaging, workspaces
from jit_server.access import PartyClass
from jit_server.core.errors import Invalid, NotFound
from jit_server.work import House
from tests.builders import Team, Who, World, browser


@dataclass
class Case:
    """Three States, and a channel of two of them with one message in it."""

    team: Team
    compartment: UUID
    channel: UUID
    message: UUID
    third: Who


@pytest.fixture
def case(world: World) -> Case:
    """DE and FR work on something that NL must not know of."""
    team = world.workspace(classes={"NL": PartyClass.MS_AUTHORITY})
    compartment = team.compartment("DE", "FR")
    with world.work(team.admin) as uow:
        new = messaging.NewChannel(name="Codeword", compartment_id=compartment)
        channel = messaging.create_channel(uow, team.id, new).id
    with world.work(team.admin) as uow:
        said = messaging.NewMessage(channel_id=channel, topic="Codeword", text="Codeword", client_id=uuid4().hex)
        message = messaging.post(uow, said).id
    return Case(team, compartment, channel, message, team.leaders["NL"])


def test_a_party_of_the_compartment_reads_what_is_said_in_it(case: Case, world: World) -> None:
    with world.work(case.team.leaders["FR"]) as uow:
        assert [one.compartment for one in messaging.list_channels(uow, case.team.id)] == ["Bilateral"]
        assert [one.text for one in messaging.read_page(uow, case.channel).messages] == ["Codeword"]


def test_the_third_state_finds_nothing_of_it_in_any_list_or_count(case: Case, world: World) -> None:
    with world.work(case.third) as uow:
        assert messaging.list_channels(uow, case.team.id) == []
        assert messaging.unread(uow, [case.team.id]) == {case.team.id: 0}
        assert workspaces.compartments(uow, case.team.id) == []
        with pytest.raises(NotFound):
            messaging.read_page(uow, case.channel)
        with pytest.raises(NotFound):
            messaging.history(uow, case.message)


def test_the_log_as_the_third_state_reads_it_holds_no_word_of_it(case: Case, world: World) -> None:
    with world.work(case.third) as uow:
        entries = workspaces.read_log(uow, case.team.id, limit=200)
    shown = " ".join(str(entry) for entry in entries)
    for one in (case.channel, case.message):
        assert str(one) not in shown
    with world.work(case.team.leaders["FR"]) as uow:
        assert "message:posted" in {entry.event for entry in workspaces.read_log(uow, case.team.id, limit=200)}


def test_the_third_state_gets_the_answer_of_an_absent_channel(case: Case, app: Flask, house: House) -> None:
    client, absent = browser(app, house, case.third), uuid4()
    addresses = ("/api/v1/channels/{}/messages", "/w/" + str(case.team.id) + "/c/{}")
    for address in addresses:
        hidden, missing = client.get(address.format(case.channel)), client.get(address.format(absent))
        assert (hidden.status_code, hidden.data) == (404, missing.data), address


def test_nobody_posts_or_opens_a_channel_in_a_compartment_of_others(case: Case, world: World) -> None:
    said = messaging.NewMessage(channel_id=case.channel, topic="x", text="x", client_id=uuid4().hex)
    with pytest.raises(NotFound), world.work(case.third) as uow:
        messaging.post(uow, said)
    with pytest.raises(Invalid), world.work(case.third) as uow:
        messaging.create_channel(uow, case.team.id, messaging.NewChannel(name="Mine", compartment_id=case.compartment))


def test_a_name_taken_in_a_compartment_is_free_outside_it(case: Case, world: World) -> None:
    with world.work(case.third) as uow:
        assert messaging.create_channel(uow, case.team.id, messaging.NewChannel(name="Codeword")).id


def test_a3_raw_sql_shows_the_third_state_no_row_of_the_compartment(case: Case, world: World) -> None:
    counts = {
        table: text(f"SELECT count(*) FROM {table} WHERE compartment_id = :compartment")
        for table in ("channel", "message", "message_change", "upload", "evidence_item")
    }
    for table, count in counts.items():
        with world.work(case.third) as uow:
            assert uow.connection.execute(count, {"compartment": case.compartment}).scalar_one() == 0, table
    with world.work(case.team.leaders["FR"]) as uow:
        assert uow.connection.execute(counts["message"], {"compartment": case.compartment}).scalar_one() == 1
