"""Exhibits made from other exhibits: who may, what they inherit, and how both chains of custody say so (D12)."""

import csv
import io
import json
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from jit_server import audit, evidence
from jit_server.access import SYSTEM, Handling, PartyClass, Role
from jit_server.core.database import act_as
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted
from jit_server.evidence import CustodyAct, EvidenceItem, KinOut, NewMarking
from jit_server.evidence.derivation.models import Derivation
from jit_server.evidence.erasure.models import Cause
from jit_server.evidence.usecases.erasing import order
from jit_server.work import House
from tests.builders import Team, Who, World, browser
from tests.evidence.builders import begins, custody, declare, exhibit, kept, send, stated
from tests.evidence.packages import based, opened, packed
from tests.evidence.test_acts import do

CONTENT = b"The witness Maria Example said it was blue."
REDACTED = b"The witness XXXXX XXXXXXX said it was blue."


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace(default_handling=Handling.H0)


def said(parent: EvidenceItem, **changes: Any) -> dict[str, Any]:
    return {"parent": str(parent.id), "kind": "redacted_copy", "tool": "blackener", "version": "2.1"} | changes


def derived(team: Team, who: Who, parent: EvidenceItem, content: bytes = REDACTED, **changes: Any) -> EvidenceItem:
    return kept(team, who, content, derived_from=said(parent), **changes)


def kin(team: Team, who: Who, item: EvidenceItem) -> KinOut:
    with begins(team, who)() as uow:
        return evidence.read_kin(uow, item.id)


def acts(team: Team, who: Who, item: EvidenceItem) -> list[CustodyAct]:
    with begins(team, who)() as uow:
        row = uow.find(EvidenceItem, id=item.id)
        assert row is not None
        return evidence.seen_acts(uow, row)


def test_both_chains_of_custody_say_it_in_the_same_moment_and_the_log_commits_to_the_words(team: Team):
    parent = kept(team, team.admin, CONTENT)
    child = derived(team, team.admin, parent)
    (made,), (used,) = acts(team, team.admin, child), acts(team, team.admin, parent)
    assert made.said == {
        "parent": str(parent.id), "number": parent.number, "sha256": parent.sha256, "derivation": "redacted_copy",
        "tool": "blackener", "version": "2.1",
    }  # fmt: skip
    assert (used.said["child"], used.said["sha256"]) == (str(child.id), child.sha256)
    of_child = {one.event: one for one in custody(team, team.admin, child.id)}
    of_parent = {one.event: one for one in custody(team, team.admin, parent.id)}
    registered, created = of_child["evidence:registered"], of_child["custody:created_from"]
    consulted = of_parent["custody:derived"]
    assert registered.at == created.at == consulted.at
    assert created.facts["statement"] == audit.commit(
        json.dumps(made.said, sort_keys=True, separators=(",", ":")), made.salt
    )
    assert parent.number not in json.dumps(created.facts)
    assert child.number not in json.dumps(consulted.facts)


def test_parent_and_children_are_read_from_either_side(team: Team):
    parent = kept(team, team.admin, CONTENT)
    first, second = derived(team, team.admin, parent), derived(team, team.leaders["FR"], parent)
    grandchild = derived(team, team.admin, first)
    assert [one.number for one in kin(team, team.admin, parent).children] == [first.number, second.number]
    up = kin(team, team.admin, grandchild)
    assert up.parent is not None
    assert (up.parent.number, up.parent.sha256, up.children) == (first.number, first.sha256, [])


def family(team: Team, who: Who, item: EvidenceItem) -> Any:
    with begins(team, who)() as uow:
        row = uow.find(EvidenceItem, id=item.id)
        assert row is not None
        return evidence.family(uow, row)


def numbers_of(node: Any) -> Any:
    return {node["number"]: [numbers_of(one) for one in node["children"]]}


def test_an_exhibit_shows_the_whole_family_of_its_original(team: Team):
    original = kept(team, team.admin, CONTENT)
    copy, other = derived(team, team.admin, original), derived(team, team.admin, original)
    assert family(team, team.admin, original) is None  # its own children stand on its page anyway
    clip = derived(team, team.admin, copy)
    expected = {original.number: [{copy.number: [{clip.number: []}]}, {other.number: []}]}
    for one in (original, copy, other, clip):
        tree = family(team, team.admin, one)
        assert numbers_of(tree) == expected
    tree = family(team, team.admin, clip)
    assert tree["children"][0]["children"][0]["here"]


def test_what_hangs_on_something_hidden_is_in_no_family(team: Team):
    original = kept(team, team.admin, CONTENT, handling="H0")
    hidden = derived(team, team.admin, original, handling="H2")
    clip = derived(team, team.admin, hidden)
    open_one = derived(team, team.admin, original, handling="H0")
    last = derived(team, team.admin, open_one, handling="H0")
    observer = team.join("FR", Role.OBSERVER)
    seen = {original.number: [{open_one.number: [{last.number: []}]}]}
    assert numbers_of(family(team, observer, last)) == seen
    assert clip.number in str(family(team, team.admin, last))
    assert hidden.number not in str(family(team, observer, original))


