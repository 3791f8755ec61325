"""What exhibits are by their content: told apart from their names, read once, and never a danger to the worker."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from pypdf import PdfWriter
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from jit_server import evidence
from jit_server.access import SYSTEM
from jit_server.core.postgres import EmbeddedPostgres
from jit_server.core.settings import Settings
from jit_server.evidence import EvidenceItem
from jit_server.evidence.erasure.models import Cause
from jit_server.evidence.nature.asking import ask
from jit_server.evidence.nature.kinds import contradicted
from jit_server.evidence.nature.models import EvidenceNature, NatureOut, Outcome
from jit_server.evidence.usecases import erasing
from jit_server.evidence.usecases.recognising import recognise, recognise_rest
from tests.builders import Team, World, browser
from tests.engines.apart import apart
from tests.evidence.builders import begins, custody, exhibit

EXE = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00" + bytes(200)


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


def never() -> bool:
    return False


def looked(team: Team, content: bytes, name: str) -> tuple[EvidenceItem, NatureOut]:
    item = exhibit(team, team.admin, content, file_name=name)
    recognise(team.world.house, never, team.id, item.id)
    return item, seen(team, item)


def seen_or_none(team: Team, item: EvidenceItem) -> NatureOut | None:
    with begins(team, team.admin)() as uow:
        return evidence.read(uow, item.id).nature


def seen(team: Team, item: EvidenceItem) -> NatureOut:
    with begins(team, team.admin)() as uow:
        nature = evidence.read(uow, item.id).nature
    assert nature is not None
    return nature


def photo() -> bytes:
    made, exif = io.BytesIO(), Image.Exif()
    exif[271], exif[272] = "Lumiere", "Mark II"
    exif.get_ifd(0x8769)[36867] = "2026:11:12 06:40:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (50.0, 46.0, 30.0), 3: "E", 4: (6.0, 5.0, 0.0)})
    Image.new("RGB", (40, 30)).save(made, "JPEG", exif=exif)
    return made.getvalue()


def paper(password: str = "") -> bytes:
    made, writer = io.BytesIO(), PdfWriter()
    writer.add_blank_page(100, 100)
    writer.add_metadata({"/Title": "Ledger\x00 of <b>2026</b>", "/Author": "N. N."})
    if password:
        writer.encrypt(password)
    writer.write(made)
    return made.getvalue()


def packed(**entries: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, words in entries.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 12, 6, 40, 0)), words)
    return made.getvalue()


def test_a_photo_tells_where_and_when_it_was_taken_and_stays_as_it_was(team: Team) -> None:
    content = photo()
    item, nature = looked(team, content, "photo.JPG")
    assert (nature.outcome, nature.kind, nature.media_type, nature.named) == ("recognised", "JPEG", "image/jpeg", None)
    assert nature.facts["taken"] == "2026:11:12 06:40:00"
    assert nature.facts["position"] == "50.775000, 6.083333"
    assert (nature.facts["width"], nature.facts["make"]) == ("40", "Lumiere")
    _, blocks = evidence.download(begins(team, team.admin), item.id)
    assert b"".join(blocks) == content


def test_a_pdf_tells_its_title_and_pages(team: Team) -> None:
    nature = looked(team, paper(), "ledger.pdf")[1]
    assert nature.kind == "PDF"
    assert nature.facts["title"].startswith("Ledger")
    assert (nature.facts["author"], nature.facts["pages"]) == ("N. N.", "1")


def test_an_encrypted_pdf_says_only_that(team: Team) -> None:
    assert looked(team, paper("secret"), "ledger.pdf")[1].facts == {"encrypted": "yes"}


def test_an_office_document_tells_who_wrote_it(team: Team) -> None:
    core = "<cp:coreProperties><dc:creator>A &amp; B</dc:creator><dcterms:created xsi:type='x'>2026</dcterms:created>"
    inside = {"[Content_Types].xml": "", "word/document.xml": "", "docProps/core.xml": core}
    nature = looked(team, packed(**inside), "letter.docx")[1]
    assert nature.media_type is not None
    assert nature.media_type.endswith("wordprocessingml.document")
    assert (nature.facts["author"], nature.facts["created"]) == ("A & B", "2026")
    assert (nature.facts["entries"], nature.facts["newest"]) == ("3", "2026-11-12 06:40:00")


def test_a_program_with_the_name_of_a_picture_is_named_for_what_it_is(app: Flask, team: Team) -> None:
    item, nature = looked(team, EXE, "holiday.jpg")
    assert (nature.kind, nature.named) == ("EXE", "jpg")
    (entry,) = [one for one in custody(team, team.admin, item.id) if one.event == "evidence:recognised"]
    assert (entry.facts["kind"], entry.facts["named"]) == ("EXE", "jpg")
    asked = browser(app, team.world.house, team.admin)
    assert "This file is named .jpg, but its content is EXE." in asked.get(f"/w/{team.id}/evidence/{item.number}").text


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("a.pdf", packed(x="y"), "pdf"),
        ("a.txt", photo(), "txt"),
        ("a.zip", packed(x="y"), None),
        ("a.unheard-of", packed(x="y"), None),
        ("pdf", packed(x="y"), None),
        ("a.txt", b"MZ is how this letter begins", None),
        ("a.pdf", b"nothing that anybody knows", None),
        ("a.pdf", b"", None),
    ],
)
def test_a_name_is_contradicted_only_for_certain(name: str, content: bytes, named: str | None) -> None:
    assert contradicted(name, ask(content).kind) == named


@pytest.mark.parametrize(
    "content",
    [
        photo()[:60], paper()[:40], packed(x="y" * 99)[:50], b"%PDF-1.7\n" + b"<<" * 50_000,
        b"\xff\xd8\xff\xe1" + b"\xff" * 999,
    ],
)  # fmt: skip
def test_damaged_bytes_keep_nobody_from_the_page(app: Flask, team: Team, content: bytes) -> None:
    item, nature = looked(team, content, "file.bin")
    assert nature.outcome is Outcome.DAMAGED
    assert browser(app, team.world.house, team.admin).get(f"/w/{team.id}/evidence/{item.number}").status_code == 200


def test_what_would_unpack_to_much_more_is_not_unpacked() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("docProps/core.xml", bytes(50_000_000))
    assert ask(made.getvalue()).facts["entries"] == "1"


def test_a_look_that_takes_too_long_is_ended() -> None:
    assert not ask(photo(), seconds=0.01).whole


def test_a_job_done_twice_leaves_one_look(team: Team) -> None:
    item, _ = looked(team, b"once", "once.txt")
    recognise(team.world.house, never, team.id, item.id)
    assert [one.event for one in custody(team, team.admin, item.id)].count("evidence:recognised") == 1


def test_a_new_exhibit_puts_a_job_in_the_row(team: Team) -> None:
    item = exhibit(team, team.admin)
    wanted = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'evidence:recognise' AND args->>'item_id' = :id"
    with team.world.house.work(SYSTEM) as uow:
        assert uow.connection.execute(text(wanted), {"id": str(item.id)}).scalar() == 1


def test_what_nobody_looked_at_is_looked_at_by_and_by(
    postgres: EmbeddedPostgres, settings: Settings, scratch: Path
) -> None:
    """On a server of its own: every exhibit of the server is looked at."""
    with apart(postgres, settings, scratch, "nature") as house:
        team = World.create(house).workspace()
        items = [exhibit(team, team.admin, photo()) for _ in range(2)]
        assert [seen_or_none(team, item) for item in items] == [None, None]
        recognise_rest(house, never)
        assert [seen(team, item).kind for item in items] == ["JPEG", "JPEG"]


def test_the_page_says_that_nobody_looked_yet(app: Flask, team: Team) -> None:
    item = exhibit(team, team.admin, photo())
    asked = browser(app, team.world.house, team.admin)
    assert "Not looked at yet" in asked.get(f"/w/{team.id}/evidence/{item.number}").text


def test_what_an_erased_exhibit_said_of_itself_is_gone_with_it(team: Team) -> None:
    item, nature = looked(team, photo(), "photo.jpg")
    assert nature.facts
    with team.world.house.work(SYSTEM) as uow:
        erasing.order(uow, item, Cause.AGE)
    assert (seen(team, item).kind, seen(team, item).facts) == ("JPEG", {})


def test_nobody_but_the_server_says_what_it_is(team: Team) -> None:
    item = exhibit(team, team.admin)
    said: dict[str, Any] = {"workspace_id": team.id, "item_id": item.id, "outcome": Outcome.UNKNOWN, "facts": {}}
    with begins(team, team.admin)() as uow:
        uow.session.add(EvidenceNature(**said, found_at=uow.now))
        with pytest.raises(DBAPIError, match="row-level security"):
            uow.session.flush()
        uow.session.rollback()
