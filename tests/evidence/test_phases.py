"""Nothing is taken in after the team has ended, by whichever door and whenever it began (MISSION 5.3)."""

from collections.abc import Iterator

import pytest
from flask import Flask

from jit_server import audit, evidence
from jit_server.access import OPERATOR, PartyClass, Phase
from jit_server.core.errors import NotFound, NotPermitted
from jit_server.evidence.usecases import content, uploads
from jit_server.work import House
from jit_server.workspaces import Workspace
from tests.builders import Team, World, browser
from tests.evidence.builders import begins, declare, exhibit, send, stated

TAKES = {Phase.OPERATIONAL, Phase.EXPIRING}
READS = TAKES | {Phase.SUSPENDED, Phase.POST_OPERATIONAL, Phase.EVALUATING}
LATER = [phase for phase in Phase if phase not in TAKES]
SINCE_OPENED = [phase for phase in LATER if phase not in {Phase.PROPOSED, Phase.AGREEMENT_SIGNED, Phase.PROVISIONING}]


@pytest.fixture
def team(world: World) -> Team:
    return world.workspace(classes={"NL": PartyClass.THIRD_COUNTRY})


def move(team: Team, phase: Phase) -> None:
    """Put the workspace in this phase, whatever the life-cycle says."""
    with team.world.house.work(OPERATOR) as uow:
        space = uow.find(Workspace, id=team.id)
        assert space is not None
        space.phase, space.epoch = phase, space.epoch + 1


@pytest.mark.parametrize("phase", TAKES)
def test_while_the_team_works_things_are_taken_in(team: Team, phase: Phase):
    move(team, phase)
    assert exhibit(team, team.admin).sha256
    assert exhibit(team, team.leaders["NL"]).gate == "pending"


@pytest.mark.parametrize("phase", LATER)
@pytest.mark.parametrize("state", ["DE", "FR", "NL"])
def test_afterwards_nobody_declares_anything(app: Flask, house: House, team: Team, phase: Phase, state: str):
    move(team, phase)
    who = team.leaders[state]
    answer = browser(app, house, who).post(f"/api/v1/workspaces/{team.id}/uploads", json=stated(4))
    assert answer.status_code == 403
    assert browser(app, house, who).get(f"/w/{team.id}/evidence/new").status_code == 403
    with pytest.raises(NotPermitted):
        declare(team, who, 4)


@pytest.mark.parametrize("phase", SINCE_OPENED)
@pytest.mark.parametrize("state", ["DE", "NL"])
def test_what_was_declared_before_is_not_sent_after(app: Flask, house: House, team: Team, phase: Phase, state: str):
    who = team.leaders[state]
    upload_id = declare(team, who, 4)
    move(team, phase)
    answer = browser(app, house, who).put(f"/api/v1/uploads/{upload_id}", data=b"four")
    assert answer.status_code in {403, 404}
    with pytest.raises((NotPermitted, NotFound)):
        send(team, who, upload_id, b"four")
    assert registered(team) == 0


@pytest.mark.parametrize("phase", SINCE_OPENED)
def test_a_transfer_under_way_ends_in_no_exhibit(team: Team, phase: Phase, monkeypatch: pytest.MonkeyPatch):
    """Also when the change falls between two of its signs of life."""
    for beat in (0, uploads.BEAT_SECONDS):
        monkeypatch.setattr(uploads, "BEAT_SECONDS", beat)
        move(team, Phase.OPERATIONAL)
        upload_id = declare(team, team.admin, 8)

        def bytes_and_a_change() -> Iterator[bytes]:
            yield b"four"
            move(team, phase)
            yield b"more"

        with pytest.raises((NotPermitted, NotFound)):
            send(team, team.admin, upload_id, bytes_and_a_change())
        assert registered(team) == 0


def registered(team: Team) -> int:
    with team.world.house.work(OPERATOR) as uow:
        entries = audit.read(uow.connection, team.id, 0, 500)
    return sum(entry.event == "evidence:registered" for entry in entries)


@pytest.mark.parametrize("phase", [phase for phase in SINCE_OPENED if phase not in READS])
def test_a_running_download_ends_with_the_phase_that_ends_reading(
    team: Team, phase: Phase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(content, "LOOK_AGAIN_SECONDS", 0)
    item = exhibit(team, team.admin, b"x" * (6 * 1024 * 1024))
    _, blocks = evidence.download(begins(team, team.leaders["FR"]), item.id)
    next(blocks)
    move(team, phase)
    with pytest.raises((NotPermitted, NotFound)):
        list(blocks)
