"""The agency's directory ends a person's access: their socket dies with it, on whichever worker it hangs."""

import asyncio
import json
import urllib.request
from time import monotonic

from jit_server.access import OPERATOR
from jit_server.identity.models import Person
from tests.identity.test_scim import PATCH, USER, token
from tests.realtime.line import Line, play


def test_a_deactivation_by_the_directory_kills_the_socket_within_two_seconds(start, world, cookie, house):
    team = world.workspace()
    gone, stays = team.join("FR"), team.join("FR")
    secret = token(world)
    with house.work(OPERATOR) as uow:
        sub = uow.find(Person, id=gone.id).sub
    served = start(workers=2)
    root = f"http://127.0.0.1:{served.port}/scim/v2/Users"

    def ask(method: str, url: str, body: dict) -> dict:
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/scim+json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            read = answer.read()
        return json.loads(read) if read else {}

    async def scenario():
        lines = []
        for who in (gone, stays):
            line = await (await Line.open(served.port, cookie(who))).connected()
            await line.join(team.id, 2**53 - 1)
            lines.append(line)
        made = await asyncio.to_thread(ask, "POST", root, {"schemas": [USER], "userName": "gone", "externalId": sub})
        assert made["id"] == str(gone.id)
        off = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}
        await asyncio.to_thread(ask, "PATCH", f"{root}/{gone.id}", off)
        told = monotonic()
        await lines[0].until(lambda: lines[0].events("session:ended") or lines[0].closed.is_set(), 5)
        return monotonic() - told, bool(lines[1].events("session:ended")) or lines[1].closed.is_set()

    took, other_closed = play(scenario)
    assert took <= 2
    assert not other_closed
