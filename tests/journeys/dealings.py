"""What parties have to do with each other beside the case: asks, emergencies, acts of two people, hand-overs."""

import re
from dataclasses import replace
from uuid import UUID

from playwright.sync_api import expect

from jit_server import consents, workspaces
from jit_server.access import SYSTEM, Action, Phase, Role
from jit_server.consents.usecases.things import tell
from jit_server.core import clock
from jit_server.evidence.models import EvidenceItem
from jit_server.workspaces import Workspace
from tests.builders import Team, Who
from tests.journeys import exhibits
from tests.journeys.visitor import Visitor

LONG = "Überweisungsträger und Kontoauszüge der Handelsgesellschaft Donaudampfschifffahrt mbH, Januar bis Dezember 2025"


def between(team: Team, reader: Who) -> dict[str, UUID]:
    """France asks the reader's party, opens something of it, and proposes to close; ids by the names that pages use."""
    other = team.leaders["FR"]
    exhibits.taken_in(team, team.admin, handling="H2", title=LONG)
    mine, theirs = (_item(team, state) for state in ("DE", "FR"))
    thing = {"subject_kind": "evidence_item", "subject_id": mine}
    second = team.join("DE", Role.SPACE_ADMIN)
    with team.world.work(other) as uow:
        said = {"actions": [Action.EVIDENCE_READ, Action.EVIDENCE_DOWNLOAD], "purpose": "trial", "purpose_text": LONG}
        ask = consents.ask(uow, team.id, consents.NewAsk.model_validate(thing | said)).id
    with team.world.work(fresh(other)) as uow:
        opened = {
            "actions": [Action.CUSTODY_READ],
            "reason": "flight",
            "reason_text": "At the airport, flight at 14:05",
        }
        emergency = consents.break_glass(uow, team.id, consents.NewEmergency.model_validate(thing | opened)).id
    with team.world.work(fresh(second)) as uow:
        wanted = consents.Closing(phase=Phase.POST_OPERATIONAL, reason="The judgment is final")
        approval = consents.propose_closing(uow, team.id, wanted).id
    elsewhere = team.world.workspace()
    with team.world.work(elsewhere.admin) as uow:
        workspaces.invite(uow, elsewhere.id, workspaces.NewMember(person_id=reader.id, role=Role.MEMBER))
    return {
        "theirs": theirs, "ask": ask, "emergency": emergency, "approval": approval, "invited": elsewhere.id,
        "notice": _notice(team, reader),
    }  # fmt: skip


def handed_over(giver: Visitor, taker: Visitor, address: str) -> None:
    """From hand to hand: what the other side found stands beside what was said."""
    page = giver.go(f"{address}/hand-over").page
    page.get_by_label("To whom").select_option(label="FR: Parquet de Valmont, anybody")
    page.get_by_label("Place or system").fill("Kehl, police station")
    page.get_by_label("Condition").fill("whole, sealed")
    page.get_by_role("button", name="Hand over").click()
    page.wait_for_url(re.compile(f"{re.escape(address)}(#.*)?$"))
    page = taker.go(address).page
    page.get_by_role("link", name="Take it over or refuse it").click()
    page.get_by_label("Condition as found").fill("as described")
    page.get_by_role("button", name="Take over").click()
    expect(page.locator("#hand-overs").locator("xpath=ancestor::section")).to_contain_text("From hand to hand")


def fresh(who: Who) -> Who:
    """The same person, signed in this moment."""
    return replace(who, actor=replace(who.actor, auth_time=clock.now()))


def _item(team: Team, state: str) -> UUID:
    with team.world.work(SYSTEM) as uow:
        found = uow.find(EvidenceItem, workspace_id=team.id, state=state)
        assert found is not None
        return found.id


def _notice(team: Team, reader: Who) -> UUID:
    with team.world.work(SYSTEM) as uow:
        workspace = uow.find(Workspace, id=team.id)
        tell(uow, [reader.id], consents.NoticeKind.TERM_ENDS, workspace, mark="shown", ends_at=uow.now)
        uow.session.flush()
        found = uow.find(consents.Notice, person_id=reader.id, mark="shown", subject_id=team.id)
        assert found is not None
        return found.id
