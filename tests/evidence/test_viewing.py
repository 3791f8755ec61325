"""The viewer: what an exhibit holds is seen on a page of ours, by whoever may take it; each look is on the record."""

import io
import os
import re
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from werkzeug.test import TestResponse

from jit_server import evidence
from jit_server.access import SYSTEM, Handling
from jit_server.core.errors import NotFound, NotPermitted, PurposeRequired
from jit_server.evidence import EvidenceItem
from jit_server.evidence.malware.models import MalwareCheck, Verdict
from jit_server.evidence.nature.models import EvidenceNature
from jit_server.evidence.usecases.recognising import recognise
from jit_server.evidence.viewing.kinds import played_as
from jit_server.evidence.viewing.text import LONGEST, stretch
from jit_server.work import House
from tests.builders import Team, Who, World, browser
from tests.evidence.builders import begins, custody, exhibit, kept
from tests.evidence.media import branded, film, head, ogg, sound
from tests.evidence.test_redactions import pdf, photo

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script></svg>'


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace(default_handling=Handling.H0)


def looked_at(team: Team, content: bytes, **changes: Any) -> EvidenceItem:
    item = kept(team, team.admin, content, **changes)
    recognise(team.world.house, lambda: False, team.id, item.id)
    return item


def view(app: Flask, team: Team, who: Who, item: EvidenceItem, **query: Any) -> TestResponse:
    return browser(app, team.world.house, who).get(f"/w/{team.id}/evidence/{item.number}/view", query_string=query)


def looks(team: Team, item: EvidenceItem) -> list[dict[str, Any]]:
    return [dict(one.facts) for one in custody(team, team.admin, item.id) if one.event == "evidence:streamed"]


def test_a_page_of_a_pdf_is_pixels_in_the_page_with_a_way_on_and_back(app: Flask, team: Team):
    item = looked_at(team, pdf(3))
    answered = view(app, team, team.admin, item, page=2)
    assert answered.status_code == 200
    assert "Page 2 of 3" in answered.text
    assert 'src="data:image/png;base64,' in answered.text
    assert "view?page=1" in answered.text
    assert "view?page=3" in answered.text
    assert [one["page"] for one in looks(team, item)] == [2]
    assert view(app, team, team.admin, item, page=4).status_code == 404


def test_an_image_is_drawn_anew_and_no_byte_of_the_file_itself_is_in_the_page(app: Flask, team: Team):
    answered = view(app, team, team.admin, looked_at(team, photo()))
    assert 'src="data:image/png;base64,' in answered.text
    assert "Page 1 of 1" in answered.text


def test_only_the_viewers_page_shows_pictures_that_lie_in_it_and_plays(app: Flask, team: Team):
    item = looked_at(team, photo())
    here = view(app, team, team.admin, item).headers["Content-Security-Policy"]
    assert "img-src 'self' blob: data:; media-src 'self';" in here
    assert "default-src 'none'" in here
    other = browser(app, team.world.house, team.admin).get(f"/w/{team.id}/evidence/{item.number}")
    assert "data:" not in other.headers["Content-Security-Policy"]


def test_text_is_written_out_and_nothing_of_it_is_markup(app: Flask, team: Team):
    item = looked_at(team, SVG, file_name="picture.svg", media_type="image/svg+xml")
    answered = view(app, team, team.admin, item)
    assert "&lt;script&gt;alert(2)&lt;/script&gt;" in answered.text
    assert '<svg xmlns="http://www.w3.org/2000/svg" onload' not in answered.text
    assert answered.mimetype == "text/html"
    assert looks(team, item) == [{"sha256": item.sha256, "size": item.size, "first": 0, "last": item.size - 1}]


def test_a_long_text_is_shown_stretch_by_stretch_and_no_letter_is_lost_between_them(team: Team):
    written = "äöü€😀\n" * 20_000
    item = looked_at(team, written.encode())
    found, place = "", 0
    while place < item.size:
        part = evidence.read_text(begins(team, team.admin), item.id, place, None)
        assert part.first == place
        assert part.end - part.first <= LONGEST
        found, place = found + part.text, part.end
    assert found == written


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "cp1252"])
def test_the_part_before_ends_where_this_one_begins_and_no_letter_is_lost(team: Team, encoding: Any):
    letters = "ab" if encoding == "cp1252" else "äöü€😀"
    written = "x" + f"{letters}\n" * 20_000
    item = looked_at(team, written.encode(encoding))
    place, found = 0, ""
    with_end = []
    while place < item.size:
        part = evidence.read_text(begins(team, team.admin), item.id, place, encoding)
        with_end, place = [part], part.end
    while with_end[0].before is not None:
        found = with_end[0].text + found
        before = evidence.read_text(begins(team, team.admin), item.id, with_end[0].before, encoding)
        assert before.end == with_end[0].first or before.first == 0
        with_end.insert(0, before)
    assert written.startswith(with_end[0].text)
    assert written.endswith(found)
    assert len(with_end[0].text) + len(found) >= len(written)


