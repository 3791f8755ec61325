"""G5, K26: a sign-in leads to a path of this server, whatever `next` says."""

from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_server.identity.redirects import local_path

OUT = [
    "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\/evil.example",
    "\\\\evil.example", "\\evil.example", "/\\/evil.example", "/\t/evil.example", "/\n/evil.example",
    "/\r/evil.example", "\t//evil.example", " //evil.example", "/ /evil.example", "https://evil.example",
    "HTTPS://evil.example", "https:evil.example", "https:/evil.example", "https:///evil.example",
    "http:evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)",
    "data:text/html,<script>", "vbscript:x", "mailto:a@b", "file:///etc/passwd", "evil.example",
    "evil.example/path", "@evil.example", "/%2fevil.example", "/%2Fevil.example", "/%5cevil.example",
    "%2f%2fevil.example", "/%252fevil.example", "/%255cevil.example", "/%09/evil.example", "/%0d%0aSet-Cookie:x=1",
    "/%00", "/a//evil.example", "/./%2fevil.example", "/a\\..\\evil", "/\u2215evil.example", "\u3002evil",
    "/\uff0f/evil.example", "/path\u0000", "/?q=\\x", "?next=//evil", "#//evil.example", "", None, "/" + "a" * 2000,
    "//", "///", "/login", "/login/a", "/login/a/callback?code=x", "/logout", "/a b", "/a<script>", '/a"onload="x',
    "/[::1]", "http://[::1", "/é",
]  # fmt: skip
HERE = [
    "/", "/me", "/w/8d0f4e3e-5d2b-4a51-a9a2-6f4a3b2c1d0e", "/w/1/c/2?after=10&x=%C3%A9", "/search?q=a%20b", "/w/1#m-12",
    "/loginfoo", "/w/1/evidence?sort=-at&next=/me",
]  # fmt: skip


def test_there_are_fifty_ways_to_try() -> None:
    assert len(OUT) >= 50


@pytest.mark.parametrize("wanted", OUT)
def test_what_could_lead_elsewhere_leads_home(wanted: str | None) -> None:
    assert local_path(wanted) == "/"


@pytest.mark.parametrize("wanted", HERE)
def test_a_page_of_this_server_is_kept(wanted: str) -> None:
    assert local_path(wanted) == wanted


@given(st.text(alphabet="/\\.:@%2f5c?#&= \tévil-", max_size=40), st.booleans())
def test_no_spelling_leads_to_another_host(wanted: str, encoded: bool) -> None:
    path = local_path(quote(wanted) if encoded else wanted)
    there = urlsplit(urljoin("https://jit.example/login/a/callback", path))
    assert (there.scheme, there.netloc) == ("https", "jit.example")
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
