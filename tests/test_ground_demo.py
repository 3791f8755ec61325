"""`jit-server demo`: one command, three agencies, a case; stopped it leaves nothing running and loses nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

import pytest

from jit_server.core.postgres import EmbeddedPostgres
from jit_server.demo import cast, story

ROOT = Path(__file__).parents[1]
START = 120


class Demo:
    """A demo in a process of its own, as `make demo` starts it."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.data = data
        environment = {name: value for name, value in os.environ.items() if not name.startswith("JIT_")}
        command = [sys.executable, "-m", "jit_server.cli", "demo", "--json", "--data", str(data), *arguments]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        assert line, self.process.communicate(timeout=START)[1]
        self.shown = json.loads(line)

    def stop(self, number: int = signal.SIGINT) -> str:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        assert out == ""
        return err

    def sign_in(self, person: str):
        """A browser's worth of cookies after following `/login/<agency>` and one plain form post."""
        agency = next(one["agency"] for one in self.shown["persons"] if one["id"] == person)
        login = next(one["login_url"] for one in self.shown["agencies"] if one["slug"] == agency)
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        with opener.open(login, timeout=10) as page:
            asked = page.geturl()
        with opener.open(asked, urlencode({"person": person}).encode(), timeout=10) as page:
            assert page.geturl().startswith(self.shown["url"])
        return opener

    def get(self, opener, path: str):
        with opener.open(f"{self.shown['url']}{path}", timeout=10) as answer:
            return json.load(answer)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def descendants(pid: int) -> set[int]:
    """Every process that descends from this one now."""
    children: dict[int, set[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), set()).add(int(entry.parent.name))
    found, waiting = set(), {pid}
    while waiting:
        waiting = set().union(*(children.get(one, set()) for one in waiting)) - found
        found |= waiting
    return found


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture(scope="module")
def data(scratch):
    return scratch / "demo"


@pytest.fixture(scope="module")
def demo(data):
    running = Demo(data, "--port", "0")
    yield running
    if running.process.poll() is None:
        running.stop()


def test_it_prints_one_object_with_all_that_a_script_needs(demo):
    shown = demo.shown
    assert set(shown) == {"url", "agencies", "persons", "workspaces"}
    assert [one["state"] for one in shown["agencies"]] == ["DE", "FR", "NL"]
    assert len({one["issuer"] for one in shown["agencies"]}) == 3
    for agency in shown["agencies"]:
        assert {"slug", "state", "name", "login_url", "issuer"} <= set(agency)
        assert agency["login_url"] == f"{shown['url']}/login/{agency['slug']}"
    for person in shown["persons"]:
        assert {"id", "name", "agency", "roles"} <= set(person)
    assert [one["name"] for one in shown["workspaces"]] == [cast.WORKSPACE]


def test_people_of_every_agency_sign_in_at_their_own_issuer(demo):
    for person in ("jonas.brandt", "hugo.lefevre", "eva.de-wit"):
        agency = next(one["agency"] for one in demo.shown["persons"] if one["id"] == person)
        issuer = next(one["issuer"] for one in demo.shown["agencies"] if one["slug"] == agency)
        me = demo.get(demo.sign_in(person), "/api/v1/me")
        assert me["agency"]["issuer"] == issuer
        assert me["name"] == next(one["name"] for one in demo.shown["persons"] if one["id"] == person)


def test_the_case_has_a_conversation_and_two_exhibits(demo):
    opener = demo.sign_in("jonas.brandt")
    workspace = demo.shown["workspaces"][0]["id"]
    channels = demo.get(opener, f"/api/v1/workspaces/{workspace}/channels")["items"]
    assert {one["name"] for one in channels} == set(story.CHANNELS)
    said = [
        message
        for channel in channels
        for message in demo.get(opener, f"/api/v1/channels/{channel['id']}/messages?limit=100")["items"]
    ]
    assert len(said) == len(story.CONVERSATION) >= 20
    assert len({message["topic"] for message in said}) >= 5
    exhibits = demo.get(opener, f"/api/v1/workspaces/{workspace}/evidence")["items"]
    assert sorted(one["size"] for one in exhibits) == sorted(len(one.content) for one in story.EXHIBITS)


def test_an_agency_administrator_sees_no_case(demo):
    opener = demo.sign_in("stefan.lindner")
    assert demo.get(opener, "/api/v1/workspaces")["items"] == []


def test_a_second_demo_on_the_same_folder_is_refused(demo, data):
    command = [sys.executable, "-m", "jit_server.cli", "demo", "--data", str(data), "--port", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=START, check=False)
    assert done.returncode == 1
    assert "Another demo runs" in done.stderr
    assert listens(port_of(demo.shown["url"]))


def test_a_port_that_is_taken_is_named(demo, scratch):
    command = [sys.executable, "-m", "jit_server.cli", "demo", "--data", str(scratch / "other"),
               "--port", str(port_of(demo.shown["url"]))]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=START, check=False)
    assert done.returncode == 1
    assert f"Port {port_of(demo.shown['url'])} is used" in done.stderr
    assert done.stderr.count("\n") == 1


def test_ctrl_c_stops_all_it_started_and_the_next_start_loses_nothing(scratch):
    data = scratch / "restarted"
    demo = Demo(data, "--port", "0")
    before = demo.get(demo.sign_in("anna.keller"), f"/api/v1/workspaces/{demo.shown['workspaces'][0]['id']}")
    started = descendants(demo.process.pid)
    assert started
    postmaster = int((data / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    complaint = demo.stop()
    assert "Traceback" not in complaint
    assert not [pid for pid in (*started, postmaster) if alive(pid)]
    assert not EmbeddedPostgres(data / "postgres").running()
    ports = [port_of(demo.shown["url"]), *(port_of(one["issuer"]) for one in demo.shown["agencies"])]
    assert not [port for port in ports if listens(port)]

    again = Demo(data, "--port", "0")
    try:
        assert again.shown["workspaces"] == demo.shown["workspaces"]
        assert [one["issuer"] for one in again.shown["agencies"]] == [one["issuer"] for one in demo.shown["agencies"]]
        opener = again.sign_in("anna.keller")
        after = again.get(opener, f"/api/v1/workspaces/{again.shown['workspaces'][0]['id']}")
        assert {**after, "version": None} == {**before, "version": None}
        assert len(again.get(opener, f"/api/v1/workspaces/{after['id']}/evidence")["items"]) == len(story.EXHIBITS)
        children = descendants(again.process.pid)
        assert int((data / "postgres" / "postmaster.pid").read_text().splitlines()[0]) in children
        again.process.kill()  # no word of farewell: the kernel tells the children
        again.process.communicate(timeout=10)
        deadline = time.monotonic() + 20
        while [pid for pid in children if alive(pid)] and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not [pid for pid in children if alive(pid)]
    finally:
        if again.process.poll() is None:
            again.stop()


def test_secrets_and_exhibits_of_the_demo_are_closed_to_other_accounts(data, demo):
    for name in ("demo", "keys", "vault"):
        assert (data / name).stat().st_mode & 0o077 == 0, name
    for secret in (data / "demo").iterdir():
        assert secret.stat().st_mode & 0o077 == 0, secret
