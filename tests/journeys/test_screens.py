"""Every screen of the running product, with the demo's case in it: light, dark, right to left, narrow as a phone."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from jit_server import identity
from jit_server.access import OPERATOR
from jit_server.demo.cast import AGENCIES
from jit_server.workspaces.usecases import drafting
from tests.builders import Who
from tests.journeys import dealings, exhibits
from tests.journeys.conftest import Stage
from tests.journeys.talk import connected
from tests.journeys.visitor import STATUS, Visitor

STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
AXE = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": STANDARDS}}
PHONE = {"width": 360, "height": 780}
DESK = {"width": 1280, "height": 800}
CALM = """async () => {
  for (let frame = 0, calm = 0; frame < 40 && calm < 3; frame += 1) {
    await new Promise((done) => { setTimeout(done, 16); });
    calm = document.getAnimations().length ? 0 : calm + 1;
  }
}"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SIDEWAYS = "[...document.querySelectorAll('.table-frame')].filter((one) => one.scrollWidth > one.clientWidth).length"

SCREENS = {
    "A1-agency": ("/agency", 200),
    "A2-people": ("/agency/members", 200),
    "A2-person": ("/agency/members/{colleague}", 200),
    "A2-nobody-fits": ("/agency/members?named=nobody-is-called-this", 200),
    "A3-sign-in": ("/agency/identity", 200),
    "A3-issuer": ("/agency/identity/{issuer}?look=true", 200),
    "A3-new-issuer": ("/agency/identity/new", 200),
    "A3-end-sessions": ("/agency/identity/end-sessions", 200),
    "A6-keys": ("/agency/keys", 200),
    "A8-log": ("/agency/audit", 200),
    "E1-sign-in": ("/login", 200),
    "E2-my-day": ("/", 200),
    "E5-settings": ("/me", 200),
    "E6-denied": ("/w/{shared}/evidence/FR-0001", 403),
    "W1-overview": ("/w/{case}", 200),
    "W1-proposed": ("/w/{proposed}", 200),
    "W2-conversation": ("/w/{case}/c", 200),
    "W2-no-channel": ("/w/{new}/c", 200),
    "W6-register": ("/w/{case}/evidence", 200),
    "W6-empty": ("/w/{new}/evidence", 200),
    "W7-add-evidence": ("/w/{case}/evidence/new", 200),
    "W8-exhibit": ("/w/{case}/evidence/DE-0001", 200),
    "W8-purpose": ("/w/{case}/evidence/DE-0001/purpose", 200),
    "W6-quarantine": ("/w/{case}/evidence/quarantine", 200),
    "W17-members": ("/w/{case}/members", 200),
    "W18-log": ("/w/{case}/audit", 200),
    "agreement": ("/w/{case}/agreement", 200),
    "agreement-to-sign": ("/w/{proposed}/agreement", 200),
    "agreement-sign": ("/w/{proposed}/agreement/sign", 200),
    "agreement-new": ("/agreements/new", 200),
    "agreement-draft": ("/agreements/{draft}", 200),
    "agreement-heading": ("/agreements/{draft}/clauses", 200),
    "agreement-parties": ("/agreements/{draft}/parties", 200),
    "agreement-answers": ("/agreements/{draft}/check", 200),
    "asks": ("/w/{shared}/asks", 200),
    "asks-empty": ("/w/{new}/asks", 200),
    "ask-new": ("/w/{shared}/asks/new?kind=evidence_item&subject={theirs}", 200),
    "ask-to-answer": ("/w/{shared}/asks/{ask}", 200),
    "emergency-new": ("/w/{shared}/emergencies/new?kind=evidence_item&subject={theirs}", 200),
    "emergency-to-review": ("/w/{shared}/emergencies/{emergency}", 200),
    "approvals": ("/w/{shared}/approvals", 200),
    "approval-to-give": ("/w/{shared}/approvals/{approval}", 200),
    "enter": ("/w/{invited}/enter", 200),
    "notice": ("/notices/{notice}", 200),
    "404": (f"/w/{uuid4()}", 404),
    "api-docs": ("/api/v1/docs", 200),
}


