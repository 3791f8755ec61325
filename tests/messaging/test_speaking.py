"""To say, correct and withdraw: what is kept, what is refused, and what stands on the record."""

import threading
from uuid import uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from jit_server import audit, messaging, workspaces
from jit_server.access import Handling, PartyClass, Role
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted, Outdated
from tests.builders import Team, World


def channel_in(team: Team, name: str = ""):
    with team.world.work(team.admin) as uow:
        return messaging.create_channel(uow, team.id, messaging.NewChannel(name=name or uuid4().hex[:8])).id


def new(channel_id, text="Search at 06:00", **changes):
    shape = {"channel_id": channel_id, "topic": "general", "text": text, "client_id": uuid4().hex, **changes}
    return messaging.NewMessage(**shape)


def say(team: Team, who, channel_id, text="Search at 06:00", **changes):
    with team.world.work(who) as uow:
        return messaging.post(uow, new(channel_id, text, **changes))


def log(team: Team, limit=50):
    with team.world.work(team.admin) as uow:
        return workspaces.read_log(uow, team.id, latest=True, limit=limit, note=False)


def test_a_message_is_kept_rendered_marked_and_on_record_without_its_words(world: World):
    team = world.workspace(default_handling=Handling.H2)
    channel = channel_in(team)
    message = say(team, team.leaders["FR"], channel, "**Now**: suspect Müller left")
    assert message.handling == Handling.H2
    assert message.html == "<p><strong>Now</strong>: suspect Müller left</p>"
    entry = next(one for one in log(team) if one.event == "message:posted")
    assert entry.position == message.position
    assert entry.facts["characters"] == len(message.text)
    assert entry.facts["digest"] == audit.commit(message.text, message.salt)
    assert "Müller" not in str(entry)


def test_the_same_client_id_never_makes_a_second_message(world: World):
    team = world.workspace()
    channel = channel_in(team)
    wish = new(channel)
    kept = []
    for _ in range(3):
        with world.work(team.admin) as uow:
            kept.append(messaging.post(uow, wish).id)
    assert len(set(kept)) == 1
    assert [one.event for one in log(team)].count("message:posted") == 1
    with pytest.raises(Conflict), world.work(team.admin) as uow:
        messaging.post(uow, wish.model_copy(update={"text": "other words"}))


def test_two_sends_of_one_message_at_once_leave_one_row_and_a_conflict_at_most(world: World):
    team = world.workspace()
    wish = new(channel_in(team))
    outcomes = []

    def send():
        try:
            with world.work(team.admin) as uow:
                kept = messaging.post(uow, wish)
            outcomes.append(kept.id)
        except Conflict:
            outcomes.append("conflict")

    senders = [threading.Thread(target=send) for _ in range(8)]
    for one in senders:
        one.start()
    for one in senders:
        one.join()
    assert len(outcomes) == 8
    assert len({one for one in outcomes if one != "conflict"}) == 1
    assert [one.event for one in log(team)].count("message:posted") == 1


def test_an_observer_may_not_speak_and_the_refusal_is_on_record(world: World):
    team = world.workspace()
    channel = channel_in(team)
    observer = team.join("FR", Role.OBSERVER)
    with pytest.raises(NotPermitted):
        say(team, observer, channel)
    last = log(team, 1)[0]
    assert (last.event, last.result, last.facts["action"]) == ("access:refused", "denied", "message:post")


def test_an_outsider_finds_no_channel_and_leaves_no_trace(world: World):
    team, outsider = world.workspace(), world.person("NL")
    channel = channel_in(team)
    before = log(team)
    with pytest.raises(NotFound):
        say(team, outsider, channel)
    assert log(team) == before


def test_a_message_of_another_workspace_cannot_be_answered(world: World):
    mine, other = world.workspace(), world.workspace()
    theirs = say(other, other.admin, channel_in(other))
    with pytest.raises(Invalid) as refused:
        say(mine, mine.admin, channel_in(mine), reply_to=theirs.id)
    assert refused.value.members["errors"][0]["field"] == "reply_to"


def test_a_correction_appends_a_version_and_the_first_words_stay(world: World):
    team = world.workspace()
    channel = channel_in(team)
    message = say(team, team.admin, channel, "06:00")
    with world.work(team.admin) as uow:
        _, change = messaging.edit(uow, message.id, messaging.Correction(text="07:00", version=1))
    assert change.version == 2
    with world.work(team.leaders["FR"]) as uow:
        shown = messaging.read_page(uow, channel).messages[0]
        states = messaging.history(uow, message.id)
    assert (shown.text, shown.version, shown.html) == ("07:00", 2, "<p>07:00</p>")
    assert [one.text for one in states] == ["06:00", "07:00"]


