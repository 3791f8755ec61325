"""Redacted copies made by the server: nothing of what lay under an area is left, and the original proves itself."""

import io
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pikepdf
import pypdfium2
import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import Engine, text

from jit_server import evidence, identity
from jit_server.access import OPERATOR, Handling, Role
from jit_server.core.errors import Conflict, Invalid, NotFound, NotPermitted, PurposeRequired, TooLarge
from jit_server.evidence import EvidenceItem, NewRedaction, RedactionOut
from jit_server.evidence.redaction.asking import LARGEST, redacted
from jit_server.evidence.redaction.models import RedactionTry
from jit_server.evidence.redaction.shapes import Area, Ground, Refusal
from jit_server.evidence.usecases.redacting import run
from jit_server.work import House
from tests.builders import Team, Who, World, browser
from tests.evidence.builders import begins, custody, exhibit, kept, sha256
from tests.evidence.packages import based, judged, opened, packed
from tests.evidence.test_hand_overs import token

SECRET = "Maria Example"
HIDDEN = {"page": 1, "x": 0.1, "y": 0.1, "width": 0.7, "height": 0.1, "reason": "witness"}
EXIF_MODEL = 272


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace(default_handling=Handling.H0)


def pdf(pages: int = 2, words: str = SECRET, high: float = 842, **save: Any) -> bytes:
    """Pages with words near their top, in the text, in the metadata and in an attachment."""
    made = pikepdf.new()
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    for number in range(pages):
        page = made.add_blank_page(page_size=(595, 842))
        page.mediabox = [0, 0, 595, high]
        page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
        page.obj.Contents = made.make_stream(f"BT /F 24 Tf 100 712 Td ({words} {number}) Tj ET".encode())
    made.docinfo["/Author"] = words
    made.attachments["notes.txt"] = words.encode()
    out = io.BytesIO()
    made.save(out, **save)
    return out.getvalue()


def photo(kind: str = "JPEG", side: int = 100) -> bytes:
    """A picture of noise, with a camera's words in it."""
    image = Image.effect_noise((side, side), 90).convert("RGB")
    exif = Image.Exif()
    exif[EXIF_MODEL] = SECRET
    out = io.BytesIO()
    image.save(out, kind, exif=exif)
    return out.getvalue()


def areas(*some: dict[str, Any]) -> list[Area]:
    return [Area.model_validate(HIDDEN | one) for one in some or ({},)]


def pixels(data: bytes, page: int = 0) -> Image.Image:
    """A page as a reader sees it, a pixel for each point."""
    return pypdfium2.PdfDocument(data)[page].render().to_pil().convert("RGB")


def every_byte(data: bytes) -> bytes:
    """The file as it is, and each of its streams without its compression."""
    document = pikepdf.open(io.BytesIO(data))
    streams = [one for one in document.objects if isinstance(one, pikepdf.Stream)]
    return data + b"".join(one.read_bytes() for one in streams if one.get("/Filter") != pikepdf.Name.DCTDecode)


def order(team: Team, who: Who, item: EvidenceItem, **changes: Any) -> RedactionOut:
    new = NewRedaction.model_validate({"title": "Interview, redacted", "areas": [HIDDEN]} | changes)
    with begins(team, who)() as uow:
        return evidence.order_redaction(uow, item.id, new)


def after(team: Team, who: Who, item: EvidenceItem, made: RedactionOut) -> RedactionOut:
    """What came of an order once its job has run."""
    run(team.world.house, lambda: False, team.id, made.id)
    with begins(team, who)() as uow:
        (found,) = [one for one in evidence.my_redactions(uow, item.id) if one.id == made.id]
    return found


def taken(team: Team, who: Who, item_id: Any) -> tuple[EvidenceItem, bytes]:
    item, blocks = evidence.download(begins(team, who), item_id)
    return item, b"".join(blocks)


# --- the program


def test_of_a_pdf_nothing_is_left_but_pixels_and_under_the_area_they_are_black():
    original = pdf()
    assert SECRET.encode() in every_byte(original)
    copy = redacted(original, areas())
    assert (copy.media_type, copy.pages, copy.refused) == ("application/pdf", 2, None)
    document = pypdfium2.PdfDocument(copy.data)
    assert [page.get_textpage().get_text_range() for page in document] == ["", ""]
    assert document.get_metadata_dict(skip_empty=True) == {}
    assert SECRET.encode() not in every_byte(copy.data)
    assert pixels(copy.data).crop((60, 85, 470, 165)).getcolors() == [(410 * 80, (0, 0, 0))]
    assert pixels(copy.data, 1).crop((60, 85, 470, 165)).getcolors() != [(410 * 80, (0, 0, 0))]