@pytest.mark.parametrize(
    ("parent", "given", "level", "words"),
    [
        ({"handling": "H0"}, {}, "H0", "H0"),
        ({"handling": "H2"}, {}, "H2", "H2"),
        ({"handling": "H2"}, {"handling": "H0"}, "H2", "H2"),
        ({"handling": "H0"}, {"handling": "H2"}, "H2", "H2"),
        ({"handling": "H3"}, {"handling": "H1"}, "H2", "H2"),
        ({"scheme": "TLP", "code": "AMBER+STRICT"}, {"handling": "H0"}, "H2", "TLP:AMBER+STRICT"),
    ],
)
def test_it_is_marked_as_strictly_as_its_parent_or_more(
    team: Team, parent: dict[str, str], given: dict[str, str], level: str, words: str
):
    source = kept(team, team.admin, CONTENT, **parent)
    child = derived(team, team.admin, source, **given)
    assert (child.handling, child.marking) == (level, words)
    assert (source.conditions_text or "") in (child.conditions_text or "")


def test_conditions_of_both_hold_and_the_worse_grading_counts(team: Team):
    parent = kept(
        team, team.admin, CONTENT, handling="H3", conditions_text="Ask first.\n\nAlways.", source_reliability="B"
    )
    child = derived(team, team.admin, parent, conditions_text="Not for the press.", source_reliability="A")
    assert (child.conditions_text, child.source_reliability) == ("Not for the press.\nAsk first.\n\nAlways.", "B")
    assert derived(team, team.admin, child).conditions_text == child.conditions_text


def test_a_marking_that_became_stricter_while_the_bytes_travelled_is_inherited(team: Team):
    parent = kept(team, team.admin, CONTENT)
    upload = declare(team, team.leaders["FR"], len(REDACTED), derived_from=said(parent))
    new = NewMarking(scheme="SIENA", code="H1", reason="the court asked for it")
    with begins(team, team.admin)() as uow:
        evidence.remark(uow, parent.id, new)
    assert send(team, team.leaders["FR"], upload, REDACTED).handling == "H1"


def test_it_stays_its_originators_who_alone_relaxes_and_releases_it(team: Team):
    parent = kept(team, team.admin, CONTENT, handling="H1")
    french = team.leaders["FR"]
    child = derived(team, french, parent)
    assert (child.state, child.party_id, child.registered_by) == ("DE", parent.party_id, french.id)
    relaxed = NewMarking(scheme="SIENA", code="H0", reason="nothing of it is secret any more")
    with pytest.raises(NotPermitted), begins(team, french)() as uow:
        evidence.remark(uow, child.id, relaxed)
    with pytest.raises(NotPermitted):
        evidence.export(begins(team, french), child.id)
    with begins(team, team.admin)() as uow:
        assert evidence.remark(uow, child.id, relaxed).id == child.id


def test_nobody_derives_from_what_they_may_not_take(team: Team, world: World):
    restricted = kept(team, team.admin, CONTENT, handling="H2")
    with pytest.raises(NotPermitted):
        declare(team, team.leaders["FR"], 3, derived_from=said(restricted))
    elsewhere = world.workspace()
    foreign = kept(elsewhere, elsewhere.admin, CONTENT)
    for parent in (str(foreign.id), str(uuid4())):
        with pytest.raises(Invalid) as refused:
            declare(team, team.admin, 3, derived_from=said(restricted) | {"parent": parent})
        (fault,) = refused.value.members["errors"]
        assert fault["field"] == "derived_from.parent"
    assert kin(elsewhere, elsewhere.admin, foreign).children == []


def test_what_cannot_be_cited_has_no_copies(team: Team):
    unread = exhibit(team, team.admin, CONTENT)
    with pytest.raises(Invalid):
        declare(team, team.admin, 3, derived_from=said(unread))
    gone = kept(team, team.admin, CONTENT)
    with team.world.work(SYSTEM) as uow:
        row = uow.find(EvidenceItem, id=gone.id)
        assert row is not None
        order(uow, row, Cause.AGE)
    with pytest.raises(Invalid):
        declare(team, team.admin, 3, derived_from=said(gone))


def test_a_copy_outlives_its_erased_parent_and_still_proves_it(team: Team):
    parent = kept(team, team.admin, CONTENT)
    child = derived(team, team.admin, parent)
    with team.world.work(SYSTEM) as uow:
        row = uow.find(EvidenceItem, id=parent.id)
        assert row is not None
        order(uow, row, Cause.AGE)
    up = kin(team, team.admin, child).parent
    assert up is not None
    assert (up.erased, up.sha256) == (True, parent.sha256)
    _, blocks = evidence.download(begins(team, team.admin), child.id)
    assert b"".join(blocks) == REDACTED


def test_a_hold_on_the_parent_keeps_nobody_from_a_copy_and_does_not_pass_to_it(team: Team):
    parent = kept(team, team.admin, CONTENT)
    do(team, team.admin, parent, "hold")
    child = derived(team, team.admin, parent)
    with team.world.work(team.admin) as uow:
        assert evidence.held(uow, [parent.id, child.id]) == {parent.id}


