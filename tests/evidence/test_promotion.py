"""A message kept as evidence: who may, what the record holds, and who learns of it (C7)."""

import hashlib
import json
import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from jit_server import audit, evidence, messaging
from jit_server.access import Handling, Role
from jit_server.core.errors import Conflict, NotFound, NotPermitted
from jit_server.evidence import EvidenceItem, NewPromotion
from jit_server.messaging.usecases.telling import FORMAT
from tests.builders import Team, Who, World, browser
from tests.evidence.builders import begins, custody
from tests.evidence.test_hand_overs import token
from tests.evidence.test_remarking import mark

BASIS = "Section 163 StPO"


@pytest.fixture
def team(app: Flask, world: World) -> Team:
    """`app` opens the rooms' doors, where a message says how it is told."""
    return world.workspace()


@pytest.fixture
def channel(team: Team) -> UUID:
    with team.world.work(team.admin) as uow:
        return messaging.create_channel(uow, team.id, messaging.NewChannel(name="operations")).id


def say(team: Team, who: Who, channel: UUID, text: str, handling: str | None = None) -> UUID:
    shape = messaging.NewMessage(
        channel_id=channel, topic="the car", text=text, client_id=uuid4().hex,
        handling=Handling(handling) if handling else None,
    )  # fmt: skip
    with team.world.work(who) as uow:
        return messaging.post(uow, shape).id


def correct(team: Team, who: Who, message: UUID, text: str) -> None:
    with team.world.work(who) as uow:
        messaging.edit(uow, message, messaging.Correction(text=text))


def withdraw(team: Team, who: Who, message: UUID) -> None:
    with team.world.work(who) as uow:
        messaging.withdraw(uow, message, messaging.Withdrawal(reason="the wrong car"))


def keep(team: Team, who: Who, message: UUID) -> EvidenceItem:
    return evidence.promote(begins(team, who), team.id, message, NewPromotion(legal_basis=BASIS))


def record_of(team: Team, who: Who, item: EvidenceItem) -> dict[str, Any]:
    _, blocks = evidence.download(begins(team, who), item.id)
    content = b"".join(blocks)
    assert hashlib.sha256(content).hexdigest() == item.sha256
    return dict(json.loads(content))


def test_the_exhibit_is_the_record_of_every_version_with_its_places_on_the_log(team: Team, channel: UUID) -> None:
    lead = team.leaders["DE"]
    message = say(team, lead, channel, "It is *blue*")
    correct(team, lead, message, "It is green")
    record = record_of(team, lead, item := keep(team, lead, message))
    assert record["format"] == FORMAT
    assert record["message_id"] == str(message)
    assert [one["text"] for one in record["versions"]] == ["It is *blue*", "It is green"]
    with team.world.work(lead) as uow:
        for said in record["versions"]:
            (entry,) = audit.read(uow.connection, team.id, said["log"]["position"] - 1, 1)
            assert entry.leaf_hash.hex() == said["log"]["leaf_hash"]
            assert entry.content["facts"]["digest"] == audit.commit(said["text"], bytes.fromhex(said["salt"]))
    assert (item.seal, item.media_type, item.legal_basis) == ("cobblestone-256", "application/json", BASIS)


def test_one_event_in_its_custody_names_the_message(team: Team, channel: UUID) -> None:
    lead = team.leaders["DE"]
    message = say(team, lead, channel, "Seen at the harbour")
    item = keep(team, lead, message)
    promoted = [one for one in custody(team, lead, item.id) if one.event == "evidence:promoted"]
    assert [(one.facts["message"], one.facts["sha256"]) for one in promoted] == [(str(message), item.sha256)]


@pytest.mark.parametrize("code", ["H0", "H1", "H2", "H3"])
def test_the_exhibit_is_marked_as_the_message_was(team: Team, channel: UUID, code: str) -> None:
    lead = team.leaders["DE"]
    assert keep(team, lead, say(team, lead, channel, "Quietly", code)).handling == code


def test_pressed_again_it_is_the_same_exhibit_and_after_a_correction_a_fuller_one(team: Team, channel: UUID) -> None:
    lead = team.leaders["DE"]
    message = say(team, lead, channel, "Twice")
    first = keep(team, lead, message)
    assert keep(team, lead, message).id == first.id
    correct(team, lead, message, "Thrice")
    assert keep(team, lead, message).id != first.id


def test_a_withdrawn_message_is_not_kept_but_what_was_kept_before_stays(team: Team, channel: UUID) -> None:
    lead = team.leaders["DE"]
    gone, kept = say(team, lead, channel, "Gone"), say(team, lead, channel, "Kept")
    item = keep(team, lead, kept)
    for message in (gone, kept):
        withdraw(team, lead, message)
    with pytest.raises(Conflict):
        keep(team, lead, gone)
    assert keep(team, lead, kept).id == item.id