def test_the_same_order_gives_the_same_bytes():
    original = pdf(1)
    assert redacted(original, areas()).data == redacted(original, areas()).data


def test_what_is_not_under_an_area_looks_as_before():
    original = pdf(1)
    copy = redacted(original, areas({"y": 0.5}))
    before, now = (pixels(one).convert("L").crop((90, 100, 400, 160)) for one in (original, copy.data))
    assert before.getextrema()[0] < 100
    assert now.getextrema()[0] < 100


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_of_an_image_nothing_is_left_but_pixels_and_under_the_area_they_are_black(kind: str):
    copy = redacted(photo(kind), areas())
    assert (copy.media_type, copy.pages, copy.refused) == ("image/png", 1, None)
    image = Image.open(io.BytesIO(copy.data))
    assert dict(image.getexif()) == {}
    assert image.info == {}
    assert SECRET.encode() not in copy.data
    assert image.crop((10, 10, 80, 20)).getcolors() == [(700, (0, 0, 0))]
    assert len(image.crop((10, 30, 80, 40)).getcolors(9999) or []) > 10


def test_a_picture_is_painted_as_it_is_seen_and_not_as_the_camera_held_it():
    image = Image.new("RGB", (40, 20), "white")
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    copy = Image.open(io.BytesIO(redacted(out.getvalue(), areas({"x": 0, "y": 0, "width": 1, "height": 0.5})).data))
    assert copy.size == (20, 40)
    assert copy.crop((0, 0, 20, 20)).getcolors() == [(400, (0, 0, 0))]


def test_colours_under_transparency_do_not_come_to_light():
    image = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    out = io.BytesIO()
    image.save(out, "PNG")
    copy = Image.open(io.BytesIO(redacted(out.getvalue(), areas({"x": 0.5, "width": 0.5})).data))
    assert {colour for _, colour in copy.getcolors() or []} == {(0, 0, 0), (255, 255, 255)}


def frames() -> bytes:
    out = io.BytesIO()
    some = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    some[0].save(out, "GIF", save_all=True, append_images=some[1:])
    return out.getvalue()


def bomb() -> bytes:
    out = io.BytesIO()
    Image.new("L", (9000, 9000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (lambda: b"nothing of that kind", Refusal.UNREADABLE),
        (lambda: b"%PDF-1.7\nand no more", Refusal.UNREADABLE),
        (lambda: photo("PNG")[:300], Refusal.UNREADABLE),
        (lambda: pdf(1, encryption=pikepdf.Encryption(user="x", owner="y")), Refusal.ENCRYPTED),
        (lambda: pdf(301), Refusal.TOO_MANY_PAGES),
        (bomb, Refusal.TOO_LARGE),
        (frames, Refusal.SEVERAL_FRAMES),
    ],
)
def test_hostile_files_end_in_a_stated_refusal(data: Any, why: Refusal):
    assert redacted(data(), areas()).refused is why


def test_a_page_that_is_not_there_is_named_and_a_huge_one_is_drawn_small():
    assert redacted(pdf(1), areas({"page": 2})).refused is Refusal.NO_SUCH_PAGE
    assert redacted(photo(), areas({"page": 2})).refused is Refusal.NO_SUCH_PAGE
    assert redacted(pdf(1, high=1_000_000), areas()).refused is None


def test_a_program_that_does_not_come_to_its_end_leaves_no_copy():
    assert redacted(pdf(1), areas(), seconds=0.001).refused is Refusal.FAILED


def test_an_area_is_never_smaller_than_it_was_stated():
    (one,) = areas({"x": 0.123456, "width": 0.2})
    assert (one.x, round(one.x + one.width, 6)) == (0.1234, 0.3235)
    assert one.words == "1: 0.1234 0.1000 0.2001 0.1000 witness"
    (edge,) = areas({"x": 0.7, "width": 0.3})
    assert (edge.x, edge.width) == (0.7, 0.3)
    for wrong in ({"x": 0.5, "width": 0.6}, {"width": 0}, {"x": -0.1}, {"page": 0}, {"x": float("nan")}):
        with pytest.raises(ValueError, match="validation error"):
            areas(wrong)


# --- the exhibit


