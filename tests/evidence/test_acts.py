"""What people do with exhibits besides handing them over, and physical exhibits (MISSION 4.4, D10-D23)."""

import csv
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from jit_server import evidence
from jit_server.access import Role
from jit_server.core import clock
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted, StepUp
from jit_server.evidence import CustodyAct, EvidenceItem, NewAct, NewPhysical, Wanted
from jit_server.evidence.custody.did import KINDS
from jit_server.evidence.custody.shapes import Verb
from jit_server.evidence.usecases.doing import follow_hold
from jit_server.work import House
from tests.builders import Team, Who, World, browser, stale
from tests.evidence.builders import begins, custody, exhibit
from tests.evidence.packages import BASIS, based, judged, opened, packed
from tests.evidence.test_hand_overs import answer, hand_over, seen, token

YESTERDAY = (clock.now() - timedelta(days=1)).isoformat()
SAID: dict[str, dict[str, Any]] = {
    "annotate": {"text": "The owner's name is Maria Example"},
    "collect": {"at": YESTERDAY, "place": "Aachen", "collector": "KHK Brandt", "found": "switched on"},
    "acquire": {
        "at": YESTERDAY, "source": "SSD of the laptop", "tool": "guymager", "version": "0.8.13",
        "configuration": "ab" * 32, "write_blocker": "T35u",
    },
    "seal": {"seals": ["S1", "S2"]},
    "unseal": {"seals": ["S1"], "reason": "to take an image"},
    "store": {"place": "Shelf 12"},
    "number": {"forum": "Tribunal judiciaire de Paris", "number": "P-17"},
    "flag": {"flag": "excluded", "forum": "LG Aachen", "by": "the court", "on": "2026-11-20", "ruling": "60 KLs 1/26"},
    "transmit": {
        "reference": "JIT-1", "at": YESTERDAY, "sender": "StA Aachen", "recipient": "TJ Paris", "means": "courier",
        "file_name": "phone.img", "size": 12,
    },
    "pre_jit": {"on": "2025-05-01", "annex": "Annex 2, no. 7"},
    "outside": {"source": "Norway", "conditions": "Not for tax offences"},
    "hold": {"reason": "the appeal is pending", "authority": "LG Aachen", "reference": "60 KLs 1/26"},
    "lift_hold": {"reason": "the appeal is decided", "authority": "LG Aachen"},
    "restrict": {"reason": "accuracy is contested", "authority": "LfDI NRW", "reference": "DS 4/26"},
    "lift_restriction": {"reason": "accuracy is settled", "authority": "LfDI NRW"},
    "authorize": BASIS,
    "end_basis": {"reason": "annulled"},
    "require_return": {"to": "the owner", "reference": "TOP 11(6)", "by": "2027-01-31"},
    "give_back": {"at": YESTERDAY, "to": "the owner", "receipt": "R-9"},
    "destroy": {"at": YESTERDAY, "authority": "StA Aachen", "reference": "V-3", "method": "shredded"},
}  # fmt: skip


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


def do(team: Team, who: Who, item: EvidenceItem, verb: str, **changes: Any) -> CustodyAct:
    new = NewAct.model_validate({"act": {"verb": verb} | SAID.get(verb, {}) | changes})
    with begins(team, who)() as uow:
        return evidence.do(uow, item.id, new.act)


def how(team: Team, who: Who, item: EvidenceItem) -> evidence.Stands:
    with begins(team, who)() as uow:
        row = uow.find(EvidenceItem, id=item.id)
        assert row is not None
        return evidence.stands(evidence.seen_acts(uow, row))


def laptop(team: Team, who: Who, **changes: Any) -> EvidenceItem:
    said = {
        "title": "Laptop", "legal_basis": "§ 94 StPO", "method": "seizure", "collector": "KHK Brandt",
        "place": "Aachen", "collected_at": YESTERDAY, "zone": "Europe/Berlin", "description": "grey, lid scratched",
        "quantity": "1", "seals": ["DE 1"], "kept": "Store, shelf 3",
    }  # fmt: skip
    return evidence.register_physical(begins(team, who), team.id, NewPhysical.model_validate(said | changes))


