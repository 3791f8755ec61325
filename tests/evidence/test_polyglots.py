"""Hostile files in a real browser (PROOFS C3): no script of theirs runs in our origin, nothing of them is rendered."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, sync_playwright

from jit_server.work import House
from tests.builders import Team, World, sign_in
from tests.engines.server import Server
from tests.evidence.builders import exhibit

pytestmark = pytest.mark.browser
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SCRIPT = b"document.title='pwned';alert(1);fetch('/api/v1/me').then(r=>r.text()).then(t=>{location='/pwned?'+t})"
TAG = b"<script>" + SCRIPT + b"</script>"
HTML = b"<!doctype html>" + TAG + b"<img src=x onerror=alert(1)><h1 id=rendered>here</h1>"
XHTML, SVG = (b'xmlns="http://www.w3.org/' + tail + b'"' for tail in (b"1999/xhtml", b"2000/svg"))
MIME = b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
ENTITY = b'<?xml-stylesheet href="javascript:alert(1)"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
ACTION = b"\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n%%EOF"
POLYGLOTS = {
    "page.html": ("text/html", HTML),
    "page.xhtml": ("application/xhtml+xml", b"<html " + XHTML + b">" + TAG + b"</html>"),
    "image.svg": ("image/svg+xml", b"<svg " + SVG + b' onload="alert(1)">' + TAG + b"</svg>"),
    "pdf-html.pdf": ("application/pdf", b"%PDF-1.7\n" + HTML + ACTION),
    "html-gif.gif": ("image/gif", b"GIF89a/*" + HTML + b"*/=1;" + SCRIPT),
    "gif-js.js": ("text/javascript", b"GIF89a=1;" + SCRIPT),
    "archive.mhtml": ("multipart/related", MIME + HTML),
    "xxe.xml": ("text/xml", b'<?xml version="1.0"?>' + ENTITY + b"<x>&e;<s " + XHTML + b">" + TAG + b"</s></x>"),
    "style.css": ("text/css", b"*{background:url(javascript:alert(1))}" + HTML),
    "noext": ("application/octet-stream", HTML),
    "word.htm.jpg": ("image/jpeg", b"\xff\xd8\xff\xe0" + HTML),
    "flash.swf": ("application/x-shockwave-flash", b"FWS\x05" + HTML),
}


@pytest.fixture(scope="module")
def team(world: World) -> Team:
    return world.workspace()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: Browser, server: Server, house: House, team: Team) -> Iterator[BrowserContext]:
    context = chromium.new_context(accept_downloads=True)
    cookie = {"name": house.settings.cookie, "value": sign_in(house, team.admin), "url": server.url}
    context.add_cookies([cookie])
    yield context
    context.close()


@pytest.mark.parametrize("name", POLYGLOTS)
def test_opened_directly_it_is_saved_and_nothing_of_it_runs(
    window: BrowserContext, server: Server, team: Team, name: str, tmp_path: Path
):
    kind, content = POLYGLOTS[name]
    item = exhibit(team, team.admin, content, file_name=name, media_type=kind)
    page, dialogs = window.new_page(), []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{server.url}/w/{team.id}/evidence/{item.number}")
    here, title = page.url, page.title()
    with page.expect_download() as saved, pytest.raises(Error, match="Download is starting"):
        page.goto(f"{server.url}/api/v1/evidence/{item.id}/content")
    saved.value.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == content
    assert (page.url, page.title(), dialogs) == (here, title, [])


@pytest.mark.parametrize("name", POLYGLOTS)
def test_drawn_into_one_of_our_pages_it_neither_runs_nor_shows(
    window: BrowserContext, server: Server, team: Team, name: str
):
    kind, content = POLYGLOTS[name]
    item = exhibit(team, team.admin, content, file_name=name, media_type=kind)
    page, dialogs = window.new_page(), []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    bare = "<!doctype html><title>bare</title>"  # a page of our origin without the policy that would stop it first
    page.route("**/bare", lambda route: route.fulfill(body=bare, content_type="text/html"))
    page.goto(f"{server.url}/bare")
    title = page.title()
    outcome = page.evaluate(
        """async (address) => {
            const made = (tag, name) => new Promise((done) => {
                const element = document.createElement(tag);
                element.onload = () => done(`${tag} loaded`);
                element.onerror = () => done(`${tag} failed`);
                setTimeout(() => done(`${tag} nothing`), 300);
                element[name] = address;
                document.documentElement.append(element);
            });
            const frames = [made('iframe', 'src'), made('object', 'data'), made('embed', 'src'), made('script', 'src')];
            return Promise.all(frames);
        }""",
        f"{server.url}/api/v1/evidence/{item.id}/content",
    )
    assert len(outcome) == 4
    assert page.locator("#rendered").count() == 0
    assert [frame.locator("#rendered").count() for frame in page.frames] == [0] * len(page.frames)
    assert "pwned" not in page.url
    assert (page.title(), dialogs) == (title, [])


def test_links_to_an_exhibit_ask_for_a_download_and_never_for_a_window(
    window: BrowserContext, server: Server, team: Team
):
    kind, content = POLYGLOTS["page.html"]
    item = exhibit(team, team.admin, content, file_name="page.html", media_type=kind)
    page = window.new_page()
    page.goto(f"{server.url}/w/{team.id}/evidence/{item.number}")
    links = page.locator("a[href$='/content'], a[href$='/bundle']")
    assert links.count() == 2
    assert all("download" in link.evaluate("(one) => one.getAttributeNames()") for link in links.all())