def test_the_copy_is_an_exhibit_whose_custody_names_parent_tool_areas_and_reasons(team: Team):
    original = pdf()
    parent = kept(team, team.admin, original, file_name="interview.pdf", media_type="application/pdf", handling="H1")
    made = after(team, team.admin, parent, order(team, team.admin, parent))
    assert (made.stage, made.refused) == ("done", None)
    copy, data = taken(team, team.admin, made.exhibit_id)
    assert (copy.number, copy.sha256, copy.handling) == (made.number, sha256(data), "H1")
    assert (copy.file_name, copy.media_type, copy.title) == (
        "interview-redacted.pdf", "application/pdf", "Interview, redacted",
    )  # fmt: skip
    assert SECRET.encode() not in every_byte(data)
    with begins(team, team.admin)() as uow:
        said = {one.verb: one.said for one in evidence.read_acts(uow, copy.id)}["create_from"]
    assert (said["parent"], said["sha256"], said["derivation"]) == (str(parent.id), sha256(original), "redacted_copy")
    assert (said["areas"], said["tool"].split()[0]) == (["1: 0.1000 0.1000 0.7000 0.1000 witness"], "jit-server")
    assert said["version"]
    unchanged, before = taken(team, team.admin, parent.id)
    assert (before, unchanged.sha256) == (original, sha256(original))
    events = [one.event for one in custody(team, team.admin, parent.id)]
    assert "evidence:redaction_ordered" in events
    assert "custody:derived" in events


def test_the_job_done_twice_makes_one_copy(team: Team):
    parent = kept(team, team.admin, photo())
    made = order(team, team.admin, parent)
    first = after(team, team.admin, parent, made)
    assert after(team, team.admin, parent, made).exhibit_id == first.exhibit_id
    with begins(team, team.admin)() as uow:
        assert len(evidence.read_kin(uow, parent.id).children) == 1


def test_a_job_that_ended_between_declaration_and_bytes_is_done_anew(team: Team, owner_engine: Engine):
    parent = kept(team, team.admin, photo())
    made = order(team, team.admin, parent)
    with begins(team, team.admin)() as uow:
        shape = evidence.NewUpload.model_validate(
            {
                "title": "x", "legal_basis": "x", "method": "other", "collector": "x", "place": "x", "zone": "UTC",
                "collected_at": "2026-11-12T06:40:00Z", "file_name": "x", "size": 3, "client_id": uuid4().hex,
            }
        )  # fmt: skip
        upload = evidence.declare(uow, team.id, shape)
        uow.session.flush()
        uow.add(RedactionTry(workspace_id=team.id, redaction_id=made.id, upload_id=upload.id, tried_at=uow.now))
    assert after(team, team.admin, parent, made).stage == "done"
    with owner_engine.connect() as connection:
        tried = text("SELECT count(*) FROM redaction_try WHERE redaction_id = :id")
        assert connection.execute(tried, {"id": made.id}).scalar_one() == 2


def test_a_file_that_cannot_be_redacted_ends_in_a_refusal_on_the_record(team: Team):
    parent = kept(team, team.admin, b"no picture")
    ended = after(team, team.admin, parent, order(team, team.admin, parent))
    assert (ended.stage, ended.refused, ended.number) == ("refused", "unreadable", None)
    (said,) = [one for one in custody(team, team.admin, parent.id) if one.event == "evidence:redaction_refused"]
    assert (said.result, said.facts["reason"]) == ("error", "unreadable")


def test_whoever_was_removed_meanwhile_adds_nothing(team: Team):
    person = team.join("DE", Role.MEMBER)
    parent = kept(team, team.admin, photo())
    made = order(team, person, parent)
    team.remove(person)
    run(team.world.house, lambda: False, team.id, made.id)
    with begins(team, team.admin)() as uow:
        assert evidence.read_kin(uow, parent.id).children == []


def test_whoever_was_switched_off_meanwhile_adds_nothing(team: Team):
    person = team.join("DE", Role.MEMBER)
    parent = kept(team, team.admin, photo())
    made = order(team, person, parent)
    with team.world.house.work(OPERATOR) as uow:
        identity.disable(uow, person.id)
    run(team.world.house, lambda: False, team.id, made.id)
    with begins(team, team.admin)() as uow:
        assert evidence.read_kin(uow, parent.id).children == []