@pytest.mark.parametrize("verb", SAID)
def test_each_act_is_on_record_with_its_words_committed_to_and_its_reason_in_clear(team: Team, verb: str):
    item = exhibit(team, team.admin)
    if verb.startswith("lift_"):
        do(team, team.admin, item, "hold" if verb == "lift_hold" else "restrict")
    named = {"act": str(do(team, team.admin, item, "authorize").id)} if verb == "end_basis" else {}
    act = do(team, team.admin, item, verb, **named)
    entry = custody(team, team.admin, item.id)[-1]
    assert (entry.event, entry.facts["act"]) == (act.event, str(act.id))
    assert "Maria" not in json.dumps(entry.facts)
    assert len(entry.facts["statement"]) == 64
    assert (entry.why or {}).get("text") == SAID[verb].get("reason")


def test_every_verb_has_a_form_words_and_a_test(app: Flask, house: House, team: Team):
    assert set(SAID) | {"photograph"} == {str(verb) for verb in KINDS}
    item = exhibit(team, team.admin)
    here = browser(app, house, team.admin)
    for verb, kind in KINDS.items():
        page = here.get(f"/w/{team.id}/evidence/{item.number}/acts/{verb}")
        assert page.status_code == 200, verb
        assert all(
            f'name="{name}"' in page.text for name in kind.shape.model_fields if name not in {"verb", "basis"}
        ), verb
    assert here.get(f"/w/{team.id}/evidence/{item.number}/acts/hand_over").status_code == 404


def test_what_only_the_originator_decides_a_partner_does_not(team: Team):
    item = exhibit(team, team.admin)
    for verb, kind in KINDS.items():
        if "decide" in kind.action:
            named = {"act": str(item.id)} if verb == Verb.END_BASIS else {}
            with pytest.raises(NotPermitted):
                do(team, team.leaders["FR"], item, str(verb), **named)
    do(team, team.leaders["FR"], item, "flag", forum="TJ Paris")
    do(team, team.admin, item, "flag", flag="admitted", forum="LG Aachen")
    flags = how(team, team.admin, item).by_forum[Verb.FLAG]
    assert {forum: said["flag"] for forum, said in flags.items()} == {"TJ Paris": "excluded", "LG Aachen": "admitted"}


def test_a_hold_stands_in_the_vault_until_it_is_lifted(team: Team):
    item = exhibit(team, team.admin)
    vault, where = team.world.house.vault, (item.vault_key, item.version_id)
    do(team, team.admin, item, "hold")
    assert vault.stat(*where).held
    with pytest.raises(Conflict, match="in force already"):
        do(team, team.admin, item, "hold")
    with pytest.raises(StepUp):
        do(team, stale(team.admin), item, "lift_hold")
    with team.world.work(team.admin) as uow:
        assert evidence.held(uow, [item.id]) == {item.id}
    do(team, team.admin, item, "lift_hold")
    assert vault.stat(*where).held
    follow_hold(team.world.house, lambda: False, team.id, item.id)
    assert not vault.stat(*where).held
    with pytest.raises(Conflict, match="nothing in force"):
        do(team, team.admin, item, "lift_hold")


def test_a_hold_ordered_anew_before_the_job_ran_stays(team: Team):
    item = exhibit(team, team.admin)
    for verb in ("hold", "lift_hold", "hold"):
        do(team, team.admin, item, verb)
    follow_hold(team.world.house, lambda: False, team.id, item.id)
    assert team.world.house.vault.stat(item.vault_key, item.version_id).held


