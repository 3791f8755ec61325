"""Every page in a real browser under the real content policy: accessible, silent, and no wider than a phone."""

import json
import secrets
import threading
from collections.abc import Iterator

import pytest
from flask import Flask, Response, g, make_response, render_template, request
from flask_babel import Babel
from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, sync_playwright
from werkzeug.serving import make_server

from jit_server.web import assets, display, headers
from tests.engines import axe
from tests.web.specimens import SPECIMENS
from tests.web.test_assets import ROOT

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
ROOMS = ("web", "identity", "workspaces", "consents", "messaging", "evidence")
PHONE = {"width": 360, "height": 780}
DESK = {"width": 1280, "height": 800}
LOOKS = {
    "light": ("en", {"color_scheme": "light", "viewport": DESK}),
    "dark": ("fr", {"color_scheme": "dark", "viewport": DESK}),
    "right-to-left": ("ar", {"color_scheme": "light", "viewport": DESK}),
    "phone": ("de", {"color_scheme": "dark", "viewport": PHONE}),
}
NO_SOCKET = "WebSocket connection to"  # specimens have no live line behind them, nor an API


class Gallery:
    """The pages on a loopback port, with the policy that the product sends, and what browsers reported about it."""

    def __init__(self) -> None:
        self.reports: list[dict] = []
        app = Flask(__name__, static_folder=None)
        app.jinja_loader = ChoiceLoader([FileSystemLoader(ROOT / "jit_server" / room / "templates") for room in ROOMS])
        app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
        words = str(ROOT / "jit_server" / "web" / "translations")
        Babel(
            app,
            locale_selector=lambda: request.args.get("lang", "en"),
            timezone_selector=lambda: "Europe/Berlin",
            default_translation_directories=words,
        )
        assets.install(app)
        display.install(app)
        headers.install(app, secure=False)
        app.add_url_rule("/specimen/<name>", view_func=self.specimen, endpoint="specimen")
        app.add_url_rule(f"{assets.URL}/<file>", view_func=assets.respond, endpoint="asset")
        app.add_url_rule("/csp-report", view_func=self.report, endpoint="report", methods=["POST"])
        self.server = make_server("127.0.0.1", 0, app, threaded=True)
        self.app, self.url = app, f"http://127.0.0.1:{self.server.server_port}"

    def specimen(self, name: str) -> Response:
        template, values = SPECIMENS[name]
        response = make_response(render_template(template, **values))
        if template == "evidence/view.html":
            response.headers["Content-Security-Policy"] = headers.policy(images="data:", media="'self'")
        return response

    def report(self) -> tuple[str, int]:
        self.reports.append(json.loads(request.get_data()))
        return "", 204


@pytest.fixture(scope="module")
def gallery() -> Iterator[Gallery]:
    made = Gallery()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module", params=sorted(LOOKS))
def context(request: pytest.FixtureRequest, browser: Browser) -> Iterator[tuple[str, Page]]:
    """A browser of one look with one page, and the language that goes with it."""
    language, chosen = LOOKS[request.param]
    with browser.new_context(reduced_motion="reduce", **chosen) as opened:
        yield language, axe.given_to(opened).new_page()


@pytest.fixture
def look(context: tuple[str, Page]) -> Iterator[tuple[str, Page, list[str]]]:
    """The page, for the next document, and what that document complains about."""
    language, page = context
    errors: list[str] = []

    def heard(line: ConsoleMessage) -> None:
        if line.type == "error":
            errors.append(line.text)

    def failed(error: Error) -> None:
        errors.append(str(error))

    page.on("console", heard)
    page.on("pageerror", failed)
    yield language, page, errors
    page.remove_listener("console", heard)
    page.remove_listener("pageerror", failed)


@pytest.mark.browser
@pytest.mark.parametrize("name", SPECIMENS)
def test_a_page_is_accessible_keeps_the_policy_and_fits(name, look, gallery):
    language, page, errors = look
    gallery.reports.clear()
    assert page.goto(f"{gallery.url}/specimen/{name}?lang={language}").status == 200
    page.locator("h1, .empty").first.wait_for()
    assert axe.violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert gallery.reports == []
    assert [line for line in errors if NO_SOCKET not in line and "404" not in line] == []


@pytest.mark.browser
def test_a_planted_style_and_a_planted_sink_are_blocked_and_reported(browser, gallery):
    gallery.reports.clear()
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{gallery.url}/specimen/my-day")
        blocked = page.evaluate(
            """() => {
              document.body.setAttribute('style', 'color: red');
              try { document.body.innerHTML = '<b>planted</b>'; return 'let in'; } catch (error) { return error.name; }
            }"""
        )
        page.wait_for_timeout(300)
    assert blocked == "TypeError"
    assert {report["csp-report"]["effective-directive"] for report in gallery.reports} == {
        "style-src-attr",
        "require-trusted-types-for",
    }


@pytest.mark.browser
def test_without_script_the_conversation_can_be_read_and_answered(browser, gallery):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{gallery.url}/specimen/channel")
        assert page.locator("article.message").count() == 6
        form = page.locator("form.composer")
        assert form.get_attribute("method") == "post"
        assert {field.get_attribute("name") for field in form.locator("[name]").all()} == {
            *("csrf", "client_id", "text", "handling"),
        }


@pytest.mark.browser
def test_what_the_island_draws_is_what_the_server_drew(browser, gallery):
    """Otherwise a page would jump when its script arrives."""
    seen = []
    for script in (False, True):
        with browser.new_context(java_script_enabled=script, viewport=DESK, reduced_motion="reduce") as context:
            page = context.new_page()
            page.goto(f"{gallery.url}/specimen/channel")
            page.locator("article.message").first.wait_for()
            if script:
                page.locator(".typing").wait_for(state="attached")
            boxes = [one.bounding_box() for one in page.locator("article.message").all()]
            texts = [" ".join(one.inner_text().split()) for one in page.locator("article.message").all()]
            days = page.locator(".day-line").all_inner_texts()
            seen.append((texts, days, [round(box["height"]) for box in boxes]))
    assert seen[0] == seen[1]


@pytest.mark.browser
def test_the_upload_button_names_the_field_that_is_missing(browser, gallery):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{gallery.url}/specimen/evidence-new")
        page.set_input_files("#file", {"name": "a.bin", "mimeType": "application/octet-stream", "buffer": b"abc"})
        filled = {
            "title": "Phone",
            "legal_basis": "Order 4",
            "collector": "L. Hoff",
            "collected_at": "2026-11-20T08:15",
        }
        for name, value in filled.items():
            page.fill(f"#{name}", value)
        page.select_option("#method", "seizure")
        assert page.locator("[data-why]").inner_text() == "Missing: Place"
        assert page.locator("#go").get_attribute("aria-disabled") == "true"
        page.fill("#place", "Hamburg")
        assert page.locator("[data-why]").inner_text() == ""
        assert page.locator("#go").get_attribute("aria-disabled") is None


def test_no_template_asks_for_what_its_page_does_not_give():
    """The specimens hold what the templates' own comments promise; a misspelt name would be empty on the page."""
    gallery = Gallery()
    gallery.server.server_close()
    app = gallery.app
    app.jinja_env.undefined = StrictUndefined
    optional = ("my_workspaces", "service")
    with app.test_request_context("/"):
        g.nonce = secrets.token_urlsafe()
        for template, values in SPECIMENS.values():
            if template == "docs.html":  # what OpenAPI leaves out is absent by right
                continue
            blank = dict.fromkeys((*optional, "workspace", "here"))
            assert "<h1" in render_template(template, **(blank | values)) or "empty" in render_template(
                template, **(blank | values)
            )
