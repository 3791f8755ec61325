"""To read: pages, unread counts, marks, drafts, and the entry of consultation that each look leaves."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from jit_server import messaging, workspaces
from jit_server.access import Role
from jit_server.core.errors import Conflict, NotFound, NotPermitted
from tests.builders import Team, World


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture
def channel(team: Team):
    with team.world.work(team.admin) as uow:
        return messaging.create_channel(uow, team.id, messaging.NewChannel(name="operations")).id


def say(team, who, channel, text, topic="general"):
    shape = messaging.NewMessage(channel_id=channel, topic=topic, text=text, client_id=uuid4().hex)
    with team.world.work(who) as uow:
        return messaging.post(uow, shape)


def test_pages_follow_each_other_without_gap_or_repetition(team, channel):
    said = [say(team, team.admin, channel, str(number)).position for number in range(7)]
    seen, before = [], None
    for _ in range(3):
        with team.world.work(team.admin) as uow:
            page = messaging.read_page(uow, channel, before=before, limit=3)
        seen = [one.position for one in page.messages] + seen
        before = page.older
    assert seen == said
    assert before is None
    with team.world.work(team.admin) as uow:
        onwards = messaging.read_page(uow, channel, after=said[4], limit=3)
    assert [one.position for one in onwards.messages] == said[5:]


def test_a_page_is_one_consultation_on_the_log_however_long(team, channel):
    for number in range(5):
        say(team, team.admin, channel, str(number))
    with team.world.work(team.leaders["FR"]) as uow:
        messaging.read_page(uow, channel)
    with team.world.work(team.admin) as uow:
        entry = workspaces.read_log(uow, team.id, latest=True, limit=1, note=False)[0]
    assert entry.event == "message:read"
    assert entry.facts["count"] == 5
    assert entry.actor["person"] == str(team.leaders["FR"].id)


def test_what_is_new_is_counted_for_each_reader(team, channel):
    mine = say(team, team.admin, channel, "one")
    say(team, team.admin, channel, "two", topic="money")
    reader = team.leaders["FR"]
    with team.world.work(reader) as uow:
        shown = messaging.list_channels(uow, team.id)[0]
        assert messaging.unread(uow, [team.id]) == {team.id: 2}
    assert shown.unread == 2
    assert [(one.name, one.unread) for one in shown.topics] == [("money", 1), ("general", 1)]
    with team.world.work(reader) as uow:
        messaging.mark_read(uow, channel, messaging.Mark(topic="general", position=mine.position))
    with team.world.work(reader) as uow:
        shown = messaging.list_channels(uow, team.id)[0]
    assert [(one.name, one.unread, one.read_position) for one in shown.topics] == [
        ("money", 1, 0),
        ("general", 0, mine.position),
    ]
    assert shown.unread == 1
    with team.world.work(team.admin) as uow:
        assert messaging.list_channels(uow, team.id)[0].unread == 0


def test_reading_one_topic_leaves_the_others_unread(team, channel):
    say(team, team.admin, channel, "older, elsewhere", topic="money")
    newer = say(team, team.admin, channel, "newer, here")
    reader = team.leaders["FR"]
    with team.world.work(reader) as uow:
        messaging.mark_read(uow, channel, messaging.Mark(topic="general", position=newer.position))
    with team.world.work(reader) as uow:
        assert messaging.unread(uow, [team.id]) == {team.id: 1}


def test_a_reading_mark_never_moves_back_nor_beyond_the_last_message(team, channel):
    said = say(team, team.admin, channel, "one")
    for asked, kept in ((2**53 - 1, said.position), (0, said.position), (said.position, said.position)):
        with team.world.work(team.leaders["FR"]) as uow:
            assert messaging.mark_read(uow, channel, messaging.Mark(topic="general", position=asked)).position == kept


def test_a_draft_is_there_on_the_next_device_and_gone_once_sent(team, channel):
    who = team.leaders["FR"]
    with team.world.work(who) as uow:
        messaging.keep_draft(uow, channel, messaging.NewDraft(topic="general", text="half a th", handling="H2"))
    with team.world.work(who) as uow:
        messaging.keep_draft(uow, channel, messaging.NewDraft(topic="general", text="half a thought", handling="H3"))
    with team.world.work(who) as uow:
        kept = messaging.draft(uow, channel, "general")
        assert (kept.text, kept.handling) == ("half a thought", "H3")
        assert len(messaging.drafts(uow, team.id)) == 1
    say(team, who, channel, "other words")
    with team.world.work(who) as uow:
        assert messaging.draft(uow, channel, "general") is not None
    say(team, who, channel, "half a thought")
    with team.world.work(who) as uow:
        assert messaging.draft(uow, channel, "general") is None


def test_an_empty_draft_is_forgotten(team, channel):
    for words in ("something", ""):
        with team.world.work(team.admin) as uow:
            messaging.keep_draft(uow, channel, messaging.NewDraft(topic="general", text=words))
    with team.world.work(team.admin) as uow:
        assert messaging.drafts(uow, team.id) == []


def test_nobody_sees_the_drafts_or_marks_of_a_colleague_even_in_the_database(team, channel, engine):
    with team.world.work(team.admin) as uow:
        messaging.keep_draft(uow, channel, messaging.NewDraft(topic="general", text="not for others"))
        messaging.mark_read(uow, channel, messaging.Mark(topic="general", position=0))
    colleague = team.join("DE")
    with team.world.work(colleague) as uow:
        assert messaging.drafts(uow, team.id) == []
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('jit.actor', :me, true)"), {"me": str(colleague.id)})
        for table in ("draft", "read_mark"):
            found = connection.execute(text(f"SELECT count(*) FROM {table} WHERE workspace_id = :w"), {"w": team.id})
            assert found.scalar_one() == 0


def test_an_observer_keeps_no_drafts(team, channel):
    observer = team.join("FR", Role.OBSERVER)
    with pytest.raises(NotPermitted), team.world.work(observer) as uow:
        messaging.keep_draft(uow, channel, messaging.NewDraft(topic="general", text="x"))


def test_two_channels_of_a_workspace_have_two_names(team, channel):
    with pytest.raises(Conflict), team.world.work(team.admin) as uow:
        messaging.create_channel(uow, team.id, messaging.NewChannel(name="operations"))


def test_a_removed_member_reads_nothing_more(team, channel):
    member = team.join("FR")
    say(team, team.admin, channel, "one")
    with team.world.work(member) as uow:
        assert len(messaging.read_page(uow, channel).messages) == 1
    team.remove(member)
    with pytest.raises(NotFound), team.world.work(member) as uow:
        messaging.read_page(uow, channel)
