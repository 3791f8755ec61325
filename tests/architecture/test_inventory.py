"""A0: every door declares what it is for, and nothing but the declared public ones opens without a session."""

from collections.abc import Iterator

import click
import pytest
from flask import Flask

from jit_server.cli import cli
from jit_server.web import declared
from jit_server.web.declared import Declaration, declaration_of
from jit_server.web.sockets.events import handlers

PUBLIC = {
    "/.well-known/openid-federation",
    "/assets/<file>",
    "/api/v1/docs",
    "/api/v1/openapi.json",
    "/csp-report",
    "/healthz",
    "/livez",
    "/login",
    "/login/<slug>",
    "/login/<slug>/<key>",
    "/login/<slug>/<key>/back-channel-logout",
    "/login/<slug>/<key>/callback",
    "/login/<slug>/back-channel-logout",
    "/login/<slug>/callback",
    "/metrics",
    "/oauth/token",
    "/problems/<slug>",
    "/readyz",
    "/scim/v2",
    "/scim/v2/<path:path>",
    "/verify",
    "/witness/add-checkpoint",
}


def _declarations(app: Flask) -> dict[str, Declaration | None]:
    return {str(rule): declaration_of(app.view_functions[rule.endpoint]) for rule in app.url_map.iter_rules()}


def test_a0_every_route_declares_its_action(app: Flask) -> None:
    assert declared.undeclared(app) == []


def test_a0_a_bare_route_keeps_the_app_from_starting(app: Flask) -> None:
    bare = Flask("bare")
    bare.add_url_rule("/bare", "bare", lambda: "open")
    with pytest.raises(RuntimeError, match="/bare"):
        declared.insist(bare)


def test_a0_the_public_routes_are_exactly_these(app: Flask) -> None:
    found = {rule for rule, says in _declarations(app).items() if says is not None and says.kind == "public"}
    assert found == PUBLIC


def test_a0_every_public_or_own_route_says_why(app: Flask) -> None:
    silent = [rule for rule, says in _declarations(app).items() if says and says.kind != "action" and not says.why]
    assert silent == []


def test_nothing_but_the_public_routes_answers_without_a_session(app: Flask) -> None:
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        says = declaration_of(app.view_functions[rule.endpoint])
        if says is None or says.kind == "public":
            continue
        address = str(rule)
        for part in str(rule).split("<")[1:]:
            name = part.partition(">")[0]
            value = "00000000-0000-4000-8000-000000000000" if name.startswith("uuid:") else "1"
            address = address.replace(f"<{name}>", value)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            if method != "GET" and not address.startswith("/api/"):
                continue  # forms are refused earlier, by their missing token (B7)
            body = None if method == "GET" else {}
            answer = client.open(address, method=method, headers={"Accept": "application/json"}, json=body)
            assert answer.status_code == 401, f"{method} {rule} -> {answer.status_code}"


def test_a0_every_event_that_clients_may_send_declares_its_action(app: Flask) -> None:
    found = {one.event: one.declaration for one in handlers()}
    assert {"message:post", "message:edit", "message:withdraw", "message:mark_read", "workspace:join"} <= set(found)
    assert [event for event, says in found.items() if says.action is None and not says.why] == []


def test_a0_every_command_of_the_operator_says_what_it_does() -> None:
    def walk(group: click.Group, path: str) -> Iterator[tuple[str, str | None]]:
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            if isinstance(command, click.Group):
                yield from walk(command, f"{path} {name}")
            else:
                yield f"{path} {name}", command.help

    found = dict(walk(cli, "jit-server"))
    assert len(found) > 15
    assert [path for path, words in found.items() if not words] == []