@pytest.fixture(scope="module")
def places(stage: Stage) -> dict[str, str]:
    """The demo's case, and workspaces where nothing has happened, France holds something back, or nobody has signed."""
    anna = stage.cast.of_the_demo("anna.keller")
    own = {"DE": anna}
    person = stage.cast.person
    stage.cast.person = lambda state, name="": own.get(state) or person(state, name)  # type: ignore[method-assign]
    try:
        new, shared, proposed = stage.cast.workspace(), stage.cast.workspace(), stage.cast.proposed()
    finally:
        stage.cast.person = person  # type: ignore[method-assign]
    assert stage.cast.seeded is not None
    exhibits.taken_in(shared, shared.leaders["FR"], handling="H2")
    dealt = dealings.between(shared, anna)
    made = dealt | {"case": stage.cast.seeded.workspace_id, "new": new.id, "shared": shared.id, "proposed": proposed.id}
    with stage.cast.work(anna) as uow:
        made |= {"draft": drafting.begin(uow, drafting.NewDraft(workspace_id=new.id)).id}
    made |= {"colleague": stage.cast.of_the_demo("jonas.brandt").id}
    with stage.cast.house.work(OPERATOR) as uow:
        identity.appoint(uow, anna.agency, anna.id)
        made |= {"issuer": identity.issuer_of(uow, identity.agency(uow, anna.agency)).id}
    return {name: str(one) for name, one in made.items()}


def seen_by(stage: Stage, chromium: Browser, who: Who, language: str) -> Visitor:
    with stage.cast.work(who) as uow:
        settings = {"zone": "Europe/Berlin", "theme": "auto", "send_key": "ctrl_enter", "language": language}
        identity.change_settings(uow, identity.Preferences.model_validate(settings))
    agency = next(one.own_name for one in AGENCIES if one.slug == who.agency)
    options = {"locale": language, "viewport": DESK, "color_scheme": "light"}
    return Visitor.arrive(chromium, stage.url, who.name, agency, stage.issuers, **options)


@pytest.fixture(scope="module", params=["en", "ar"], ids=["left-to-right", "right-to-left"])
def visitors(request, stage: Stage, chromium: Browser) -> Iterator[tuple[Visitor, Visitor]]:
    """The administrator of the case, signed in, and somebody at the door, in the same language."""
    anna = stage.cast.of_the_demo("anna.keller")
    inside = seen_by(stage, chromium, anna, request.param).sign_in()
    door = seen_by(stage, chromium, anna, request.param)
    yield inside, door
    inside.leave()
    door.leave()


def violations(page, colour: str) -> list[tuple[str, list[str]]]:
    page.emulate_media(color_scheme=colour)
    page.evaluate(CALM)
    found = Axe().run(page, options=AXE).response["violations"]
    return [(one["id"], [node["html"][:160] for node in one["nodes"]][:3]) for one in found]


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_accessible_in_every_look_silent_and_no_wider_than_a_phone(name, visitors, places):
    visitor = visitors[1 if name.startswith("E1") else 0]
    visitor.complaints.clear()
    address, status = SCREENS[name]
    with visitor.expecting(*([STATUS.format(status)] if status >= 400 else [])):
        answer = visitor.page.goto(address.format(**places))
        assert answer.status == status
    page = visitor.page
    if page.locator("jit-chat").count():
        connected(page)
    direction = page.evaluate("document.documentElement.dir")
    colours = (
        ("light", "dark") if name != "api-docs" else ("light",) if direction == "ltr" else ("dark",)
    )  # 3,400 elements
    found = [(colour, fault) for colour in colours for fault in violations(page, colour)]
    page.set_viewport_size(PHONE)
    page.evaluate(CALM)
    wider, hidden = page.evaluate(WIDER), page.evaluate(SIDEWAYS)
    page.set_viewport_size(DESK)
    assert found == []
    assert wider <= 0
    assert hidden == 0, "columns that only scrolling sideways shows"
    assert direction == ("rtl" if page.evaluate("navigator.language") == "ar" else "ltr")
    assert visitor.complaints == []
