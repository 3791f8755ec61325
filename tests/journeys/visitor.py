"""A person at a browser of their own; whatever the pages complain about meanwhile is held against them."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request, Response, expect

from tests.journeys import policy

NETWORK = r"net::ERR_|WebSocket connection to .* failed"
PATIENCE = 20_000
"""Milliseconds to wait for what must come; what has a limit is measured on its own."""
STATUS = r"the server responded with a status of {}"
expect.set_options(timeout=PATIENCE)


def origin(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@dataclass
class Visitor:
    """One browser context: its own cookies, cache and cut network."""

    name: str
    url: str
    agency: str
    context: BrowserContext
    page: Page
    issuers: frozenset[str]
    complaints: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    _allowed: list[str] = field(default_factory=list)

    @classmethod
    def arrive(
        cls, browser: Browser, url: str, name: str, agency: str, issuers: frozenset[str], **options: Any
    ) -> "Visitor":
        """Open a browser window."""
        chosen = {"locale": "en-GB", "timezone_id": "Europe/Berlin", "viewport": {"width": 1280, "height": 800}}
        context = browser.new_context(**{"base_url": url, "reduced_motion": "reduce", **chosen, **options})
        context.set_default_timeout(PATIENCE)
        visitor = cls(name, url, agency, context, context.new_page(), issuers)
        context.on("console", visitor._heard_console)
        context.on("weberror", lambda error: visitor._complain(f"uncaught: {error.error}"))
        context.on("request", visitor._saw_request)
        context.on("response", visitor._saw_response)
        context.on("dialog", visitor._saw_dialog)
        return visitor

    def _complain(self, words: str) -> None:
        if not any(re.search(pattern, words) for pattern in self._allowed):
            self.complaints.append(f"{self.name}: {words}")

    def _heard_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not self._at_issuer(message.location.get("url", "")):
            self._complain(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _saw_request(self, request: Request) -> None:
        if request.url.startswith(("blob:", "data:", "about:")) or origin(request.url) == self.url:
            return
        signing_in = request.is_navigation_request() or request.url.endswith("/favicon.ico")
        if not (self._at_issuer(request.url) and signing_in):
            self._complain(f"request to a foreign origin: {request.url}")

    def _saw_response(self, response: Response) -> None:
        if origin(response.url) == self.url and response.headers.get("content-type", "").startswith("text/html"):
            for fault in policy.faults(response.headers):
                self._complain(f"header of {response.url}: {fault}")

    def _saw_dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(f"{dialog.type}: {dialog.message}")
        dialog.accept()

    def _at_issuer(self, url: str) -> bool:
        return origin(url) in self.issuers

    @contextlib.contextmanager
    def expecting(self, *patterns: str) -> Iterator[None]:
        """Within the block, and until the page has settled, complaints of this kind are no surprise."""
        self._allowed.extend(patterns)
        try:
            yield
        finally:
            self.page.wait_for_timeout(50)
            del self._allowed[-len(patterns) :]

    @contextlib.contextmanager
    def offline(self) -> Iterator[None]:
        """Pull the plug: no request leaves, and the socket that stands is closed."""
        with self.expecting(NETWORK):
            self.context.set_offline(True)
            self.page.evaluate("document.querySelector('jit-chat')?.live.socket.io.engine?.close()")
            try:
                yield
            finally:
                self.context.set_offline(False)

    def go(self, path: str) -> "Visitor":
        """Open an address of this server."""
        self.page.goto(path)
        return self

    def open(self, path: str, status: int) -> str:
        """Open an address that is refused with this status; its text."""
        with self.expecting(STATUS.format(status)):
            answer = self.page.goto(path)
            assert answer is not None
            assert answer.status == status
            return str(answer.text())

    def sign_in(self, wanted: str = "/") -> "Visitor":
        """Choose the agency, be recognised by its issuer, come back."""
        page = self.go(f"/login?next={wanted}").page
        page.get_by_role("link", name=re.compile(re.escape(self.agency))).first.click()
        page.get_by_role("button", name=self.name, exact=True).click()
        page.wait_for_url(re.compile(re.escape(self.url)), wait_until="load")
        assert urlsplit(page.url).path == urlsplit(wanted).path, page.locator("main").inner_text()
        return self

    def sees(self, text: str) -> None:
        """The text stands on the page."""
        expect(self.page.get_by_text(text).first).to_be_visible()

    def api(self, path: str) -> Any:
        """What the API answers this person."""
        answer = self.context.request.get(f"/api/v1{path}")
        assert answer.ok, answer.text()
        return answer.json()

    def leave(self) -> None:
        """Close the window."""
        self.context.close()
