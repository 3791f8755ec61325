"""The custody report is a PDF for archives and screen readers, in the reader's language (MISSION D8, K13)."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest

from jit_server import audit
from jit_server.audit import Seal
from jit_server.core.keys import SigningKey
from jit_server.evidence.court import report
from jit_server.evidence.court.papers import Occasion
from jit_server.evidence.usecases import histories
from tests.builders import Team, World
from tests.evidence.builders import begins
from tests.evidence.packages import exhibit, judged, opened, packed

SEAL = Seal.of(SigningKey.generate("jit.example"))
ITEM = {"number": "DE-0001", "title": "Phone", "legal_basis": "StPO", "size": 7, "sha256": "ab" * 32}
ROW = ["1", "2026-11-23 04:00:00", "DE-0001", "evidence:read", "KHK Brandt, Anklage DE", "denied", "#let x = [why] $"]


def made(*events: list[str], language: report.Language = report.ENGLISH, recipient: str = "Landgericht") -> pikepdf.Pdf:
    occasion = Occasion("P", "A", "DE", recipient, "1 KLs", "", datetime(2026, 11, 23, tzinfo=UTC), "http://x")
    return pikepdf.open(
        io.BytesIO(report.Setting().begin(occasion, ("JIT-1", 9), [ITEM], events, language, SEAL).finished())
    )


def claims(pdf: pikepdf.Pdf) -> tuple[str, ...]:
    with pdf.open_metadata() as said:
        return tuple(str(said.get(name)) for name in ("pdfaid:part", "pdfaid:conformance", "pdfuaid:part"))


def test_it_claims_both_standards_and_has_what_they_ask_for():
    pdf = made(ROW)
    assert claims(pdf) == ("2", "A", "1")
    assert pdf.Root.MarkInfo.Marked
    assert "/StructTreeRoot" in pdf.Root
    assert str(pdf.Root.Lang) == "en"
    assert pdf.Root.ViewerPreferences.DisplayDocTitle
    assert len(pdf.Root.OutputIntents) == 1


def test_its_signature_has_a_name_and_a_place_for_screen_readers():
    pdf = made(ROW)
    (field,) = pdf.Root.AcroForm.Fields
    assert (str(field.TU), field.F & 2, [int(one) for one in field.Rect]) == (report.SEAL, 0, [0, 0, 0, 0])
    structure = pdf.Root.StructTreeRoot
    parents = list(structure.ParentTree.Nums)
    form = dict(zip(map(int, parents[::2]), parents[1::2], strict=True))[int(field.StructParent)]
    assert (str(form.S), form.K.Obj.objgen) == ("/Form", field.objgen)
    assert form.objgen in [one.objgen for one in structure.K[0].K if isinstance(one, pikepdf.Dictionary)]
    assert pdf.pages[0].Tabs == "/S"


@pytest.mark.parametrize("recipient", ["Αρεοπαγος, Прокуратура", "محكمة", "a \N{PARTY POPPER} b"])
def test_it_takes_any_script_and_what_no_font_here_can_show(recipient: str):
    assert claims(made(ROW, recipient=recipient)) == ("2", "A", "1")


def test_it_speaks_the_readers_language_from_right_to_left():
    arabic = report.Language("ar", rtl=True, say=lambda words: "سلسلة" if words == report.TITLE else words, event=str)
    pdf = made(ROW, language=arabic)
    assert str(pdf.Root.Lang) == "ar"
    assert str(pdf.Root.ViewerPreferences.get("/Direction", "/R2L")) == "/R2L"


def test_a_package_holds_it(world: World):
    team: Team = world.workspace()
    data = opened(packed(team, team.admin, exhibit(team, team.admin))).read("custody.pdf")
    assert claims(pikepdf.open(io.BytesIO(data))) == ("2", "A", "1")


def test_it_says_the_words_of_an_act_without_the_identifiers_that_tell_a_reader_nothing(world: World):
    team = world.workspace()
    item = exhibit(team, team.admin)
    with team.world.work(team.admin) as uow:
        until = audit.head(uow.connection, team.id).size
    rows = histories.survey(begins(team, team.admin), [item], until).events.rows
    (words,) = [row[6] for row in rows if row[3] == "custody:authorized"]
    assert "kind: warrant" in words
    assert "basis" not in words
    assert '""basis""' in opened(packed(team, team.admin, item)).read("custody.csv").decode()


def test_one_act_on_several_exhibits_is_one_row_of_the_report_and_a_line_each_of_the_table(world: World):
    team = world.workspace()
    items = [exhibit(team, team.admin) for _ in range(3)]
    packed(team, team.admin, *items)
    with team.world.work(team.admin) as uow:
        until = audit.head(uow.connection, team.id).size
    rows = histories.survey(begins(team, team.admin), items, until).events.rows
    (row,) = [row for row in rows if row[3] == "evidence:exported"]
    assert row[0] == f"{until - 2} … {until}"
    assert row[2] == f"{items[0].number} … {items[2].number} (3)"
    assert len([row for row in rows if row[3] == "evidence:registered"]) == len(items)
    table = opened(packed(team, team.admin, *items)).read("custody.csv").decode()
    assert table.count(",evidence:exported,") == len(items)


@pytest.mark.parametrize("most", [0, histories.KEPT])
def test_what_is_too_long_to_be_kept_is_made_again_and_is_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, most: int, tmp_path: Path
):
    monkeypatch.setattr(histories, "KEPT", most)
    team = world.workspace()
    package = packed(team, team.admin, exhibit(team, team.admin))
    assert judged(package, tmp_path).returncode == 0
    assert opened(package).read("custody.csv").count(b"evidence:registered") == 1
