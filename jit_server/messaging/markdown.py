"""What people write, as HTML that cannot do anything: rendered by CommonMark rules and cleaned, once, when it is kept.

No raw HTML, no images (they would tell another server who reads), no headings (a message must not break the page's
outline), no tables (20,000 characters can ask for 65,000 cells). What is left out of the HTML is still in the text.
"""

from functools import cache
from typing import Final

import nh3
from markdown_it import MarkdownIt

TAGS: Final = frozenset({"p", "br", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "hr"})
SCHEMES: Final = frozenset({"http", "https", "mailto"})
_ATTRIBUTES: Final[dict[str, set[str]]] = {"a": {"href"}, "ol": {"start"}, "*": set()}
_LEFT_OUT: Final = ["image", "heading", "lheading", "html_block", "html_inline", "reference", "table"]
_BRACKETS: Final = 500  # each open bracket makes the parser look to the end of the text: beyond, brackets are text


@cache
def _renderer(*, links: bool) -> MarkdownIt:
    rules = MarkdownIt("js-default", {"html": False, "linkify": False, "typographer": False, "breaks": True})
    return rules.disable(_LEFT_OUT if links else [*_LEFT_OUT, "link"])


def render(text: str) -> str:
    """The message as HTML, safe to put into a page as it stands."""
    return nh3.clean(
        _renderer(links=text.count("[") <= _BRACKETS).render(text),
        tags=set(TAGS),
        attributes=_ATTRIBUTES,
        url_schemes=set(SCHEMES),
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    ).strip()