def test_nobody_orders_a_copy_of_what_they_may_not_take(team: Team):
    parent = kept(team, team.admin, photo(), handling="H2")
    with pytest.raises(NotPermitted):
        order(team, team.leaders["FR"], parent)
    for who in (team.join("DE", Role.AUDITOR), team.world.person("NL")):
        with pytest.raises(NotFound):
            order(team, who, parent)
    new = NewRedaction.model_validate({"title": "x", "areas": [HIDDEN]})
    with pytest.raises(PurposeRequired), begins(team, team.admin, None)() as uow:
        evidence.order_redaction(uow, parent.id, new)
    with pytest.raises(Invalid):
        order(team, team.admin, exhibit(team, team.admin, photo()))
    with pytest.raises(TooLarge):
        order(team, team.admin, kept(team, team.admin, bytes(LARGEST + 1)))


def test_another_ones_order_is_nobodys_business(team: Team):
    parent = kept(team, team.admin, photo())
    order(team, team.admin, parent)
    with begins(team, team.leaders["FR"])() as uow:
        assert evidence.my_redactions(uow, parent.id) == []


def test_nobody_passes_their_own_copy_off_as_the_servers(team: Team):
    parent = kept(team, team.admin, photo())
    made = order(team, team.admin, parent)
    claimed = {"parent": str(parent.id), "kind": "redacted_copy", "tool": "jit-server redaction (PDFium, Pillow)"}
    forged = exhibit(team, team.admin, b"forged", client_id=made.id.hex, derived_from=claimed)
    with begins(team, team.admin)() as uow:
        said = {one.verb: one.said for one in evidence.read_acts(uow, forged.id)}["create_from"]
    assert "areas" not in said
    assert after(team, team.admin, parent, made).exhibit_id != forged.id


def test_a_package_tells_what_was_blacked_out_and_why_and_holds_offline(team: Team, tmp_path: Path):
    parent = kept(team, team.admin, photo())
    made = after(team, team.admin, parent, order(team, team.admin, parent))
    copy, _ = taken(team, team.admin, made.exhibit_id)
    based(team, team.admin, copy)
    whole = packed(team, team.admin, copy)
    done, package = judged(whole, tmp_path), opened(whole)
    assert done.stdout.splitlines()[-1] == "VERIFIED"
    (line,) = [json.loads(one) for one in package.read("exhibits.jsonl").splitlines()]
    assert line["derived_from"]["sha256"] == parent.sha256
    assert any("0.7000 0.1000 witness" in one["value"] for one in line["statements"])


def test_the_form_takes_hundredths_and_keeps_what_was_typed(app: Flask, house: House, team: Team):
    parent = kept(team, team.admin, pdf(1), file_name="a.pdf")
    here, address = browser(app, house, team.admin), f"/w/{team.id}/evidence/{parent.number}"
    assert f"{address}/redact" in here.get(address).text
    page = here.get(f"{address}/redact")
    assert all(f'value="{ground}"' in page.text for ground in Ground)
    sent: dict[str, Any] = {
        "csrf": token(page.text), "title": "Copy <1>", "page": ["1", "1"], "x": ["10", ""], "y": ["12,5", ""],
        "width": ["80", ""], "height": ["5", ""], "reason": ["source", "source"],
    }  # fmt: skip
    for wrong in (
        {"x": ["ten", ""]},
        {"width": ["95", ""]},
        {"x": ["", ""], "y": ["", ""], "width": [""], "height": [""]},
    ):
        again = here.post(f"{address}/redact", data=sent | wrong)
        assert again.status_code == 422
        assert "Copy &lt;1&gt;" in again.text
    assert here.post(f"{address}/redact", data=sent).status_code == 303
    (ordered,) = here.get(f"/api/v1/evidence/{parent.id}/redactions").json["items"]
    assert ordered["areas"] == [{"page": 1, "x": 0.1, "y": 0.125, "width": 0.8, "height": 0.05, "reason": "source"}]
    assert "is being made" in here.get(address).text


def test_the_api_takes_parts_of_the_page(app: Flask, house: House, team: Team):
    parent = kept(team, team.admin, pdf(1))
    here = browser(app, house, team.admin)
    made = here.post(
        f"/api/v1/evidence/{parent.id}/redactions", json={"title": "Copy", "areas": [HIDDEN]},
        headers={"X-CSRF-Token": token(here.get(f"/w/{team.id}/evidence").text)},
    )  # fmt: skip
    assert made.status_code == 201, made.text
    assert made.json["stage"] == "waiting"
    with pytest.raises((Conflict, Invalid)):
        order(team, team.admin, exhibit(team, team.admin, b"unread"))
