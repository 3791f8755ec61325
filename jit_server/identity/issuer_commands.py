"""`jit-server agency issuer`: an agency's identity providers at run time, and whether each would work."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import click

from jit_server.identity import credentials, discovery, models
from jit_server.identity.models import AuthMethod, Issuer, Profile
from jit_server.identity.shapes import AddedIssuer, ChangedIssuer, StatedIssuer
from jit_server.identity.usecases import issuers
from jit_server.web.api import check
from jit_server.web.terminal import Terminal, in_terminal

Command = Callable[..., Any]
_STATED = (
    click.option("--client-id", help="What this server is called there."),
    click.option("--label", help="What people read where the agency has several."),
    click.option("--algorithm", "algorithms", multiple=True, type=click.Choice(models.ALGORITHMS), help="Repeat."),
    click.option("--profile", type=click.Choice([str(one) for one in Profile]), help="How strictly to talk to it."),
    click.option("--acr", "acr_accepted", multiple=True, help="Accepted acr value; repeat."),
    click.option("--amr", "amr_required", multiple=True, help="A method every sign-in must have used; repeat."),
    click.option("--step-up-acr", multiple=True, help="Accepted acr value for acts that cannot be undone; repeat."),
    click.option("--jwks-ttl", type=int, help="Seconds the issuer's keys are kept."),
    click.option("--claim", "claims", multiple=True, metavar="WHAT=CLAIM", help="name, email, locale, zone or groups."),
    click.option("--required-group", "required_groups", multiple=True, help="One of these lets in; repeat."),
    click.option("--admin-group", "admin_groups", multiple=True, help="Makes an administrator; repeat."),
    click.option("--auditor-group", "auditor_groups", multiple=True, help="Makes an auditor; repeat."),
)
_GROUPS = ("required_groups", "admin_groups", "auditor_groups")


def _stated(command: Command) -> Command:
    for option in reversed(_STATED):
        command = option(command)
    return command


@click.group()
def issuer() -> None:
    """The identity providers of an agency."""


@issuer.command("list")
@click.argument("slug")
@in_terminal
def list_issuers(terminal: Terminal, slug: str) -> None:
    """List the issuers of SLUG, retired ones last."""
    with terminal.work() as uow:
        found = [_shown(one) for one in issuers.of_agency(uow, slug)]
    lines = [
        f"{one['id']}  {one['key'] or '(first)':<12} {one['url']}{'  (retired)' if one['retired_at'] else ''}"
        for one in found
    ]
    terminal.say(found, "\n".join(lines) or "None yet: jit-server agency set-issuer --help")


@issuer.command("add")
@click.argument("slug")
@click.option("--url", required=True, help="The issuer, exactly as its metadata says it.")
@click.option("--key", default="", help="Short name in its address here; none for the agency's first issuer.")
@_stated
@in_terminal
def add(terminal: Terminal, /, slug: str, url: str, key: str, **options: Any) -> None:
    """Take one more issuer of SLUG in; this server makes the key by which it proves itself there."""
    stated = check(AddedIssuer, {"url": url, "key": key} | _facts({}, options))
    with terminal.work() as uow:
        made = issuers.add(uow, slug, stated)
    terminal.say(
        _shown(made), f"{made.url} is in, as {made.id}. Its side needs: jit-server agency issuer key {made.id}"
    )


@issuer.command("change")
@click.argument("issuer_id", type=click.UUID)
@click.option("--new-key", is_flag=True, help="Make a new key for proving this server there.")
@_stated
@in_terminal
def change(terminal: Terminal, /, issuer_id: UUID, *, new_key: bool, **options: Any) -> None:
    """State anew what an issuer must assert; what is not given stays as it is."""
    with terminal.work() as uow:
        _, found = issuers.issuer(uow, issuer_id)
        facts = found.model_dump(mode="json", include=set(StatedIssuer.model_fields))
        stated = check(ChangedIssuer, _facts(facts, options) | {"new_key": new_key})
        changed = issuers.change(uow, issuer_id, stated)
    terminal.say(_shown(changed), f"{changed.url} is changed; it counts from the next sign-in on.")


@issuer.command("retire")
@click.argument("issuer_id", type=click.UUID)
@in_terminal
def retire(terminal: Terminal, issuer_id: UUID) -> None:
    """End trust in an issuer: nobody signs in there any more, and the sessions begun there end."""
    with terminal.work() as uow:
        gone = issuers.retire(uow, issuer_id)
    terminal.say(_shown(gone), f"{gone.url} is retired, and the sessions begun there have ended.")


@issuer.command("check")
@click.argument("issuer_id", type=click.UUID)
@in_terminal
def check_issuer(terminal: Terminal, issuer_id: UUID) -> None:
    """Ask an issuer what it offers, and hold that against its registration here."""
    with terminal.work() as uow:
        way = issuers.way(uow, issuer_id)
    found = discovery.look(way.client, loopback=terminal.settings.oidc_allow_loopback, source=way.source)
    facts = [{"topic": one.topic, "state": one.state, "text": one.text} for one in found]
    terminal.say(facts, "\n".join(f"{one['state']:<5} {one['text']}" for one in facts))


@issuer.command("key")
@click.argument("issuer_id", type=click.UUID)
@in_terminal
def key(terminal: Terminal, issuer_id: UUID) -> None:
    """Show the public key by which this server proves itself there, as a JSON Web Key."""
    with terminal.work() as uow:
        _, found = issuers.issuer(uow, issuer_id)
    jwk = credentials.public_jwk(found)
    terminal.say(jwk, json.dumps(jwk, indent=2))


def _facts(before: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """What was there, with what was given in its place."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    claims = dict(before.get("claims", {}))
    for pair in given.pop("claims", ()):
        what, _, name = pair.partition("=")
        claims[what] = name
    claims |= {name: given.pop(name) for name in _GROUPS if name in given}
    return before | given | {"claims": claims}


def _shown(one: Issuer) -> dict[str, Any]:
    hidden = {"credential_file"} if one.auth_method is AuthMethod.CLIENT_SECRET else set()
    return one.model_dump(mode="json", exclude=hidden)
