"""Hostile file names are data (PROOFS C2): shown harmless, offered safely, never a path."""

import unicodedata
from urllib.parse import unquote
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug.http import parse_options_header

from jit_server.evidence import names
from jit_server.work import House
from tests.builders import Team, World, browser
from tests.evidence.builders import stated

WORDS = ("report", "بلاغ", "отчёт", "报告", "rapport été", "Straße", "🚔 video", "mañana", "Ω", "naïve")
HOSTILE = [
    "../../etc/passwd", "..\\..\\windows\\system32\\x.dll", "/etc/shadow", "C:\\x", "\\\\host\\share\\x",
    "file:///etc/passwd",
    "a\0b.txt", "\0", "a\r\nSet-Cookie: x=1", "a\nb", "\t", "a\x1b[31mred", "\x7f.txt",
    "\u202egnp.exe", "abc\u202e\u2066fdp\u2069.exe", "\u200b\u200bhidden", "zero\u200dwidth", "\ufeffbom.txt",
    "\u2028line", "\u2029par",
    "caf\u00e9.txt", "cafe\u0301.txt", "\u212b.txt", "A\u030a.txt", "ﬁle.txt", "\ud800.txt", "a\udfffb",
    '";filename=evil.html', '";filename="x', "'; DROP TABLE evidence_item; --", "a;b=c", 'a"b', 'a\\"b', "a'b",
    "UTF-8''evil", "x*=UTF-8''y", "=?utf-8?B?ZXZpbA==?=", "%2e%2e%2fetc%2fpasswd", "%00", "a%0d%0ab",
    "CON", "NUL.txt", "aux", "COM1", "LPT9.pdf", ".htaccess", ".", "..", "...", " ", "   x   ", "x.", "x .",
    "-rf", "--help",
    "<script>alert(1)</script>.svg",
    "<img src=x onerror=alert(1)>", "javascript:alert(1)", "{{7*7}}", "${7*7}", "#{7*7}",
    "%s%n%x",
    "x" * 255, "🚔" * 255, "x" * 256, "x" * 5000, "é" * 5000, "",
    "a|b", "a>b", "a<b", "a?b", "a*b", "a:b", "`id`", "$(id)", "&& id", "; id", "a\u0000\u0000", "\u0301alone",
    "x.tar.gz", "no extension", "UPPER.PDF", "1", "0", "null", "undefined", "true", "NaN",
    "\uffff", "\U0010ffff", "\U000e0001tag",
    *WORDS,
]  # fmt: skip


def test_there_are_a_hundred_of_them():
    assert len(set(HOSTILE)) >= 100


def seen(text: str) -> bool:
    return not any(unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for letter in text)


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:40])
def test_what_is_shown_hides_and_reorders_nothing(name: str):
    assert seen(names.shown(name))
    assert names.shown(name)


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:40])
def test_the_header_is_one_line_and_offers_no_path(name: str):
    header = names.disposition(name)
    assert header.isascii()
    assert header.isprintable()
    plain = header.partition("; filename*=")[0]
    assert parse_options_header(plain)[0] == "attachment"
    offered = unquote(header.rpartition("''")[2])
    for proposal in (offered, parse_options_header(plain)[1]["filename"]):
        assert not set(proposal) & set('/\\:"\0\r\n')
        assert proposal.strip(" .") == proposal
        assert proposal
    assert header.count(";") == 2
    assert parse_options_header(header)[1].keys() == {"filename"}


def test_a_name_keeps_its_letters():
    assert names.shown("rapport été.pdf") == "rapport été.pdf"
    assert unquote(names.disposition("报告 1.pdf").rpartition("''")[2]) == "报告 1.pdf"


def test_twins_of_composed_and_decomposed_letters_are_one_name():
    assert names.storable("cafe\u0301") == names.storable("caf\u00e9") == "caf\u00e9"


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:40])
def test_over_http_a_name_is_taken_as_data_or_refused_with_the_field_named(
    app: Flask, house: House, team: Team, name: str
):
    with browser(app, house, team.admin) as client:
        declared = client.post(f"/api/v1/workspaces/{team.id}/uploads", json=stated(1, file_name=name))
        if declared.status_code == 422:
            assert not 1 <= len(name) <= names.LIMIT
            assert declared.json["errors"][0]["field"] == "file_name"
            return
        assert declared.status_code == 201, declared.json
        sent = client.put(f"/api/v1/uploads/{declared.json['id']}", data=b"x", content_type="application/octet-stream")
        assert sent.status_code == 201, sent.json
        taken = client.get(f"/api/v1/evidence/{sent.json['id']}/content")
        assert taken.data == b"x"
        assert taken.headers["Content-Disposition"] == names.disposition(names.storable(name))
        page = client.get(f"/w/{team.id}/evidence/{sent.json['number']}")
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text


def test_nothing_named_by_a_stranger_is_in_the_vault(house: House, team: Team):
    for path in (house.settings.data / "vault" / "objects" / str(team.id)).rglob("*"):
        assert len(path.name) in {32, 36, 37}, path
    assert not (house.settings.data / "vault" / "objects" / str(uuid4())).exists()