def test_a_correction_of_an_older_version_is_refused_with_the_newer_text(world: World):
    team = world.workspace()
    message = say(team, team.admin, channel_in(team), "one")
    for wish in ("two", "three"):
        if wish == "three":
            with pytest.raises(Outdated) as refused, world.work(team.admin) as uow:
                messaging.edit(uow, message.id, messaging.Correction(text=wish, version=1))
            assert refused.value.members["current"] == {"version": 2, "text": "two"}
        else:
            with world.work(team.admin) as uow:
                messaging.edit(uow, message.id, messaging.Correction(text=wish, version=1))


def test_nobody_corrects_what_a_colleague_of_the_same_party_said(world: World):
    team = world.workspace()
    message = say(team, team.admin, channel_in(team))
    colleague = team.join("DE")
    with pytest.raises(NotPermitted), world.work(colleague) as uow:
        messaging.edit(uow, message.id, messaging.Correction(text="other"))
    assert log(team, 1)[0].event == "access:refused"


def test_a_withdrawn_message_shows_its_reason_and_its_words_to_its_own_party_only(world: World):
    team = world.workspace()
    channel = channel_in(team)
    message = say(team, team.admin, channel, "wrong name")
    with world.work(team.admin) as uow:
        messaging.withdraw(uow, message.id, messaging.Withdrawal(reason="mistaken identity"))
    with world.work(team.leaders["FR"]) as uow:
        shown = messaging.read_page(uow, channel).messages[0]
        theirs = messaging.history(uow, message.id)
    with world.work(team.admin) as uow:
        ours = messaging.history(uow, message.id)
    assert (shown.text, shown.html, shown.withdrawn, shown.reason) == ("", "", True, "mistaken identity")
    assert [one.text for one in theirs] == [None, None]
    assert [one.text for one in ours] == ["wrong name", None]
    for act in (
        lambda uow: messaging.edit(uow, message.id, messaging.Correction(text="x")),
        lambda uow: messaging.withdraw(uow, message.id, messaging.Withdrawal(reason="again")),
    ):
        with pytest.raises(Conflict), world.work(team.admin) as uow:
            act(uow)


def test_a_message_hidden_by_its_marking_is_absent_everywhere(world: World):
    team = world.workspace(classes={"NL": PartyClass.THIRD_COUNTRY})
    channel = channel_in(team)
    third, observer = team.join("NL"), team.join("FR", Role.OBSERVER)
    marked = {code: say(team, team.admin, channel, code, handling=code) for code in Handling}
    for who, visible in ((third, {"H0"}), (observer, {"H0"}), (team.leaders["FR"], set(Handling))):
        with world.work(who) as uow:
            assert {one.text for one in messaging.read_page(uow, channel).messages} == visible
            counted = messaging.list_channels(uow, team.id)[0]
            assert counted.unread == counted.topics[0].messages == len(visible)
    with pytest.raises(NotFound), world.work(observer) as uow:
        messaging.history(uow, marked[Handling.H3].id)
    with pytest.raises(Invalid):
        say(team, third, channel, reply_to=marked[Handling.H3].id)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", ""),
        ("text", "  \n "),
        ("text", "x" * 20_001),
        ("text", "nul \x00"),
        ("text", "half \ud800"),
        ("text", "escape \x1b[31m"),
        ("text", 5),
        ("topic", ""),
        ("topic", "two\nlines"),
        ("topic", "x" * 121),
        ("handling", "H9"),
        ("handling", "secret"),
        ("client_id", "short"),
        ("client_id", "x" * 65),
        ("client_id", "spaces are bad"),
        ("client_id", "newline12\n"),
        ("channel_id", "not-an-id"),
        ("channel_id", None),
        ("reply_to", "nonsense"),
        ("author_id", str(uuid4())),
        ("position", 1),
    ],
)
def test_a_wrong_field_is_named_before_anything_is_done(field, value):
    with pytest.raises(ValidationError) as refused:
        new(**{"channel_id": uuid4(), field: value})
    assert refused.value.errors()[0]["loc"][0] == field


def test_the_longest_text_is_kept_whole(world: World):
    team = world.workspace()
    longest = "ß" * 20_000
    message = say(team, team.admin, channel_in(team), longest)
    with world.work(team.admin) as uow:
        assert messaging.read_page(uow, message.channel_id).messages[0].text == longest


@pytest.mark.parametrize("table", ["message", "message_change"])
@pytest.mark.parametrize("act", ["UPDATE {} SET workspace_id = workspace_id", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_database_refuses_to_alter_or_drop_what_was_said(engine, table, act):
    with engine.connect() as connection:
        connection.execute(text("SELECT set_config('jit.actor', 'system', true)"))
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text(act.format(table)))
