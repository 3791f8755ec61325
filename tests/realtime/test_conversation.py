"""Live: what one says the others hear, whoever they are connected to, each as their rules allow."""

import asyncio
import json
from uuid import uuid4

from jit_server import messaging, workspaces
from jit_server.access import PartyClass, Role
from jit_server.workspaces.document import NamedMember
from tests.evidence.builders import exhibit
from tests.realtime.line import Line, play


def new(channel, text="Search at 06:00", **more):
    return {"channel_id": str(channel), "topic": "general", "text": text, "client_id": uuid4().hex, **more}


async def seated(served, team, *cookies, position=2**53 - 1):
    lines = [await (await Line.open(served.port, each)).connected() for each in cookies]
    for line in lines:
        await line.join(team.id, position)
    return lines


def test_what_one_says_the_others_hear_on_both_workers(served, team, channel, cookie):
    async def scenario():
        cookies = [cookie(team.admin)] + [cookie(team.join("FR")) for _ in range(7)]
        speaker, *others = await seated(served, team, *cookies)
        kept = await speaker.emit("message:post", new(channel, "**now**"))
        for line in [speaker, *others]:
            await line.until(lambda line=line: line.events("message:posted"), 3)
            event = line.events("message:posted")[0]
            assert event["position"] == kept["position"] == event["message"]["position"]
            assert event["message"] == kept
        assert kept["html"] == "<p><strong>now</strong></p>"
        assert kept["author"] == {
            "id": str(team.admin.id), "name": team.admin.name, "agency": "Anklage DE", "state": "DE",
        }  # fmt: skip

    play(scenario)


def test_each_hears_only_what_their_rules_allow(served, world, cookie):
    team = world.workspace(classes={"NL": PartyClass.THIRD_COUNTRY})
    from tests.messaging.test_speaking import channel_in

    channel = channel_in(team)
    everybody = {"fr": team.leaders["FR"], "nl": team.join("NL"), "watch": team.join("DE", Role.OBSERVER)}

    async def scenario():
        speaker, *others = await seated(served, team, cookie(team.admin), *map(cookie, everybody.values()))
        for code in ("H0", "H1", "H2", "H3"):
            await speaker.emit("message:post", new(channel, code, handling=code))
        await asyncio.sleep(1)
        heard = {
            name: [one["message"]["text"] for one in line.events("message:posted")]
            for name, line in zip(everybody, others, strict=True)
        }
        assert heard == {"fr": ["H0", "H1", "H2", "H3"], "nl": ["H0"], "watch": ["H0"]}

    play(scenario)


def test_whoever_comes_back_is_caught_up_without_gap_or_repetition(served, team, channel, cookie):
    async def scenario():
        speaker, reader = await seated(served, team, cookie(team.admin), cookie(team.leaders["FR"]))
        await speaker.emit("message:post", new(channel, "one"))
        await reader.until(lambda: reader.events("message:posted"))
        await reader.close()
        for text in ("two", "three"):
            kept = await speaker.emit("message:post", new(channel, text))
        await speaker.emit("message:edit", {"message_id": kept["id"], "text": "drei"})
        back = await (await Line.open(served.port, cookie(team.leaders["FR"]))).connected()
        answer = await back.join(team.id, reader.position)
        await back.until(lambda: back.events("message:edited"))
        assert [one["message"]["text"] for one in back.events("message:posted")] == ["two", "drei"]
        assert [one["message"]["version"] for one in back.events("message:edited")] == [2]
        assert answer["gap"] is False
        assert answer["position"] >= kept["position"]
        await speaker.emit("message:post", new(channel, "four"))
        await back.until(lambda: len(back.events("message:posted")) == 3)
        positions = [one["position"] for one in back.events("message:posted", "message:edited")]
        assert positions == sorted(set(positions))

    play(scenario)


