"""What people write becomes HTML that cannot do anything, in bounded time."""

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit_server.messaging import markdown
from jit_server.messaging.models import TEXT_LIMIT

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](vbscript:x)",
    "![a](http://elsewhere.example/pixel.png)",
    "<a href=https://x onclick=alert(1)>x</a>",
    '[a](https://x "><script>alert(1)</script>")',
    "```<script>\nalert(1)\n```",
    "`<b onmouseover=alert(1)>`",
    "<iframe src=//x></iframe>",
    "<style>*{display:none}</style>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "[x]: javascript:alert(1)\n\n[x]",
    '<https://x.example/"onclick=alert(1)>',
    "<math><mtext></mtext><mglyph><style><img src=x onerror=alert(1)></style></mglyph></math>",
    "\u0000<script>alert(1)</script>",
]


class Seen(HTMLParser):
    """Every element and attribute that a browser would find."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def harmless(html):
    for tag, attributes in Seen(html).found:
        assert tag in markdown.TAGS, html
        assert set(attributes) <= {"href", "rel", "start"}, html
        href = attributes.get("href")
        assert href is None or href.startswith(("https://", "http://", "mailto:", "/", "#")) or ":" not in href, html
    return True


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_markdown_becomes_harmless_html(text):
    assert harmless(markdown.render(text))


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("<>[]()!`*_#-=\"'&;:/\\ \nabjscript:onerror"), max_size=120))
def test_no_arrangement_of_signs_does_harm(text):
    assert harmless(markdown.render(text))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.text(st.sampled_from("<>[]()@:/%.#?*_\"' ax"), max_size=60))
def test_no_address_does_harm(before, after):
    assert harmless(markdown.render(f"{before} https://{after}"))


@pytest.mark.parametrize(
    ("text", "address", "rest"),
    [
        ("https://jit.example/w/1/evidence/DE-0001", "https://jit.example/w/1/evidence/DE-0001", ""),
        ("**look:** https://a.example/x?a=1&b=2.", "https://a.example/x?a=1&b=2", "."),
        ("(see https://a.example/x)", "https://a.example/x", ")"),
        ("https://a.example/x_(y), then", "https://a.example/x_(y)", ", then"),
        ("first\nhttp://127.0.0.1:8080/w/the_van", "http://127.0.0.1:8080/w/the_van", ""),
    ],
)
def test_a_pasted_address_leads_where_it_says(text, address, rest):
    html = markdown.render(text)
    assert [attributes["href"] for tag, attributes in Seen(html).found if tag == "a"] == [address]
    shown = address.replace("&", "&amp;")
    assert html.endswith(f">{shown}</a>{rest}</p>")


@pytest.mark.parametrize("text", ["`https://a.example`", "https://", "xhttps://a.example", "ftp://a.example"])
def test_what_is_no_address_or_stands_as_code_stays_text(text):
    assert "<a" not in markdown.render(text)


def test_an_address_within_a_link_is_the_link_s_own_text():
    html = markdown.render("[https://a.example](https://b.example) <https://c.example>")
    assert [attributes["href"] for tag, attributes in Seen(html).found if tag == "a"] == [
        "https://b.example",
        "https://c.example",
    ]


def test_what_people_use_is_rendered():
    html = markdown.render("**now** *or* ~~never~~ `x` [site](https://a.example)\n\n1. one\n2. two\n\n> said\n\n- item")
    for part in (
        "<strong>now</strong>",
        "<em>or</em>",
        "<s>never</s>",
        "<code>x</code>",
        "<ol>",
        "<blockquote>",
        "<ul>",
    ):
        assert part in html
    assert 'href="https://a.example"' in html
    assert "noopener noreferrer" in html


def test_lines_stay_lines_and_number_signs_stay_words():
    assert markdown.render("# 12 exhibits\nnext line") == "<p># 12 exhibits<br>\nnext line</p>"


@pytest.mark.parametrize(
    "sign", ["[", "![", "[a](", "*a", "**a ", "`", ">", "- ", "<", "&", "_a ", "|a", "x\n", "1. ", "http://a "]
)
def test_a_text_made_to_be_slow_costs_little_more_than_its_length(sign):
    """Processor time, so that a busy machine does not matter; what grows with the square would take minutes."""
    text = (sign * TEXT_LIMIT)[:TEXT_LIMIT]
    before = time.thread_time()
    html = markdown.render(text)
    assert time.thread_time() - before < 3
    assert len(html) <= 10 * TEXT_LIMIT