@pytest.mark.parametrize(
    ("content", "encoding", "text"),
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("\ufeffGrüße".encode(), "utf-8", "Grüße"),
        (b"\xff\xfe" + "سلام".encode("utf-16-le"), "utf-16-le", "سلام"),
        (b"\xfe\xff" + "Grüße".encode("utf-16-be"), "utf-16-be", "Grüße"),
        ("Grüße".encode("cp1252"), "cp1252", "Grüße"),
        (b"pay \xe2\x80\xae001", "utf-8", "pay [U+202E]001"),
        (b"one\x1b[2Jtwo", "utf-8", "one[U+001B][2Jtwo"),
        ("a\u061cb\u00adc\u2028d".encode(), "utf-8", "a[U+061C]b[U+00AD]c[U+2028]d"),
        ("x\u3164y\ufe0fz\U000e0041".encode(), "utf-8", "x[U+3164]y[U+FE0F]z[U+E0041]"),
    ],
)
def test_text_is_read_as_what_its_first_bytes_say_and_what_hides_is_seen(content: bytes, encoding: str, text: str):
    found = stretch(content, 0, len(content))
    assert (found.encoding, found.text, found.end) == (encoding, text, len(content))


def test_bytes_that_are_no_text_are_not_written_out(app: Flask, team: Team):
    item = looked_at(team, os.urandom(4096), file_name="notes.txt")
    answered = view(app, team, team.admin, item)
    assert "This kind of content is not shown here." in answered.text
    assert "<pre" not in answered.text


def test_sound_is_played_under_a_type_of_ours_and_in_parts(app: Flask, team: Team):
    content = sound()
    item = looked_at(team, content, file_name="call.html", media_type="text/html")
    assert (
        f'<audio controls preload="metadata" src="/api/v1/evidence/{item.id}/media">'
        in view(app, team, team.admin, item).text
    )
    client = browser(app, team.world.house, team.admin)
    whole = client.get(f"/api/v1/evidence/{item.id}/media")
    assert (whole.status_code, whole.mimetype, whole.data) == (200, "audio/wav", content)
    part = client.get(f"/api/v1/evidence/{item.id}/media", headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.data) == (206, content[100:300])
    assert part.headers["Content-Disposition"] == "inline"
    assert part.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in part.headers["Content-Security-Policy"]
    assert [(one["first"], one["last"]) for one in looks(team, item)] == [(100, 299)]


FILMS = {
    "WebM": (film(1), "video/webm"),
    "WebM of sound": (head("webm") + b"\x86\x86A_OPUS", "audio/webm"),
    "Matroska": (head("matroska") + b"\x86\x85V_VP8", None),
    "MP4": (branded("isom", "iso2", "avc1", "mp41"), "video/mp4"),
    "MP4 of a phone": (branded("mp42", "isom"), "video/mp4"),
    "MP4 in fragments": (branded("iso5", "dash"), "video/mp4"),
    "MP4 of sound": (branded("M4A", "mp42", "isom"), "audio/mp4"),
    "QuickTime": (branded("qt"), "video/mp4"),
    "3GP": (branded("3gp4", "isom"), "video/mp4"),
    "photo of a phone": (branded("heic", "mif1"), None),
    "AVIF": (branded("mif1", "avif"), None),
    "Ogg of film": (ogg(b"\x80theora" + bytes(30)), "video/ogg"),
    "Ogg of speech": (ogg(b"OpusHead" + bytes(11)), "audio/ogg"),
    "AVI": (b"RIFF\0\1\0\0AVI LIST" + bytes(64), None),
    "cut off in its head": (branded("isom")[:10], "video/mp4"),
}


@pytest.mark.parametrize("name", FILMS)
def test_containers_of_film_are_told_by_what_they_hold_and_not_by_their_names(team: Team, name: str):
    content, played = FILMS[name]
    item = looked_at(team, content, file_name="notes.txt", media_type="text/plain")
    with team.world.work(SYSTEM) as uow:
        nature = uow.find(EvidenceNature, item_id=item.id)
    assert played_as(nature) == played


