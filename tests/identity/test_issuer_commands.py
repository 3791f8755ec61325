"""The operator's verbs about issuers: `jit-server agency issuer ...`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask

from jit_server.cli import cli
from jit_server.web.terminal import Terminal
from jit_server.work import House
from tests.identity.offices import Office
from tests.identity.stub import Stub

Run = Callable[..., Any]


@pytest.fixture
def office(app: Flask, house: House, stub: Stub, secret: Path) -> Office:
    return Office.open(app, house, stub, secret)


@pytest.fixture
def run(house: House) -> Run:
    """Run a verb; what it says as JSON."""
    terminal = Terminal()
    terminal.__dict__ |= {"settings": house.settings, "house": house}

    def run(*arguments: str, ok: bool = True) -> Any:
        done = CliRunner().invoke(cli, ["agency", "issuer", *arguments, "--json"], obj=terminal)
        assert (done.exit_code == 0) is ok, done.output
        return json.loads(done.stdout) if ok else f"{done.output}{done.exception}"

    return run


def test_an_issuer_is_added_listed_changed_and_retired(run: Run, office: Office) -> None:
    url = f"https://{office.slug}.example"
    made = run(
        "add", office.slug, "--url", url, "--key", "card", "--client-id", "jit", "--label", "With a card",
        "--step-up-acr", "high", "--claim", "groups=member_of", "--required-group", "jit", "--admin-group", "leads",
    )  # fmt: skip
    assert (made["auth_method"], made["step_up_acr"]) == ("private_key_jwt", ["high"])
    assert (made["claims"]["groups"], made["claims"]["required_groups"]) == ("member_of", ["jit"])
    assert [one["key"] for one in run("list", office.slug)] == ["", "card"]
    changed = run("change", made["id"], "--acr", "substantial", "--admin-group", "heads")
    assert (changed["acr_accepted"], changed["label"], changed["step_up_acr"]) == (
        ["substantial"], "With a card", ["high"],
    )  # fmt: skip
    assert (changed["claims"]["admin_groups"], changed["claims"]["required_groups"]) == (["heads"], ["jit"])
    assert run("retire", made["id"])["retired_at"] is not None
    assert [one["retired_at"] is None for one in run("list", office.slug)] == [True, False]


def test_the_public_key_is_shown_and_a_new_one_is_another(run: Run, office: Office) -> None:
    made = run("add", office.slug, "--url", f"https://{office.slug}.example", "--key", "card", "--client-id", "jit")
    before = run("key", made["id"])
    assert "d" not in before
    run("change", made["id"], "--new-key")
    assert run("key", made["id"])["kid"] != before["kid"]
    (first, _) = run("list", office.slug)
    assert "credential_file" not in first
    assert "shared secret" in run("key", first["id"], ok=False)


def test_a_check_speaks_in_plain_sentences(run: Run, office: Office) -> None:
    (mine,) = run("list", office.slug)
    said = {one["topic"]: one["text"] for one in run("check", mine["id"])}
    assert said["keys"] == "Usable signature keys: 3."
    office.stub.metadata_changes = {"issuer": "https://renamed.example"}
    (said,) = run("check", mine["id"])
    assert "another name" in said["text"]


def test_what_does_not_fit_is_refused_in_words(run: Run, office: Office) -> None:
    address = ("--url", f"https://{office.slug}.example", "--client-id", "jit")
    assert "groups" in run("add", office.slug, *address, "--key", "x", "--required-group", "jit", ok=False)
    assert "claims" in run("add", office.slug, *address, "--key", "x", "--claim", "nonsense", ok=False)
    assert "short name already" in run("add", office.slug, *address, ok=False)
    assert "no such agency" in run("list", "nobody", ok=False)
