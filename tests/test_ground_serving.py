"""The server as processes: two workers, their figures together, an end that cuts nobody off."""

import json
import os
import re
import signal
import time
import urllib.error
import urllib.request

import pytest

from jit_server.core import vault
from jit_server.demo.processes import free_port
from tests.engines.server import serving

pytestmark = pytest.mark.workers


@pytest.fixture(scope="module")
def server(settings, scratch):
    folder = scratch / "served"
    folder.mkdir()
    port = free_port("127.0.0.1")
    own = {"base_url": f"http://127.0.0.1:{port}", "port": port, "data": folder / "data", "kek_file": settings.kek}
    stated = settings.model_copy(update=own)
    stated.model_fields_set.update(own)
    vault.of(stated).prepare()
    with serving(stated, folder) as running:
        yield running


def get(url, timeout=5):
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return answer.read().decode()


def test_it_says_that_it_is_ready_and_what_it_stands_on(server):
    assert json.loads(get(f"{server.url}/readyz")) == {"status": "ready", "database": "ok", "vault": "ok"}


def test_the_figures_of_both_workers_are_counted_together(server):
    def counted():
        found = re.findall(
            r'^jit_request_seconds_count\{endpoint="healthz".*\} ([0-9.]+)$', get(f"{server.url}/metrics"), re.MULTILINE
        )
        return sum(map(float, found))

    before = counted()
    for _ in range(20):
        get(f"{server.url}/healthz")
    assert counted() == before + 20


def test_a_worker_that_is_killed_is_replaced_while_the_other_serves(server):
    victim = server.process.children()[0].pid
    os.kill(victim, signal.SIGKILL)
    assert get(f"{server.url}/healthz")
    deadline = time.monotonic() + 20
    while victim in {child.pid for child in server.process.children()} or len(server.process.children()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert get(f"{server.url}/healthz")


def test_a_foreign_host_name_is_refused(server):
    request = urllib.request.Request(f"{server.url}/login", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    refused.value.close()
    assert refused.value.code == 400


def test_its_log_holds_no_traceback(server):
    get(f"{server.url}/login")
    assert "Traceback" not in server.log()