def test_corrections_and_withdrawals_are_told(served, team, channel, cookie):
    async def scenario():
        speaker, reader = await seated(served, team, cookie(team.admin), cookie(team.leaders["FR"]))
        kept = await speaker.emit("message:post", new(channel, "wrong"))
        edited = await speaker.emit("message:edit", {"message_id": kept["id"], "text": "right", "version": 1})
        gone = await speaker.emit("message:withdraw", {"message_id": kept["id"], "reason": "said too early"})
        await reader.until(lambda: reader.events("message:withdrawn"), 3)
        assert (edited["version"], edited["text"]) == (2, "right")
        assert (gone["withdrawn"], gone["text"], gone["reason"]) == (True, "", "said too early")
        assert reader.events("message:withdrawn")[0]["message"] == gone

    play(scenario)


def test_people_see_who_is_here_and_who_types_across_workers(served, team, channel, cookie):
    async def scenario():
        who = [team.leaders["FR"], *(team.join("FR") for _ in range(5))]
        lines = [await (await Line.open(served.port, cookie(one))).connected() for one in who]
        for line in lines:
            await line.join(team.id, 0)
        first, last = lines[0], lines[-1]
        names = {one.name for one in who}

        def seen(line):
            return {one["name"] for one in line.events("presence:changed")[-1]["people"]}

        for line in lines[:-1]:
            await line.until(lambda line=line: line.events("presence:changed") and seen(line) == names, 4)
        await last.emit("presence:typing", {"channel_id": str(channel), "topic": "general"})
        await first.until(lambda: first.events("presence:typing"), 3)
        typing = first.events("presence:typing")[0]
        assert (typing["channel_id"], typing["topic"]) == (str(channel), "general")
        assert typing["person"]["name"] == who[-1].name
        await last.close()
        await first.until(lambda: who[-1].name not in seen(first), 5)

    play(scenario)


def test_who_watches_is_not_told_of_by_presence_when_the_rules_hide_presence(served, team, cookie):
    async def scenario():
        auditor = team.join("FR", Role.AUDITOR)
        hidden, shown = await seated(served, team, cookie(auditor), cookie(team.admin))
        await shown.until(lambda: shown.events("presence:changed"), 10)
        await asyncio.sleep(0.5)
        assert {one["name"] for one in shown.events("presence:changed")[-1]["people"]} == {team.admin.name}
        assert hidden.events("presence:changed") == []

    play(scenario)


def test_a_send_that_is_repeated_after_a_cut_makes_one_message(served, team, channel, cookie):
    async def scenario():
        speaker, reader = await seated(served, team, cookie(team.admin), cookie(team.leaders["FR"]))
        wish = new(channel, "once")
        kept = [await speaker.emit("message:post", wish)]
        again = await (await Line.open(served.port, cookie(team.admin))).connected()
        kept.append(await again.emit("message:post", wish))
        assert kept[0]["id"] == kept[1]["id"]
        assert kept[0]["position"] == kept[1]["position"]
        await reader.until(lambda: reader.events("message:posted"), 10)
        await asyncio.sleep(0.5)
        assert len(reader.events("message:posted")) == 1

    play(scenario)


def test_who_joins_and_leaves_is_told_to_the_team_and_not_to_who_left(served, world, cookie):
    team = world.workspace()
    leaver = team.join("FR")

    async def scenario():
        staying, leaving = await seated(served, team, cookie(team.admin), cookie(leaver))
        newcomer = await asyncio.to_thread(team.join, "FR")
        await staying.until(lambda: staying.events("member:entered"), 5)
        assert staying.events("member:entered")[0]["member"]["person_id"] == str(newcomer.id)
        await asyncio.to_thread(team.remove, leaver)
        await staying.until(lambda: staying.events("member:ended"), 5)
        assert staying.events("member:ended")[0]["member"]["name"] == leaver.name
        await leaving.until(lambda: leaving.events("workspace:left"), 5)
        assert leaving.events("member:ended") == []

    play(scenario)


