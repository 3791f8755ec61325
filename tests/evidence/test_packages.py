"""A package for court holds what its maker may export, as it stood at one moment, and proves it (MISSION D5, D20)."""

import csv
import hashlib
import io
import json
import re
import subprocess
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from flask import Flask

from jit_server import evidence
from jit_server.core.errors import Altered, Conflict, Invalid, NotFound, NotPermitted, PurposeRequired, StepUp
from jit_server.core.vault import BLOCK
from jit_server.evidence.court import custody as custody_lines
from jit_server.evidence.usecases import packing
from jit_server.work import House
from tests.builders import Team, World, browser
from tests.evidence.builders import begins, custody
from tests.evidence.packages import asked, exhibit, opened, packed


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


def entry(words: str) -> dict[str, Any]:
    """An entry of the log whose reason somebody wrote."""
    said = dict.fromkeys(("at", "tz", "event", "verb", "result", "clause"), "")
    actor = {"person": None, "agency": None, "kind": "person"}
    return said | {"position": 1, "actor": actor, "why": {"code": "", "text": words}, "recipients": [], "facts": {}}


def numbers(package: bytes) -> list[str]:
    return [json.loads(line)["number"] for line in opened(package).read("exhibits.jsonl").splitlines()]


def test_the_media_type_comes_first_stored_and_at_its_place(team: Team):
    package = packed(team, team.admin, exhibit(team, team.admin))
    assert package[30:69] == b"mimetypeapplication/vnd.etsi.asic-e+zip"
    assert opened(package).testzip() is None


def test_the_manifest_names_every_file_with_its_digest(team: Team):
    items = [exhibit(team, team.admin, name.encode() * 100, file_name=name) for name in ("a & b.txt", "été 报告.pdf")]
    file = opened(packed(team, team.admin, *items))
    space = {"asic": "http://uri.etsi.org/02918/v1.2.1#", "ds": "http://www.w3.org/2000/09/xmldsig#"}
    manifest = ET.fromstring(file.read("META-INF/ASiCManifest.xml"))
    listed = {
        one.get("URI"): one.findtext("ds:DigestValue", namespaces=space)
        for one in manifest.findall("asic:DataObjectReference", space)
    }
    there = {name for name in file.namelist() if name != "mimetype" and not name.startswith("META-INF/")}
    assert listed == {quote(name): b64encode(hashlib.sha256(file.read(name)).digest()).decode() for name in there}
    assert len([name for name in there if name.startswith("content/")]) == 2


