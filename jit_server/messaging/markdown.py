"""What people write, as HTML that cannot do anything: rendered by CommonMark rules and cleaned, once, when it is kept.

No raw HTML, no images (they would tell another server who reads), no headings (a message must not break the page's
outline), no tables (20,000 characters can ask for 65,000 cells). What is left out of the HTML is still in the text.
"""

import re
from functools import cache
from typing import Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

TAGS: Final = frozenset({"p", "br", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "hr"})
SCHEMES: Final = frozenset({"http", "https", "mailto"})
_ATTRIBUTES: Final[dict[str, set[str]]] = {"a": {"href"}, "ol": {"start"}, "*": set()}
_LEFT_OUT: Final = ["image", "heading", "lheading", "html_block", "html_inline", "reference", "table"]
_BRACKETS: Final = 500  # each open bracket makes the parser look to the end of the text: beyond, brackets are text

_ADDRESS: Final = re.compile(r"\bhttps?://[^\s<>\"'`]*[^\s<>\"'`.,;:!?)\]}*_~]\)?")


@cache
def _renderer(*, links: bool) -> MarkdownIt:
    rules = MarkdownIt("js-default", {"html": False, "linkify": False, "typographer": False, "breaks": True})
    rules.core.ruler.after("inline", "addresses", _addresses)
    return rules.disable(_LEFT_OUT if links else [*_LEFT_OUT, "link"])


def _addresses(state: StateCore) -> None:
    """An address that stands in the text as it was pasted leads where it says."""
    for block in state.tokens:
        inside, children = 0, list[Token]()
        for one in block.children or []:
            inside += one.nesting if one.type in {"link_open", "link_close"} else 0
            children += [one] if inside or one.type != "text" else _led(state, one)
        if block.children:
            block.children = children


def _led(state: StateCore, said: Token) -> list[Token]:
    """The text in pieces, its addresses as links."""
    pieces, done = list[Token](), 0
    for found in _ADDRESS.finditer(said.content):
        address = found[0] if "(" in found[0] else found[0].removesuffix(")")
        target = state.md.normalizeLink(address)
        if not state.md.validateLink(target):
            continue
        pieces += [_text(said.content[done : found.start()]), Token("link_open", "a", 1, attrs={"href": target})]
        pieces += [_text(address), Token("link_close", "a", -1)]
        done = found.start() + len(address)
    return [*pieces, _text(said.content[done:])]


def _text(words: str) -> Token:
    return Token("text", "", 0, content=words)


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
