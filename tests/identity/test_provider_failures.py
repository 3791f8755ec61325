"""B4, B5: a provider that is down, hangs, trickles, bursts or changes keys costs little time and opens nothing."""

import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from jit_server.core.errors import SignInRefused, Unavailable
from jit_server.identity import provider as provider_module
from jit_server.identity import transport
from jit_server.identity.provider import Provider
from tests.identity.conftest import Meeting
from tests.identity.stub import Stub, reply, running, sign

PATHS = ["/.well-known/openid-configuration", "/jwks", "/token"]
pytestmark = pytest.mark.alone


def hang(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(9)


def trickle_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    _drip(handler, b"X")


def trickle_body(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    _drip(handler, b" ")


def _drip(handler: BaseHTTPRequestHandler, byte: bytes) -> None:
    try:
        for _ in range(90):
            handler.wfile.write(byte)
            time.sleep(0.1)
    except OSError:
        return


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")


def broken(handler: BaseHTTPRequestHandler) -> None:
    reply(handler, {"error": "internal"}, 500)


def oversized(handler: BaseHTTPRequestHandler) -> None:
    reply(handler, b'{"keys": "' + b"x" * 1_100_000 + b'"}')


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    try:
        while True:
            handler.wfile.write(b" " * 65536)
    except OSError:
        return


def a_list(handler: BaseHTTPRequestHandler) -> None:
    reply(handler, [])


def a_page(handler: BaseHTTPRequestHandler) -> None:
    reply(handler, b"<html>Login</html>")


def a_depth_bomb(handler: BaseHTTPRequestHandler) -> None:
    reply(handler, b"[" * 500_000)


QUICK = [cut, broken, oversized, endless, a_list, a_page, a_depth_bomb]
SLOW = [hang, trickle_headers, trickle_body]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One second instead of five, where it is not the figure that is tested."""
    monkeypatch.setattr(transport, "SECONDS", 1.0)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("fault", QUICK, ids=lambda fault: fault.__name__)
def test_a_faulty_answer_is_no_answer(
    meeting: Meeting, path: str, fault: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    meeting.stub.hooks[path] = fault
    begun = time.monotonic()
    with pytest.raises(Unavailable) as problem:
        meeting.complete()
    assert time.monotonic() - begun < 2
    assert problem.value.problem()["status"] == 503


@pytest.mark.parametrize("fault", SLOW, ids=lambda fault: fault.__name__)
@pytest.mark.usefixtures("impatient")
def test_a_slow_provider_is_left_when_the_time_is_up_however_it_is_slow(
    meeting: Meeting, fault: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    meeting.stub.hooks["/token"] = fault
    begun = time.monotonic()
    with pytest.raises(Unavailable):
        meeting.complete()
    assert 0.9 < time.monotonic() - begun < 2


def test_a_hung_provider_is_left_within_six_seconds(meeting: Meeting) -> None:
    meeting.stub.hooks["/token"] = hang
    begun = time.monotonic()
    with pytest.raises(Unavailable):
        meeting.complete()
    assert 4 < time.monotonic() - begun < 6


def test_a_provider_that_is_down_answers_at_once(meeting: Meeting) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    begun = time.monotonic()
    with pytest.raises(Unavailable):
        Provider(url, ttl=3600, loopback=True).metadata()
    assert time.monotonic() - begun < 1


@pytest.mark.usefixtures("impatient")
def test_fifty_who_wait_for_a_hung_provider_wait_once_together(stub: Stub) -> None:
    stub.hooks[PATHS[0]] = hang
    hung = Provider(stub.url, ttl=3600, loopback=True)
    waited: list[float] = []

    def sign_in() -> None:
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            hung.metadata()
        waited.append(time.monotonic() - begun)

    people = [threading.Thread(target=sign_in) for _ in range(50)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert len(waited) == 50
    assert max(waited) < 2
    assert stub.asked[PATHS[0]] == 1


def test_a_provider_that_recovers_is_asked_again(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_module, "PAUSE", 0.0)
    stub.hooks[PATHS[0]] = broken
    known = Provider(stub.url, ttl=3600, loopback=True)
    with pytest.raises(Unavailable):
        known.metadata()
    del stub.hooks[PATHS[0]]
    assert known.metadata()["issuer"] == stub.url


def test_many_at_once_fetch_metadata_and_keys_once(stub: Stub) -> None:
    known = Provider(stub.url, ttl=3600, loopback=True)
    people = [threading.Thread(target=known.keys) for _ in range(20)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert stub.asked == {PATHS[0]: 1, "/jwks": 1}


def test_a_thousand_tokens_with_unknown_keys_fetch_the_keys_no_second_time(meeting: Meeting) -> None:
    stub = meeting.stub
    stranger = ECKey.generate_key("P-256")
    stub.respond = lambda _form: (
        200,
        stub.tokens(sign(stub.header(kid=f"unknown-{len(stub.forms)}"), stub.claims(), stranger)),
    )
    for _ in range(1000):
        with pytest.raises(SignInRefused):
            meeting.complete()
    assert stub.asked["/jwks"] == 1


def test_new_keys_are_found_once_the_pause_is_over_and_no_honest_sign_in_fails(
    meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = meeting.stub
    assert meeting.complete().sub == "alice"
    monkeypatch.setattr(provider_module, "REFETCH", 0.0)
    new = ECKey.generate_key("P-256")
    for published in ([stub.keys["ES256"], new], [new]):
        stub.jwks = {"keys": [stub.public(key) for key in published]}
        stub.respond = lambda _form: (
            200, stub.tokens(sign(stub.header(kid=new.thumbprint()), stub.claims(), new)),
        )  # fmt: skip
        assert meeting.complete().sub == "alice"


def test_loopback_and_plain_http_are_refused_unless_the_settings_allow_them(stub: Stub) -> None:
    with pytest.raises(Unavailable):
        Provider(stub.url, ttl=3600, loopback=False).metadata()
    assert not stub.asked


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "0.0.0.0", "::1", "::ffff:127.0.0.1", "fe80::1%lo"]
)
def test_the_address_really_reached_is_judged_whatever_the_name_said(address: str) -> None:
    class Line:
        closed = False

        def getpeername(self) -> tuple[str, int]:
            return address, 443

        def close(self) -> None:
            self.closed = True

    line = Line()
    with pytest.raises(transport.Refusal):
        transport._Watch(loopback=False).over(line)  # type: ignore[arg-type]
    assert line.closed


def test_only_the_issuers_own_address_is_asked(stub: Stub) -> None:
    with running() as other, pytest.raises(Unavailable):
        transport.document(f"{other.url}/jwks", stub.url, loopback=True)
    assert not other.asked


def test_the_environment_names_no_proxy_and_no_credentials(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login operator password private\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert Provider(stub.url, ttl=3600, loopback=True).metadata()["issuer"] == stub.url
    assert stub.credentials == {None}