def test_a_partner_s_message_is_for_the_partner_to_keep(team: Team, channel: UUID) -> None:
    message = say(team, team.leaders["FR"], channel, "From Lille")
    with pytest.raises(NotPermitted):
        keep(team, team.leaders["DE"], message)


def test_an_observer_may_not_and_an_outsider_does_not_learn_of_it(team: Team, channel: UUID) -> None:
    message = say(team, team.leaders["DE"], channel, "Open", "H0")
    observer = team.join("DE", Role.OBSERVER)
    with pytest.raises(NotPermitted):
        keep(team, observer, message)
    with pytest.raises(NotFound):
        keep(team, team.world.person("DE"), message)
    with pytest.raises(NotFound):
        keep(team, team.leaders["DE"], uuid4())


def test_the_exhibit_s_page_leads_to_the_message_and_the_door_answers_with_the_exhibit(
    app: Flask, team: Team, channel: UUID
) -> None:
    lead = team.leaders["DE"]
    message = say(team, lead, channel, "By the door", "H0")
    visitor = browser(app, team.world.house, lead)
    address = f"/api/v1/workspaces/{team.id}/messages/{message}/promote"
    sent = visitor.post(address, json={"legal_basis": BASIS})
    assert sent.status_code == 201, sent.text
    page = visitor.get(f"/w/{team.id}/evidence/{sent.json['number']}").text
    assert f"#m-{message}" in page
    refused = visitor.post(address, json={})
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "legal_basis")


def test_the_form_shows_the_message_keeps_what_was_typed_and_leads_to_the_exhibit(
    app: Flask, team: Team, channel: UUID
) -> None:
    lead = team.leaders["DE"]
    message = say(team, lead, channel, "The van left at 05:40")
    visitor = browser(app, team.world.house, lead)
    address = f"/w/{team.id}/messages/{message}/promote"
    assert "The van left at 05:40" in visitor.get(address).text
    csrf = {"csrf": token(visitor.get(address).text)}
    wrong = visitor.post(address, data=csrf | {"title": "The van"})
    assert 'value="The van"' in wrong.text
    sent = visitor.post(address, data=csrf | {"title": "The van", "legal_basis": BASIS})
    assert sent.status_code == 303
    assert "/evidence/DE-" in sent.headers["Location"]
    partner = browser(app, team.world.house, team.leaders["FR"])
    assert partner.get(address).status_code == 403


def shown(app: Flask, team: Team, who: Who, channel: UUID, message: UUID) -> list[str]:
    """The exhibits that the conversation shows beside a message; its page and the API say the same."""
    visitor = browser(app, team.world.house, who)
    answer: Any = visitor.get(f"/api/v1/channels/{channel}/messages").json
    said = answer["items"]
    (found,) = ([str(kept["url"]) for kept in one["kept_as"]] for one in said if one["id"] == str(message))
    page = visitor.get(f"/w/{team.id}/c/{channel}/the%20car").text
    drawn = page[page.index(f'id="m-{message}"') :].partition("</article>")[0]
    assert re.findall(r'class="kept-as" href="([^"]+)"', drawn) == found
    return found


def test_the_conversation_leads_to_the_exhibits_of_a_message_and_to_no_others(
    app: Flask, team: Team, channel: UUID
) -> None:
    lead, partner = team.leaders["DE"], team.leaders["FR"]
    message, other = say(team, lead, channel, "Seen at the harbour", "H0"), say(team, lead, channel, "Or not", "H0")
    items = [keep(team, lead, message)]
    correct(team, lead, message, "Seen at the harbour at 05:40")
    items.append(keep(team, lead, message))
    links = [f"/w/{team.id}/evidence/{item.number}" for item in items]
    for who in (lead, partner):
        assert shown(app, team, who, channel, message) == links
        assert shown(app, team, who, channel, other) == []
        assert browser(app, team.world.house, who).get(links[0]).status_code == 200


def test_who_may_not_read_the_exhibit_does_not_learn_that_the_message_was_kept(
    app: Flask, team: Team, channel: UUID
) -> None:
    lead, partner = team.leaders["DE"], team.leaders["FR"]
    message = say(team, lead, channel, "Seen at the harbour", "H0")
    item = keep(team, lead, message)
    mark(team, lead, item, "H2")
    assert shown(app, team, partner, channel, message) == []
    page = browser(app, team.world.house, partner).get(f"/w/{team.id}/c/{channel}/the%20car").text
    assert item.number not in page
    assert len(shown(app, team, lead, channel, message)) == 1


def test_a_withdrawn_message_still_leads_to_what_was_kept_before(app: Flask, team: Team, channel: UUID) -> None:
    lead = team.leaders["DE"]
    message = say(team, lead, channel, "Kept", "H0")
    item = keep(team, lead, message)
    withdraw(team, lead, message)
    assert shown(app, team, lead, channel, message) == [f"/w/{team.id}/evidence/{item.number}"]
