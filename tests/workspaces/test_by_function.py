"""Whom the agreement shows to partners by function alone: their name is on no page, in no file and no frame."""

import io
import zipfile
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from jit_server import messaging, workspaces
from jit_server.evidence import EvidenceItem
from jit_server.evidence.custody.did import Note
from jit_server.evidence.usecases.doing import do
from jit_server.work import House
from jit_server.workspaces.document import NamedMember
from tests.builders import Team, Who, World, browser, today
from tests.evidence.builders import exhibit
from tests.messaging.test_speaking import channel_in, say

FUNCTION = "Undercover handler 7"


@dataclass
class Case:
    """A team in which somebody of FR did all that leaves a name."""

    team: Team
    hidden: Who
    channel: UUID
    message: UUID
    item: EvidenceItem

    @property
    def address(self) -> dict[str, Any]:
        """What the addresses of this case are made of."""
        member = self.team.members[self.hidden.id]
        return {
            "workspace_id": self.team.id, "channel_id": self.channel, "message_id": self.message, "topic": "general",
            "item_id": self.item.id, "number": self.item.number, "member_id": member,
        }  # fmt: skip


@pytest.fixture(scope="module")
def case(world: World) -> Case:
    team = world.workspace()
    hidden = world.person("FR", f"Solange Ghostwriter-{uuid4().hex[:6]}")
    named = NamedMember(agency=hidden.agency, person_id=hidden.id, function=FUNCTION, hidden_from_partners=True)
    with world.work(team.leaders["FR"]) as uow:
        workspaces.name_members(uow, team.id, workspaces.OwnMembers(members=(named,)))
    team.enter(hidden)
    with world.work(team.admin) as uow:
        team.members |= {one.person_id: one.id for one in workspaces.members(uow, team.id)}
    channel = channel_in(team)
    message = say(team, hidden, channel, handling="H0").id
    item = exhibit(team, hidden, handling="H0")
    with world.work(hidden) as uow:
        do(uow, item.id, Note(text="The seal is whole."))
    return Case(team, hidden, channel, message, item)


def texts(answer: TestResponse) -> str:
    """All that an answer says, inside an archive too."""
    if answer.mimetype != "application/zip":
        return answer.get_data(as_text=True) if answer.mimetype.startswith(("text/", "application/")) else ""
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        return "\n".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())


def addresses(app: Flask, case: Case) -> list[str]:
    """Every address that this case can be read at."""
    known = case.address
    every = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    rules = [rule for rule in every if rule.arguments <= set(known)]
    adapter = app.url_map.bind("localhost")
    built = [adapter.build(rule.endpoint, {name: known[name] for name in rule.arguments}) for rule in rules]
    past = f"?thing={case.item.id}&on={today()}"
    return sorted({*built, f"/w/{case.team.id}/audit/who-could{past}", "/", "/api/v1/me/day"})


def told(app: Flask, house: House, case: Case, reader: str) -> dict[str, str]:
    client = browser(app, house, case.team.leaders[reader])
    found = {}
    for one in addresses(app, case):
        answer = client.get(one, buffered=True)
        if answer.status_code == 200:
            found[one] = texts(answer)
    return found


def test_a_partner_meets_the_function_wherever_the_own_party_meets_the_name(
    app: Flask, house: House, case: Case
) -> None:
    theirs, ours = (told(app, house, case, reader) for reader in ("DE", "FR"))
    assert [one for one, text in theirs.items() if case.hidden.name in text] == []
    named = {one for one, text in ours.items() if case.hidden.name in text}
    assert {one for one in named if one in theirs and FUNCTION not in theirs[one]} == set()
    base = f"/w/{case.team.id}"
    assert named >= {
        f"{base}/members", f"{base}/audit", f"{base}/evidence/{case.item.number}", f"{base}/c/{case.channel}/general",
        f"/api/v1/channels/{case.channel}/messages", f"/api/v1/evidence/{case.item.id}",
    }  # fmt: skip


def test_who_asks_for_a_message_of_theirs_by_the_use_case_gets_the_function(case: Case) -> None:
    def author(reader: str) -> str:
        with case.team.world.work(case.team.leaders[reader]) as uow:
            (message,) = messaging.read_page(uow, case.channel).messages
            return message.author.name

    assert (author("DE"), author("FR")) == (FUNCTION, case.hidden.name)
