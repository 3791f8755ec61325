"""A browser with a profile on disk, which outlives its process: what somebody has who comes back after a crash."""

import contextlib
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, BrowserContext, Page

from tests.builders import Who, sign_in
from tests.journeys.conftest import CHROMIUM, FLAGS, Stage


class Profile:
    """One signed-in person's browser, to be started, killed and started again."""

    def __init__(self, chromium: Browser, stage: Stage, who: Who, folder: Path) -> None:
        name = stage.server.settings.cookie
        self._cookie: Any = {"name": name, "value": sign_in(stage.cast.house, who), "url": stage.url}
        self._chromium, self._url, self._folder = chromium, stage.url, folder
        self._opened: BrowserContext | None = None

    def start(self, path: str) -> Page:
        """Open the browser on an address of the server."""
        self._opened = self._chromium.browser_type.launch_persistent_context(
            self._folder, executable_path=CHROMIUM, args=FLAGS, base_url=self._url, locale="en-GB"
        )
        self._opened.add_cookies([self._cookie])
        page = self._opened.pages[0]
        page.goto(path)
        return page

    def kill(self) -> None:
        """End it as a machine does that loses its power."""
        mark = f"--user-data-dir={self._folder}"
        here = [one for one in psutil.process_iter(["cmdline"]) if mark in (one.info["cmdline"] or ())]
        for one in here:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(here, timeout=10)

    def close(self) -> None:
        """Close what is open."""
        if self._opened is not None:
            self._opened.close()