def test_a_physical_exhibit_is_an_exhibit_whose_place_and_seals_follow_from_the_acts(team: Team):
    german, french = team.admin, team.leaders["FR"]
    item = laptop(team, german)
    now = how(team, german, item)
    assert (now.place, now.seals) == ("Store, shelf 3", ["DE 1"])
    assert now.physical is not None
    assert now.physical["description"] == "grey, lid scratched"
    do(team, german, item, "unseal", seals=["DE 1"])
    do(team, german, item, "seal", seals=["DE 2"])
    act = hand_over(team, german, item, french, place="Kehl", seals=["DE 2"])
    assert how(team, german, item).place == "Store, shelf 3"
    answer(team, french, item, act, place="TJ Paris, store", seals=["DE 2", "FR 9"])
    now = how(team, german, item)
    assert (now.place, now.seals) == ("TJ Paris, store", ["DE 2", "FR 9"])
    do(team, german, item, "require_return")
    do(team, french, item, "give_back")
    with pytest.raises(Conflict, match="returned or destroyed"):
        hand_over(team, french, item, german)
    assert seen(team, german, item)[0].stands == "accepted"
    _, blocks = evidence.download(begins(team, german), item.id)
    assert json.loads(b"".join(blocks))["description"] == "grey, lid scratched"


def test_a_photo_is_an_exhibit_and_is_named_only_to_who_may_know_of_it(team: Team):
    item = laptop(team, team.admin, handling="H0")
    photo, restricted = exhibit(team, team.admin, handling="H0"), exhibit(team, team.admin, handling="H2")
    for one in (photo, restricted):
        do(team, team.admin, item, "photograph", photo=str(one.id))
    assert [number for number, _ in how(team, team.admin, item).photos] == [photo.number, restricted.number]
    seconded = team.join("FR", Role.SECONDED_MEMBER)
    assert [number for number, _ in how(team, seconded, item).photos] == [photo.number]
    for wrong in (item.id, UUID(int=1)):
        with pytest.raises(Invalid):
            do(team, team.admin, item, "photograph", photo=str(wrong))


def test_what_lies_in_the_future_or_is_not_whole_is_refused_beside_its_field(app: Flask, house: House, team: Team):
    item = exhibit(team, team.admin)
    with pytest.raises(Invalid):
        do(team, team.admin, item, "collect", at=(clock.now() + timedelta(days=1)).isoformat())
    here, page = browser(app, house, team.admin), f"/w/{team.id}/evidence/{item.number}/acts"
    form = {"csrf": token(here.get(f"{page}/seal").text)}
    wrong = here.post(f"{page}/seal", data=form | {"remarks": "torn", "seals": " "})
    assert (wrong.status_code, 'id="seals-error"' in wrong.text, "torn" in wrong.text) == (422, True, True)
    assert here.post(f"{page}/seal", data=form | {"seals": "S1\nS2"}).status_code == 303
    wrong = here.post(f"{page}/photograph", data=form | {"photo": "XX-9"})
    assert (wrong.status_code, 'id="photo-error"' in wrong.text) == (422, True)
    shown = here.get(f"/w/{team.id}/evidence/{item.number}").text
    assert "Seal numbers: S1, S2" in shown
    said = here.post(f"/api/v1/evidence/{item.id}/acts", json={"act": {"verb": "annotate", "text": "Seen"}})
    assert (said.status_code, said.json["said"]) == (201, {"text": "Seen"})  # type: ignore[index]
    listed = here.get(f"/api/v1/evidence/{item.id}/acts").json["items"]  # type: ignore[index]
    assert [one["verb"] for one in listed] == ["seal", "annotate"]