@pytest.mark.parametrize("content", [SVG, b"<html><script>alert(1)</script></html>", photo(), pdf(1)])
def test_nothing_but_sound_and_film_is_given_to_the_player(app: Flask, team: Team, content: bytes):
    item = looked_at(team, content, file_name="film.mp4", media_type="video/mp4")
    answered = browser(app, team.world.house, team.admin).get(f"/api/v1/evidence/{item.id}/media")
    assert (answered.status_code, answered.mimetype) == (409, "application/problem+json")


def test_who_may_not_take_it_sees_nothing_of_it_and_outsiders_learn_nothing(app: Flask, team: Team):
    item = looked_at(team, photo(), handling="H2")
    partner, outsider = team.leaders["FR"], team.world.person("NL")
    assert view(app, team, partner, item).status_code == 403
    hidden = [view(app, team, outsider, item).text, view(app, team, outsider, exhibit(team, team.admin)).text]
    assert len({re.sub(r'nonce="[^"]*"|DE-\d+', "", one) for one in hidden}) == 1
    for who, refusal in ((partner, NotPermitted), (outsider, NotFound)):
        with pytest.raises(refusal):
            evidence.read_text(begins(team, who), item.id, 0, None)
    with pytest.raises(PurposeRequired):
        evidence.read_text(begins(team, team.admin, None), item.id, 0, None)


def test_a_restricted_exhibit_is_shown_once_a_purpose_is_said(app: Flask, team: Team):
    item = looked_at(team, photo(), handling="H2")
    client = browser(app, team.world.house, team.admin)
    address = f"/w/{team.id}/evidence/{item.number}"
    asked = client.get(f"{address}/view", follow_redirects=True)
    assert "Say why you need it" in asked.text
    token = re.search(r'name="csrf" value="([^"]+)"', asked.text)
    assert token
    said = {"csrf": token[1], "next": "view", "code": "prosecution", "text": "The indictment"}
    led = client.post(f"{address}/purpose", data=said)
    assert led.headers["Location"].endswith("/view")
    assert 'src="data:image/png' in client.get(led.headers["Location"]).text
    (look,) = [one for one in custody(team, team.admin, item.id) if one.event == "evidence:streamed"]
    assert look.why is not None


def test_the_next_page_is_refused_to_who_was_removed_meanwhile(app: Flask, team: Team):
    who = team.join("DE")
    item = looked_at(team, pdf(2))
    client = browser(app, team.world.house, who)
    assert client.get(f"/w/{team.id}/evidence/{item.number}/view").status_code == 200
    team.remove(who)
    assert client.get(f"/w/{team.id}/evidence/{item.number}/view?page=2").status_code == 404
    assert client.get(f"/api/v1/evidence/{item.id}/media").status_code == 404


def test_a_picture_that_cannot_be_drawn_is_said_to_be_so_and_can_be_downloaded(app: Flask, team: Team):
    item = looked_at(team, photo()[:300])
    answered = view(app, team, team.admin, item)
    assert answered.status_code == 200
    assert "cannot be read" in answered.text or "could not be made" in answered.text
    assert f"/w/{team.id}/evidence/{item.number}/content" in answered.text


def infected(team: Team, item: EvidenceItem) -> None:
    with team.world.work(SYSTEM) as uow:
        uow.add(
            MalwareCheck(
                workspace_id=team.id, item_id=item.id, verdict=Verdict.INFECTED, signature="Jit.Test", engine="test",
                checked_at=uow.now,
            )
        )  # fmt: skip


@pytest.mark.parametrize("content", [photo(), b"plain words", sound()], ids=["image", "text", "sound"])
def test_an_exhibit_with_malware_is_not_shown(app: Flask, team: Team, content: bytes):
    item = looked_at(team, content)
    infected(team, item)
    answered = view(app, team, team.admin, item)
    assert "Malware was found in it: it is not shown here." in answered.text
    assert not any(sign in answered.text for sign in ("data:image", "<pre", "<audio", "<video"))
    assert browser(app, team.world.house, team.admin).get(f"/api/v1/evidence/{item.id}/media").status_code == 409
    assert looks(team, item) == []


def test_a_picture_of_a_thousand_million_points_is_refused_in_words(app: Flask, team: Team):
    out = io.BytesIO()
    Image.new("1", (32_000, 32_000)).save(out, "PNG")
    answered = view(app, team, team.admin, looked_at(team, out.getvalue()))
    assert answered.status_code == 200
    assert "too large" in answered.text


def test_what_the_server_has_not_looked_at_yet_is_text_or_waits(app: Flask, team: Team, house: House):
    assert house
    assert "<pre" in view(app, team, team.admin, kept(team, team.admin, b"plain words")).text
    waits = view(app, team, team.admin, kept(team, team.admin, photo()))
    assert "The server has not looked at it yet" in waits.text