def test_a_third_country_makes_no_copies_of_anothers_exhibit_and_its_own_wait(house: House):
    world = World.create(house)
    world.agency("CH")
    team = world.workspace(classes={"CH": PartyClass.THIRD_COUNTRY})
    swiss = team.leaders["CH"]
    waiting = kept(team, swiss, CONTENT)
    with pytest.raises((Invalid, NotPermitted)):
        declare(team, swiss, 3, derived_from=said(waiting))
    german = kept(team, team.admin, CONTENT)
    with pytest.raises((Invalid, NotPermitted)):
        declare(team, swiss, 3, derived_from=said(german))


def test_a_copy_in_a_compartment_is_hidden_from_those_outside_with_its_act_and_its_number(house: House):
    world = World.create(house)
    team = world.workspace(classes={"NL": PartyClass.MS_AUTHORITY}, default_handling=Handling.H0)
    room = team.compartment("DE", "FR")
    parent = kept(team, team.admin, CONTENT)
    child = derived(team, team.admin, parent, compartment_id=str(room))
    dutch = team.leaders["NL"]
    assert kin(team, dutch, parent).children == []
    assert [one.verb for one in acts(team, dutch, parent)] == []
    assert [one.number for one in kin(team, team.leaders["FR"], parent).children] == [child.number]
    inherits = derived(team, team.leaders["FR"], child)
    assert inherits.compartment_id == room
    with pytest.raises(Invalid):
        declare(team, team.admin, 3, derived_from=said(kept(team, dutch, CONTENT)), compartment_id=str(room))


def test_the_same_declaration_again_is_the_same_upload_and_another_parent_is_another(team: Team):
    parent, other = kept(team, team.admin, CONTENT), kept(team, team.admin, CONTENT)
    shape = stated(3, derived_from=said(parent))
    with team.world.work(team.admin) as uow:
        first = evidence.declare(uow, team.id, evidence.NewUpload.model_validate(shape)).id
    with team.world.work(team.admin) as uow:
        assert evidence.declare(uow, team.id, evidence.NewUpload.model_validate(shape)).id == first
    with pytest.raises(Conflict), team.world.work(team.admin) as uow:
        evidence.declare(uow, team.id, evidence.NewUpload.model_validate(shape | {"derived_from": said(other)}))


def test_rows_are_only_added(team: Team, engine: Engine):
    child = derived(team, team.admin, kept(team, team.admin, CONTENT))
    for change in ("UPDATE derivation SET kind = 'clip'", "DELETE FROM derivation"):
        with engine.begin() as connection:
            act_as(connection, str(team.admin.id))
            statement = text(f"{change} WHERE upload_id = :id").bindparams(id=child.id)
            with pytest.raises(DBAPIError, match="permission denied"):
                connection.execute(statement)
    with team.world.work(team.join("DE", Role.AUDITOR)) as uow:
        assert uow.find(Derivation, upload_id=child.id) is not None
    with team.world.work(team.world.person("NL")) as uow:
        assert uow.find(Derivation, upload_id=child.id) is None


def test_a_package_says_what_a_copy_was_made_from(team: Team):
    parent = kept(team, team.admin, CONTENT)
    child = derived(team, team.admin, parent)
    based(team, team.admin, child)
    package = opened(packed(team, team.admin, child))
    (line,) = [json.loads(one) for one in package.read("exhibits.jsonl").splitlines()]
    made = line["derived_from"]
    assert (made["number"], made["sha256"], made["kind"]) == (parent.number, parent.sha256, "redacted_copy")
    table = list(csv.DictReader(io.StringIO(package.read("custody.csv").decode())))
    (told,) = [one for one in table if one["event"] == "custody:created_from"]
    assert parent.sha256 in told["statement"]


def test_the_api_and_the_pages_name_parent_and_children(app: Flask, house: House, team: Team):
    parent = kept(team, team.admin, CONTENT, title="Interview <b>of</b> Maria")
    child = derived(team, team.admin, parent)
    here = browser(app, house, team.admin)
    page = here.get(f"/w/{team.id}/evidence/{child.number}")
    assert f'href="/w/{team.id}/evidence/{parent.number}"' in page.text
    assert "Interview &lt;b&gt;of" in page.text
    assert "blackener" in page.text
    answered = here.get(f"/api/v1/evidence/{parent.id}/derivations").json
    assert [one["id"] for one in answered["children"]] == [str(child.id)]
    form = here.get(f"/w/{team.id}/evidence/new?from={parent.number}")
    assert f'value="{parent.id}"' in form.text
    assert here.get(f"/w/{team.id}/evidence/new?from=DE-9999999").status_code == 404
    assert 'name="derived_kind"' not in here.get(f"/w/{team.id}/evidence/new").text


def test_who_is_outside_finds_no_derivations(team: Team):
    parent = kept(team, team.admin, CONTENT)
    with pytest.raises(NotFound):
        kin(team, team.world.person("NL"), parent)