def test_a_registered_exhibit_is_announced_to_whoever_may_know_of_it(served, world, cookie):
    team = world.workspace()
    observer = team.join("FR", Role.OBSERVER)

    async def scenario():
        partner, watching = await seated(served, team, cookie(team.leaders["FR"]), cookie(observer))
        shown = await asyncio.to_thread(exhibit, team, team.admin, handling="H0")
        hidden = await asyncio.to_thread(exhibit, team, team.admin, handling="H2")
        await partner.until(lambda: len(partner.events("evidence:registered")) == 2, 6)
        first, second = (one["evidence"] for one in partner.events("evidence:registered"))
        assert (first["id"], first["number"]) == (str(shown.id), shown.number)
        assert second["id"] == str(hidden.id)
        later = await asyncio.to_thread(exhibit, team, team.admin, handling="H0")
        await watching.until(lambda: len(watching.events("evidence:registered")) == 2, 6)
        announced = [one["evidence"]["id"] for one in watching.events("evidence:registered")]
        assert announced == [str(shown.id), str(later.id)]

    play(scenario)


def test_a_bilateral_compartment_sends_the_third_state_no_frame(served, world, cookie):
    team = world.workspace(classes={"NL": PartyClass.MS_AUTHORITY})
    compartment = team.compartment("DE", "FR")

    async def scenario():
        speaker, inside, outside = await seated(served, team, *map(cookie, team.leaders.values()))
        before = len(outside.heard)
        with world.work(team.admin) as uow:
            made = messaging.create_channel(
                uow, team.id, messaging.NewChannel(name="Codeword", compartment_id=compartment)
            )
        kept = await speaker.emit("message:post", new(made.id, "Codeword"))
        await speaker.emit("presence:typing", {"channel_id": str(made.id), "topic": "Codeword"})
        await speaker.emit("message:edit", {"message_id": kept["id"], "text": "Codeword, corrected"})
        await inside.until(lambda: inside.events("message:edited") and inside.events("presence:typing"), 5)
        assert [one["channel"]["name"] for one in inside.events("channel:created")] == ["Codeword"]
        await asyncio.sleep(1)
        told = [one.raw for one in outside.heard[before:] if one.event != "presence:changed"]  # who sits in the team
        assert told == []
        back = await (await Line.open(served.port, cookie(team.leaders["NL"]))).connected()
        await back.join(team.id, 0)
        assert not back.events("message:posted", "message:edited", "channel:created", "presence:typing")

    play(scenario)


def test_partners_hear_the_function_of_whom_the_agreement_hides_and_their_own_party_the_name(served, world, cookie):
    from tests.messaging.test_speaking import channel_in

    team, hidden = world.workspace(), world.person("FR")
    channel = channel_in(team)
    named = NamedMember(agency=hidden.agency, person_id=hidden.id, function="Handler 7", hidden_from_partners=True)
    readers = (team.admin, team.leaders["FR"])

    async def scenario():
        lines = await seated(served, team, *map(cookie, readers))
        with world.work(team.leaders["FR"]) as uow:
            workspaces.name_members(uow, team.id, workspaces.OwnMembers(members=(named,)))
        team.enter(hidden)
        (speaker,) = await seated(served, team, cookie(hidden))
        await speaker.emit("message:post", new(channel, "I am in place", handling="H0"))
        await speaker.emit("presence:typing", {"channel_id": str(channel), "topic": "general"})
        for line in lines:
            for event in ("member:entered", "message:posted", "presence:typing"):
                await line.until(lambda line=line, event=event: line.events(event), 10)
        heard = [json.dumps([one.data for one in line.heard], ensure_ascii=False) for line in lines]
        late = [await (await Line.open(served.port, cookie(who))).connected() for who in readers]
        joined = [json.dumps(await line.join(team.id, 0)) for line in late]
        caught_up = [json.dumps(line.events("message:posted")) for line in late]
        return zip(heard, joined, caught_up, strict=True)

    theirs, ours = play(scenario)
    for partner, own in zip(theirs, ours, strict=True):
        assert hidden.name not in partner
        assert "Handler 7" in partner
        assert hidden.name in own
        assert "Handler 7" not in own