def test_the_form_of_a_physical_exhibit_keeps_what_was_typed(app: Flask, house: House, team: Team):
    here = browser(app, house, team.admin)
    form = {"csrf": token(here.get(f"/w/{team.id}/evidence/physical/new").text), "title": "A knife"}
    wrong = here.post(f"/w/{team.id}/evidence/physical", data=form)
    assert (wrong.status_code, 'value="A knife"' in wrong.text, 'id="kept-error"' in wrong.text) == (422, True, True)
    form |= {"description": "blade 12 cm", "quantity": "1", "kept": "Shelf 4", "legal_basis": "§ 94 StPO"}
    form |= {"method": "seizure", "collector": "KHK Brandt", "place": "Aachen", "collected_at": "2026-11-01T10:00"}
    form |= {"zone": "Europe/Berlin", "handling": "H1", "seals": "S9"}
    made = here.post(f"/w/{team.id}/evidence/physical", data=form)
    assert made.status_code == 303
    assert "blade 12 cm" in here.get(made.location).text
    early = here.post(f"/w/{team.id}/evidence/physical", data=form | {"collected_at": "1801-01-01T10:00"})
    assert early.status_code == 422


def test_the_register_shows_how_exhibits_stand_only_to_who_sees_their_custody(app: Flask, house: House, team: Team):
    item = laptop(team, team.admin, handling="H2", title="Restricted laptop")
    do(team, team.admin, item, "flag")
    with team.world.work(team.admin) as uow:
        lines, _ = evidence.register(uow, team.id, Wanted(words="Restricted laptop"))
        assert Verb.FLAG in evidence.badges(uow, team.id, [line.id for line in lines])[item.id].newest
    with team.world.work(team.leaders["FR"]) as uow:
        assert evidence.badges(uow, team.id, [item.id]) == {}
    assert "Excluded" in browser(app, house, team.admin).get(f"/w/{team.id}/evidence?q=Restricted").text
    assert "Excluded" not in browser(app, house, team.leaders["FR"]).get(f"/w/{team.id}/evidence?q=Restricted").text


def test_who_only_watches_or_is_no_member_records_nothing(team: Team):
    item = exhibit(team, team.admin, handling="H0")
    for who, refusal in ((team.join("DE", Role.OBSERVER), NotPermitted), (team.world.person("NL"), NotFound)):
        with pytest.raises(refusal):
            do(team, who, item, "annotate")


def test_a_package_carries_what_people_said_and_the_verifier_holds_it_against_the_log(team: Team, tmp_path: Path):
    item = laptop(team, team.admin, handling="H0")
    restricted = exhibit(team, team.admin, handling="H2")
    do(team, team.admin, item, "flag")
    do(team, team.admin, item, "photograph", photo=str(restricted.id))
    based(team, team.admin, item)
    package = packed(team, team.admin, item)
    rows = list(csv.DictReader(io.StringIO(opened(package).read("custody.csv").decode())))
    said = {row["event"]: row["statement"] for row in rows}
    assert json.loads(said["custody:flagged"])["ruling"] == "60 KLs 1/26"
    assert said["evidence:registered"] == ""
    assert "VERIFIED" in judged(package, tmp_path).stdout
    exhibits = opened(package).read("exhibits.jsonl")
    one = json.loads(exhibits)
    assert [json.loads(each["value"]) for each in one["statements"]][1]["flag"] == "excluded"
    wrong = package.replace(b"60 KLs 1/26", b"60 KLs 2/26")
    told = judged(wrong, tmp_path)
    assert told.returncode == 3
    partner = team.join("FR", Role.SECONDED_MEMBER)
    with begins(team, partner)() as uow:
        row = uow.find(EvidenceItem, id=item.id)
        assert row is not None
        assert restricted.number not in str([act.said for act in evidence.seen_acts(uow, row)])


def test_a_bundle_opens_what_people_said(team: Team):
    item = laptop(team, team.admin, handling="H0")
    _, pieces = evidence.export(begins(team, team.admin), item.id)
    bundle = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    openings = json.loads(bundle.read("openings.json"))["commitments"]
    statement = next(one for one in openings if one["fact"] == "statement")
    assert json.loads(statement["value"])["description"] == "grey, lid scratched"
