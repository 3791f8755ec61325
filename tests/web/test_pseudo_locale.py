"""Every phrase of every page goes through gettext: in a made-up language nothing may be left that still reads English.

The made-up language (en-XA) wears accents, is 40 % longer and stands in brackets. What stands outside of brackets must
be what the specimens brought (names, texts), a number, a date or State by CLDR, or a code that no language changes.
"""

import html
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask import Flask, g, render_template
from flask_babel import Babel
from jinja2 import ChoiceLoader, FileSystemLoader

import hatch_build
from jit_server.web import assets, display
from tests.web.specimens import SPECIMENS

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("web", "identity", "workspaces", "consents", "messaging", "evidence")
BLANK = re.compile(r"(%\(\w+\)[sd]|\{\})")
BRACKETED = re.compile(r"⟦[^⟦⟧]*⟧")
ACCENTS = str.maketrans("aceinorsuyACEINORSUY", "åçéîñöŕšûýÅÇÉÎÑÖŔŠÛÝ")
SILENT = {"script", "style", "svg", "code", "kbd", "pre", "time", "abbr"}
VOID = {"meta", "link", "input", "br", "hr", "img", "use", "wbr", "path"}
SPOKEN = ("aria-label", "title", "placeholder", "alt", "data-none")
WORD = re.compile(r"[^\W\d_]{2,}")
DATE = re.compile(r"\b[A-Z][a-z]{2,8} \d{1,2}, \d{4}\b")
BARE = re.compile(r"[a-z_]+(:[a-z_]+)?")
CODES = {"JIT", "UTC", "KiB", "MiB", "GiB", "TiB", "POST", "openapi", "json"}
"""The product's name, units, a method and a file: no language says them otherwise."""


def pseudo(phrase: str) -> str:
    """The phrase in en-XA; blanks stay as they are."""
    parts = BLANK.split(phrase)
    words = "".join(part if BLANK.fullmatch(part) else part.translate(ACCENTS) for part in parts)
    return f"⟦{words}{'·' * -(-len(phrase) * 2 // 5)}⟧"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory) -> Flask:
    """The pages with the made-up catalogue in place of a real one."""
    catalogue = Catalog(locale="en")
    for phrase in hatch_build.messages():
        both = isinstance(phrase, tuple)
        catalogue.add(phrase, tuple(map(pseudo, phrase)) if both else pseudo(phrase))
    folder = tmp_path_factory.mktemp("words")
    (folder / "en" / "LC_MESSAGES").mkdir(parents=True)
    with (folder / "en" / "LC_MESSAGES" / "messages.mo").open("wb") as target:
        write_mo(target, catalogue)
    app = Flask(__name__, static_folder=None)
    app.jinja_loader = ChoiceLoader([FileSystemLoader(ROOT / "jit_server" / room / "templates") for room in ROOMS])
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    Babel(app, locale_selector=lambda: "en", default_translation_directories=str(folder))
    assets.install(app)
    display.install(app)
    return app


class Reader(HTMLParser):
    """What a page says to eyes and ears: its text and its spoken attributes, each with the tag it stands in."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, bool]] = []
        self.said: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        for name in SPOKEN:
            if known.get(name):
                self.said.append((f"{tag}[{name}]", known[name]))
        if "words" in known:
            for key, words in json.loads(known["words"]).items():  # a set of words may hold another
                self.said += [
                    (f"{tag}[words].{key}", one) for one in (words.values() if type(words) is dict else [words])
                ]
        if tag not in VOID:
            self.open.append((tag, tag in SILENT or known.get("translate") == "no"))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not any(silent for _, silent in self.open):
            self.said.append((self.open[-1][0] if self.open else "", data))


def brought(values: object) -> Iterator[str]:
    """Every text that a specimen hands to its page; a bare code (a role, a phase, an action) has words of its own."""
    if isinstance(values, dict):
        for value in values.values():
            yield from brought(value)
    elif isinstance(values, (list, tuple, set)):
        for value in values:
            yield from brought(value)
    elif isinstance(values, str) and not BARE.fullmatch(values):
        yield from (html.unescape(part).strip() for part in re.split(r"<[^>]+>", values) if part.strip())


def said_by(app: Flask, name: str) -> tuple[list[tuple[str, str]], list[str]]:
    """What the specimen's page says, and the texts that it was handed, the longest first."""
    template, values = SPECIMENS[name]
    with app.test_request_context("/"):
        g.nonce = "nonce"
        page = render_template(template, **values)
        handed = set(brought(values)) | {display.zone_name()}
        handed |= {display.state_name(text) for text in handed if text.isupper()}
    reader = Reader()
    reader.feed(page)
    return reader.said, sorted(handed, key=len, reverse=True)


def left_over(text: str, handed: list[str] = []) -> list[str]:  # noqa: B006  (read only)
    """The words outside of all brackets, but for what was handed in; brackets inside brackets go first."""
    while (without := BRACKETED.sub(" ", text)) != text:
        text = without
    for known in handed:
        text = text.replace(known, " ")
    return [word for word in WORD.findall(DATE.sub(" ", text)) if word not in CODES]


@pytest.mark.parametrize("name", SPECIMENS)
def test_no_word_of_a_page_is_beyond_translation(name, gallery):
    said, handed = said_by(gallery, name)
    assert any("⟦" in text for _, text in said)
    hard = [(where, text.strip()) for where, text in said if left_over(text, handed)]
    assert hard == []


def test_a_word_outside_of_gettext_is_found(gallery):
    """The test above can fail."""
    reader = Reader()
    reader.feed(f'<p title="hard">{pseudo("Soft %(n)s")} <b>Hard</b> <code>Code</code> {pseudo("in")}</p>')
    assert [(where, left_over(text)) for where, text in reader.said if left_over(text)] == [
        ("p[title]", ["hard"]),
        ("b", ["Hard"]),
    ]


def test_every_template_has_a_specimen():
    seen = {template for template, _ in SPECIMENS.values()}
    pages = {
        str(path.relative_to(ROOT / "jit_server" / room / "templates"))
        for room in ROOMS
        for path in (ROOT / "jit_server" / room / "templates").rglob("*.html")
        if "{%- extends" in path.read_text("utf-8")  # the others are parts, seen on the pages that take them in
    }
    assert len(pages) > 40
    assert pages - seen <= {"agency/frame.html"}  # the frame that the agency's pages extend


def test_the_made_up_language_is_longer_and_keeps_the_blanks():
    assert pseudo("%(n)s of {} days") == "⟦%(n)s öf {} dåýš·······⟧"
    for phrase in hatch_build.messages():
        one = phrase[0] if isinstance(phrase, tuple) else phrase
        assert len(pseudo(one)) >= 1.4 * len(one)
        assert BLANK.findall(pseudo(one)) == BLANK.findall(one)
