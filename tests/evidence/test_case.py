"""The custody graph of a package is CASE 1.5.0: its validator finds no fault in ours, and finds one that we make."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import rdflib

from jit_server import evidence, workspaces
from jit_server.access import Handling, PartyClass
from jit_server.evidence import NewAct
from jit_server.evidence.erasure.models import Cause
from jit_server.evidence.usecases.erasing import order
from jit_server.work import House
from jit_server.workspaces.document import NamedMember
from tests.builders import Team, Who, World
from tests.evidence.builders import begins, kept
from tests.evidence.packages import based, exhibit, opened, packed
from tests.evidence.test_acts import SAID, laptop
from tests.evidence.test_derivations import derived
from tests.evidence.test_hand_overs import answer, hand_over, party_of
from tests.evidence.test_release import let_out


@pytest.fixture(scope="module")
def team(house: House) -> Team:
    """Of this module's own: its log holds what these tests did and nothing else."""
    return World.create(house).workspace(classes={"NL": PartyClass.MS_AUTHORITY}, default_handling=Handling.H0)


def act(team: Team, who: Who, item: Any, **said: Any) -> str:
    with begins(team, who)() as uow:
        return str(evidence.do(uow, item.id, NewAct.model_validate({"act": said}).act).id)


@pytest.fixture(scope="module")
def package(team: Team) -> bytes:
    """Two exhibits that went through many hands; one of them is conditioned."""
    image = exhibit(team, team.admin, b"an image" * 999, title="Image of a phone", file_name="été.img")
    letter = exhibit(team, team.admin, b"a letter", handling="H1", title='Letter "to" <M>')
    act(
        team, team.admin, image, verb="acquire", at="2026-11-20T08:00:00Z", source="Phone", tool="Guymager", version="1"
    )
    act(team, team.admin, image, verb="collect", at="2026-11-20T07:00:00Z", place="Aachen", collector="KHK", found="on")
    act(team, team.admin, image, verb="annotate", text="The screen is broken.")
    handed = hand_over(team, team.admin, image, team.leaders["FR"])
    answer(team, team.leaders["FR"], image, handed)
    b"".join(evidence.download(begins(team, team.leaders["FR"]), image.id)[1])
    return packed(team, team.admin, image, letter)


@pytest.fixture(scope="module")
def copies(team: Team) -> bytes:
    """A copy with its original, one without, and an exhibit whose bytes are gone."""
    original, elsewhere, gone = (kept(team, team.admin, os.urandom(99)) for _ in range(3))
    made = [derived(team, team.admin, parent, os.urandom(99)) for parent in (original, elsewhere)]
    based(team, team.admin, original, elsewhere, gone, *made)
    with begins(team, team.admin)() as uow, uow.as_system():
        order(uow, gone, Cause.AGE)
    return packed(team, team.admin, original, gone, *made)


@pytest.fixture(scope="module")
def things(team: Team) -> bytes:
    """Objects in a store, on which everything was done that can be, and an exhibit that was released."""
    thing, gone = laptop(team, team.admin), laptop(team, team.admin)
    letter = exhibit(team, team.admin, b"a letter to Utrecht")
    based(team, team.admin, thing, gone)
    done = ""
    for verb, words in SAID.items():
        said = {"verb": verb} | words | ({"act": done} if verb == "end_basis" else {})
        done = act(team, team.admin, gone if verb == "destroy" else thing, **said)
    let_out(team, letter, {"NL": None})
    return packed(team, team.admin, thing, gone, letter)


def graph(package: bytes) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(opened(package).read("case.jsonld"))
    return read


def nodes(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for one in document["@graph"] if one["@type"] == kind]