def test_the_seal_holds_for_openssl(team: Team, tmp_path: Path):
    file = opened(packed(team, team.admin, exhibit(team, team.admin)))
    file.extractall(tmp_path)
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "META-INF/signature.p7s"]
    rest = ["-content", "META-INF/ASiCManifest.xml", "-noverify", "-out", "/dev/null"]
    run = subprocess.run([*command, *rest], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 0, run.stderr


def test_the_export_of_every_exhibit_is_on_record_before_the_first_byte(team: Team):
    items = [exhibit(team, team.admin) for _ in range(2)]
    _, pieces = evidence.pack(begins(team, team.admin), team.id, asked(*items))
    for item in items:
        last = custody(team, team.admin, item.id)[-1]
        assert last.event == "evidence:exported"
    about = opened(b"".join(pieces)).read("package.json")
    assert last.facts["manifest"] == hashlib.sha256(about).hexdigest()


def test_the_whole_case_leaves_out_what_its_maker_may_not_export_and_does_not_count_it(world: World):
    team = world.workspace()
    mine = exhibit(team, team.leaders["FR"], handling="H2")
    open_, closed = exhibit(team, team.admin, handling="H0"), exhibit(team, team.admin, handling="H1")
    package = packed(team, team.leaders["FR"])
    assert numbers(package) == [open_.number, mine.number]
    for name in opened(package).namelist():
        data = opened(package).read(name)
        assert closed.number.encode() not in data
        assert str(closed.id).encode() not in data
    assert numbers(packed(team, team.admin)) == [open_.number, closed.number]


def test_what_is_closed_to_its_maker_while_a_package_is_made_goes_into_none(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    team = world.workspace()
    exhibit(team, team.leaders["FR"], handling="H2")
    open_ = exhibit(team, team.admin, handling="H0")
    compose, stricter = packing.compose, {"scheme": "SIENA", "code": "H1", "reason": "the court asked for it"}

    def closes(*given: Any) -> None:
        with begins(team, team.admin)() as uow:
            evidence.remark(uow, open_.id, evidence.NewMarking.model_validate(stricter))
        compose(*given)

    monkeypatch.setattr(packing, "compose", closes)
    with pytest.raises(Conflict, match="changed meanwhile"):
        packed(team, team.leaders["FR"])
    assert "evidence:exported" not in [one.event for one in custody(team, team.admin, open_.id)]


def test_a_selection_with_something_forbidden_is_refused_whole(team: Team):
    allowed, forbidden = exhibit(team, team.admin, handling="H0"), exhibit(team, team.admin, handling="H1")
    with pytest.raises(NotPermitted):
        packed(team, team.leaders["FR"], allowed, forbidden)
    assert custody(team, team.admin, allowed.id)[-1].event == "custody:authorized"


def test_an_outsider_learns_nothing(team: Team):
    with pytest.raises(NotFound):
        packed(team, team.world.person("NL"), exhibit(team, team.admin))


def test_it_states_the_case_as_it_stood_at_a_moment(world: World):
    team = world.workspace()
    first = exhibit(team, team.admin)
    moment = custody(team, team.admin, first.id)[-1].position
    later = exhibit(team, team.admin)
    file = opened(packed(team, team.admin, position=moment))
    rows = list(csv.DictReader(io.StringIO(file.read("custody.csv").decode())))
    assert [row["exhibit"] for row in rows] == [first.number] * len(rows)
    assert max(int(row["position"]) for row in rows) <= moment
    assert json.loads(file.read("package.json"))["position"] == moment
    with pytest.raises(Invalid, match="before"):
        packed(team, team.admin, later, position=moment)
    with pytest.raises(Invalid, match="beyond"):
        packed(team, team.admin, first, position=10**9)


def test_a_moment_before_any_exhibit_has_no_package(world: World):
    team = world.workspace()
    exhibit(team, team.admin)
    with pytest.raises(Conflict):
        packed(team, team.admin, position=1)


def test_references_hold_digests_and_no_bytes(team: Team):
    item = exhibit(team, team.admin, b"not to leave the house")
    package = packed(team, team.admin, item, content="references")
    assert b"not to leave the house" not in package
    assert item.sha256 in opened(package).read("exhibits.jsonl").decode()


def test_the_custody_report_names_who_did_what_and_runs_no_formula(team: Team):
    item = exhibit(team, team.admin)
    with begins(team, team.leaders["FR"])() as uow:
        evidence.read(uow, item.id)
    rows = list(csv.DictReader(io.StringIO(opened(packed(team, team.admin, item)).read("custody.csv").decode())))
    read = next(row for row in rows if row["event"] == "evidence:read")
    assert (read["person"], read["agency"]) == (team.leaders["FR"].name, "Anklage FR")
    assert custody_lines.line(entry("=1+1"), b"", "DE-0001", {}).split(b",")[11] == b"'=1+1"
    assert [int(row["position"]) for row in rows] == sorted(int(row["position"]) for row in rows)


def test_the_transfer_manifest_has_the_seven_items(team: Team):
    item = exhibit(team, team.admin)
    manifest = json.loads(opened(packed(team, team.admin, item)).read("transfer.json"))["manifest"]
    assert len(manifest) == 7
    assert manifest["sender_and_recipient"]["recipient"].startswith("Landgericht")
    (digests,) = manifest["digests"].values()
    assert digests == [{"algorithm": "SHA-256", "value": item.sha256}]


def test_the_certificate_lists_the_digests_and_leaves_the_oath_to_a_person(team: Team):
    item = exhibit(team, team.admin)
    text = opened(packed(team, team.admin, item)).read("certificate-902.txt").decode()
    assert f"{item.number}  {item.sha256}" in text
    assert "902(14)" in text
    assert "(signature)" in text


def test_what_is_restricted_leaves_for_a_stated_purpose_only(team: Team):
    item = exhibit(team, team.admin, handling="H2")
    with pytest.raises(PurposeRequired):
        evidence.pack(begins(team, team.admin, purpose=None), team.id, asked(item))


def test_an_old_sign_in_makes_no_package(team: Team):
    actor = team.admin.actor
    stale = replace(team.admin, actor=replace(actor, auth_time=actor.auth_time - timedelta(hours=1)))
    with pytest.raises(StepUp):
        packed(team, stale, exhibit(team, team.admin))


def test_altered_bytes_never_make_a_package(team: Team, house: House):
    good, bad = exhibit(team, team.admin), exhibit(team, team.admin, bytes(3 * BLOCK))
    path = house.settings.data / "vault" / "objects" / bad.vault_key / bad.version_id
    path.write_bytes(b"\1" + path.read_bytes()[1:])
    with pytest.raises(Altered):
        packed(team, team.admin, good, bad)
    assert custody(team, team.admin, bad.id)[-1].event == "evidence:damaged"


def test_an_exhibit_that_is_gone_is_found_before_anything_leaves_and_is_on_record(team: Team, house: House):
    gone = exhibit(team, team.admin)
    packed(team, team.admin, gone)
    (house.settings.data / "vault" / "objects" / gone.vault_key / gone.version_id).unlink()
    with pytest.raises(Altered):
        packed(team, team.admin, gone)
    assert custody(team, team.admin, gone.id)[-1].event == "evidence:damaged"


FORM = {"recipient": "Landgericht Aachen", "order": "1 KLs 12/26", "code": "trial", "text": "main hearing"}


def test_over_http_it_is_an_attachment_named_after_the_case(app: Flask, team: Team, house: House):
    item = exhibit(team, team.admin, handling="H0")
    answer = browser(app, house, team.admin).post(
        f"/api/v1/workspaces/{team.id}/packages", json=asked(item).model_dump(mode="json")
    )
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="JIT-')
    assert answer.mimetype == "application/vnd.etsi.asic-e+zip"
    assert opened(answer.data).read("custody.pdf").startswith(b"%PDF-1.7")
    assert numbers(answer.data) == [item.number]


def test_the_page_takes_a_selection_and_keeps_what_was_typed(app: Flask, team: Team, house: House):
    items = [exhibit(team, team.admin, handling="H3") for _ in range(2)]
    client = browser(app, house, team.admin)
    address = f"/w/{team.id}/evidence/package?" + "&".join(f"number={item.number}" for item in items)
    assert items[1].number in client.get(address).text
    token = re.search(r'name="csrf" value="([^"]+)"', client.get(address).text)[1]
    again = client.post(address, data={**FORM, "csrf": token})
    assert again.status_code == 422
    assert "Landgericht Aachen" in again.text
    beyond = client.post(address, data={**FORM, "csrf": token, "acknowledged": "true", "position": "999999999"})
    assert beyond.status_code == 422
    taken = client.post(address, data={**FORM, "csrf": token, "acknowledged": "true", "content": "references"})
    assert numbers(taken.data) == [item.number for item in items]


def test_the_page_of_the_whole_case_needs_no_number(app: Flask, world: World, house: House):
    team = world.workspace()
    client = browser(app, house, team.admin)
    address = f"/w/{team.id}/evidence/package"
    token = re.search(r'name="csrf" value="([^"]+)"', client.get(address).text)[1]
    assert client.post(address, data={**FORM, "csrf": token}).status_code == 422
    item = exhibit(team, team.admin)
    assert numbers(client.post(address, data={**FORM, "csrf": token}).data) == [item.number]


def test_nobody_is_shown_the_page_for_what_they_may_not_export(app: Flask, team: Team, house: House):
    item = exhibit(team, team.admin, handling="H1")
    client = browser(app, house, team.leaders["FR"])
    assert client.get(f"/w/{team.id}/evidence/package?number={item.number}").status_code == 403
    for number in ("DE-9999", "DE-x", "x"):
        assert client.get(f"/w/{team.id}/evidence/package?number={number}").status_code == 404
