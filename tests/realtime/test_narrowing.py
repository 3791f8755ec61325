"""A party's restriction reaches open sockets: whom it stops hears nothing of what is said afterwards."""

from time import monotonic
from uuid import uuid4

from jit_server.workspaces.restrictions import NewPartyRule
from jit_server.workspaces.usecases import party_rules
from tests.realtime.line import Line, play


def test_whom_a_restriction_stops_hears_nothing_more_within_two_seconds(start, world, cookie):
    from tests.messaging.test_speaking import channel_in

    team = world.workspace()
    channel = channel_in(team)
    stopped, other = team.join("FR"), team.join("DE")
    leader = team.leaders["FR"]
    served = start(workers=2)
    stated = {"sentence": "Members read no messages.", "actions": ["message:read"], "roles": ["member"]}

    def narrow() -> None:
        with world.work(leader) as uow:
            rule = party_rules.propose_rule(uow, team.id, NewPartyRule.model_validate(stated)).id
        with world.work(leader) as uow:
            party_rules.apply_rule(uow, team.id, rule)

    async def scenario():
        lines = []
        for who in (team.admin, stopped, other):
            line = await (await Line.open(served.port, cookie(who))).connected()
            await line.join(team.id, 2**53 - 1)
            lines.append(line)
        speaker, silent, hears = lines

        async def say(text: str) -> None:
            wish = {"channel_id": str(channel), "topic": "t", "text": text, "client_id": uuid4().hex}
            assert "problem" not in await speaker.emit("message:post", wish, 20)

        await say("before")
        for line in (silent, hears):
            await line.until(lambda line=line: line.events("message:posted"), 5)
        narrow()
        applied = monotonic()
        await say("after")
        await hears.until(lambda: len(hears.events("message:posted")) == 2, 5)
        return monotonic() - applied, len(silent.events("message:posted"))

    took, heard = play(scenario)
    assert heard == 1
    assert took <= 2