def judged(folder: Path, document: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """By the validator of those who keep the ontology; it comes with the ontology and asks no network."""
    path = folder / "case.jsonld"
    path.write_text(json.dumps(document))
    command = [str(Path(sys.executable).with_name("case_validate")), "--built-version", "case-1.5.0", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


@pytest.mark.parametrize("which", ["package", "copies", "things"])
def test_the_validator_of_the_ontology_finds_no_fault(which: str, request: pytest.FixtureRequest, tmp_path: Path):
    done = judged(tmp_path, graph(request.getfixturevalue(which)))
    assert done.returncode == 0, done.stdout
    assert "Conforms: True" in done.stdout
    assert "Results (" not in done.stdout


def test_the_same_validator_finds_a_fault_that_we_make(package: bytes, tmp_path: Path):
    document = graph(package)
    nodes(document, "investigation:InvestigativeAction")[0]["uco-action:performer"] = {"@id": "kb:nobody-known"}
    done = judged(tmp_path, document)
    assert done.returncode != 0
    assert "performer" in done.stdout


def test_each_entry_about_the_exhibits_is_an_action_that_knows_the_one_before(package: bytes):
    file, actions = opened(package), nodes(graph(package), "investigation:InvestigativeAction")
    lines = [json.loads(one) for one in file.read("exhibits.jsonl").splitlines()]
    assert len(actions) == sum(len(one["positions"]) for one in lines)
    for one in lines:
        mine = [node for node in actions if node["uco-action:object"]["@id"] == f"kb:file-{one['id']}"]
        before = [node.get("investigation:wasInformedBy", {}).get("@id") for node in mine]
        assert before == [None, *(node["@id"] for node in mine[:-1])]
    assert {"custody:handed_over", "custody:accepted", "evidence:downloaded"} <= {
        node["uco-core:name"] for node in actions
    }


def test_the_files_bear_the_digests_and_the_records_the_numbers_that_were_registered(package: bytes):
    file, document = opened(package), graph(package)
    for one in (json.loads(line) for line in file.read("exhibits.jsonl").splitlines()):
        (there,) = (node for node in nodes(document, "uco-observable:File") if node["@id"] == f"kb:file-{one['id']}")
        content = there["uco-core:hasFacet"][1]
        digests = {hash_["uco-types:hashMethod"]: hash_["uco-types:hashValue"]["@value"] for hash_ in
                   content["uco-observable:hash"]}  # fmt: skip
        assert digests == {"SHA256": one["sha256"], "SHA512": one["sha512"]}
        (record,) = (
            node for node in nodes(document, "investigation:ProvenanceRecord")
            if node["uco-core:object"]["@id"] == there["@id"]
        )  # fmt: skip
        assert (record["investigation:exhibitNumber"], record["uco-core:name"]) == (one["number"], one["title"])


def test_a_copy_points_at_what_it_was_made_from_whether_that_is_in_the_package_or_not(copies: bytes):
    lines = [json.loads(line) for line in opened(copies).read("exhibits.jsonl").splitlines()]
    records = {
        node["investigation:exhibitNumber"]: node for node in nodes(graph(copies), "investigation:ProvenanceRecord")
    }
    made = [one for one in lines if "derived_from" in one]
    assert len(made) == 2
    for one in made:
        parent = records[one["derived_from"]["number"]]
        assert records[one["number"]]["investigation:wasDerivedFrom"] == {"@id": parent["@id"]}
    assert len(records) == len(lines) + 1
    (gone,) = [one for one in lines if "erased" in one]
    assert "erased" in records[gone["number"]]["uco-core:description"]


def test_what_it_rests_on_is_an_authorization_of_the_case(package: bytes):
    document = graph(package)
    found = {node["@id"]: node for node in nodes(document, "investigation:Authorization")}
    (case,) = nodes(document, "investigation:Investigation")
    assert {one["@id"] for one in case["investigation:relevantAuthorization"]} == set(found)
    assert {node["investigation:authorizationIdentifier"] for node in found.values()} == {"12 Gs 4/26"}
    tools = {node["uco-core:name"] for node in nodes(document, "uco-tool:Tool")}
    assert "Guymager" in tools
    assert {node["uco-core:name"] for node in nodes(document, "uco-location:Location")} >= {"Aachen"}


def test_every_node_is_named_by_a_uuid_and_named_once(package: bytes):
    names = [one["@id"] for one in graph(package)["@graph"]]
    assert len(set(names)) == len(names)
    for name in names:
        UUID(name[-36:])


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")
def test_a_program_that_reads_rdf_meets_full_names_and_every_reference_leads_somewhere(package: bytes):
    read = rdflib.Graph().parse(data=opened(package).read("case.jsonld"), format="json-ld")
    action = rdflib.URIRef("https://ontology.caseontology.org/case/investigation/InvestigativeAction")
    found = set(read.subjects(rdflib.RDF.type, action))
    assert len(found) == len(nodes(graph(package), "investigation:InvestigativeAction"))
    known = set(read.subjects())
    assert {one for one in read.objects() if str(one).startswith("http://example.org/kb/")} <= known
    assert not [one for one in read.predicates() if not str(one).startswith(("http://", "https://"))]


def test_whoever_received_something_takes_part_in_the_act(things: bytes, package: bytes, team: Team):
    def taking(read: bytes, event: str) -> list[dict[str, str]]:
        (one,) = (node for node in nodes(graph(read), "investigation:InvestigativeAction")
                  if node["uco-core:name"] == event)  # fmt: skip
        there: list[dict[str, str]] = one["uco-action:participant"]
        return there

    for read, event, who in ((things, "evidence:released", "NL"), (package, "custody:handed_over", "FR")):
        assert {"@id": f"kb:identity-{party_of(team, team.leaders[who])}"} in taking(read, event)


def test_a_person_shown_by_function_alone_has_no_other_name_in_it(house: House):
    team = World.create(house).workspace(default_handling=Handling.H0)
    hidden = team.world.person("FR", "Solange Ghostwriter")
    named = NamedMember(agency=hidden.agency, person_id=hidden.id, function="Handler 7", hidden_from_partners=True)
    with team.world.work(team.leaders["FR"]) as uow:
        workspaces.name_members(uow, team.id, workspaces.OwnMembers(members=(named,)))
    team.enter(hidden)
    item = exhibit(team, team.admin)
    act(team, hidden, item, verb="annotate", text="The seal is whole.")
    read = opened(packed(team, team.admin, item)).read("case.jsonld").decode()
    assert "Handler 7" in read
    assert "Ghostwriter" not in read


def test_two_packages_of_the_same_moment_draw_the_same(team: Team):
    item = exhibit(team, team.admin)
    with team.world.work(team.admin) as uow:
        position = evidence.read(uow, item.id).position
    assert position is not None
    first, second = (packed(team, team.admin, item, position=position) for _ in range(2))
    assert opened(first).read("case.jsonld") == opened(second).read("case.jsonld")


def test_people_are_named_as_the_custody_report_names_them(package: bytes, team: Team):
    names = {node.get("uco-core:name") for node in nodes(graph(package), "uco-identity:Person")}
    assert names == {team.admin.name, team.leaders["FR"].name}
