"""axe-core in the browser: a context is handed the script once, instead of every page at every look."""

from collections.abc import Mapping
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, Page

VIOLATIONS = {"resultTypes": ["violations"]}
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
EVERY_STANDARD = VIOLATIONS | {"runOnly": {"type": "tag", "values": STANDARDS}}


def given_to(context: BrowserContext) -> BrowserContext:
    """Every page that opens in this context brings axe along."""
    context.add_init_script(AXE_SCRIPT)
    return context


def violations(page: Page, options: Mapping[str, Any] = VIOLATIONS) -> list[tuple[str, list[str]]]:
    """What the page does wrong, by rule, with the elements that do it."""
    found = page.evaluate("async (options) => (await axe.run(options)).violations", options)
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]
