"""B7: an unsafe request passes only from our own pages or from a program under /api/ (PROOFS 3.3, K27)."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_server.core.errors import Forged
from jit_server.web import csrf

BASE = "https://jit.example"
SECRET = "c" * 43
TOKEN = csrf.token(SECRET)
OURS = {"Sec-Fetch-Site": "same-origin"}
SAME_ORIGIN = {"Origin": BASE}
UNSAFE = ["POST", "PUT", "PATCH", "DELETE", "post", "PROPFIND"]
FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://jit.example"},
    {"Origin": "https://jit.example:8443"},
    {"Origin": "https://jit.example.evil.example"},
    {"Origin": "https://sub.jit.example"},
    {"Origin": "https://jit.example@evil.example"},
    {"Origin": "https://evil.example, https://jit.example"},
    {"Origin": "https://jit.example:99999"},
    {"Origin": BASE, "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
]
KINDS = [csrf.JSON, csrf.FORM, csrf.BYTES, "", None]


def check(method="POST", headers=OURS, kind=csrf.FORM, form=TOKEN, session=TOKEN, base=BASE, path="/me"):
    csrf.check(method, headers, kind, form, session, base, path)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "get"])
@pytest.mark.parametrize("headers", [{}, *FOREIGN])
def test_safe_methods_pass_from_everywhere(method, headers) -> None:
    check(method, headers, None, None, None)


@pytest.mark.parametrize(
    ("method", "headers", "kind", "path"), list(product(UNSAFE, FOREIGN, KINDS, ["/me", "/api/v1/x"]))
)
def test_no_unsafe_request_passes_from_another_site(method, headers, kind, path) -> None:
    with pytest.raises(Forged):
        check(method, headers, kind, path=path)


@pytest.mark.parametrize("headers", [OURS, SAME_ORIGIN, OURS | SAME_ORIGIN, {"Origin": "HTTPS://JIT.example:443"}])
@pytest.mark.parametrize("kind", KINDS)
def test_our_own_pages_pass(headers, kind) -> None:
    check(headers=headers, kind=kind)
    check(headers=headers, kind=kind, path="/api/v1/x")


@pytest.mark.parametrize("kind", [csrf.JSON, csrf.BYTES, "", None])
def test_outside_the_api_only_forms_with_their_token_are_taken_whatever_the_body_is_called(kind) -> None:
    check(kind=kind, form=None, path="/api/v1/x")
    with pytest.raises(Forged):
        check(kind=kind, form=None, path="/me")


@pytest.mark.parametrize(
    ("form", "session"),
    [
        (None, TOKEN),
        ("", TOKEN),
        ("x", TOKEN),
        (TOKEN + "x", TOKEN),
        (TOKEN[:-1], TOKEN),
        (csrf.token("d" * 43), TOKEN),
        (SECRET, TOKEN),
        (TOKEN, None),
        ("", ""),
        (None, None),
        ("ü", TOKEN),
    ],
)
@pytest.mark.parametrize("headers", [OURS, SAME_ORIGIN])
@pytest.mark.parametrize("path", ["/me", "/api/v1/x"])
def test_a_form_without_its_sessions_token_is_refused(form, session, headers, path) -> None:
    with pytest.raises(Forged):
        check(headers=headers, form=form, session=session, path=path)


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "text/plain; charset=application/json",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/json",
        "application/json+x",
        "application/xml",
        "x, application/json",
        "application/x-www-form-urlencoded, application/json",
    ],
)
@pytest.mark.parametrize("headers", [{}, OURS, SAME_ORIGIN])
@pytest.mark.parametrize("path", ["/me", "/api/v1/x"])
def test_what_other_sites_can_send_is_taken_from_nobody(kind, headers, path) -> None:
    with pytest.raises(Forged):
        check(headers=headers, kind=kind, path=path)


@pytest.mark.parametrize("kind", [csrf.JSON, csrf.BYTES, "Application/JSON; charset=utf-8"])
def test_a_program_passes_under_api_only(kind) -> None:
    check(headers={}, kind=kind, form=None, session=TOKEN, path="/api/v1/uploads/1")
    for path in ("/me", "/apiary", "/api", "/w/api/"):
        with pytest.raises(Forged):
            check(headers={}, kind=kind, form=None, session=TOKEN, path=path)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_program_sends_no_forms(method) -> None:
    with pytest.raises(Forged):
        check(method=method, headers={}, kind=csrf.FORM, path="/api/v1/x")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("kind", ["image/png", "text/plain", "", None])
def test_what_a_browser_asks_about_first_may_name_any_type_under_api(method, kind) -> None:
    check(method=method, headers={}, kind=kind, path="/api/v1/uploads/1")
    with pytest.raises(Forged):
        check(method=method, headers={"Origin": "https://evil.test"}, kind=kind, path="/api/v1/uploads/1")


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "http://127.0.0.1:8080/"])
def test_the_base_url_may_be_loopback_and_end_in_a_slash(origin) -> None:
    check(headers={"Origin": "http://127.0.0.1:8080"}, base=origin)
    with pytest.raises(Forged):
        check(headers={"Origin": "http://localhost:8080"}, base=origin)


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_other_origin_or_token_passes(origin: str, token: str) -> None:
    with pytest.raises(Forged):
        check(headers={"Origin": origin})
    with pytest.raises(Forged):
        check(form=token)


def test_the_token_tells_neither_the_cookie_nor_another_sessions_token() -> None:
    assert SECRET not in TOKEN
    assert len(TOKEN) == 43
    assert csrf.token(SECRET) == TOKEN != csrf.token("d" * 43)
