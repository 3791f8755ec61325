"""`jit-server agency anchor`: the trust anchors of the States, and whether a chain holds today."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from jit_server.core.errors import Conflict
from jit_server.identity import entity, trust
from jit_server.identity.models import Agency, Trust
from jit_server.identity.trust.models import NewAnchor, TrustAnchor
from jit_server.web.api import check
from jit_server.web.terminal import Terminal, in_terminal


@click.group()
def anchor() -> None:
    """Trust anchors: whose word counts about the identity providers of a State's agencies."""


@anchor.command("add")
@click.argument("entity_id", metavar="URL")
@click.option("--state", required=True, help="ISO 3166-1 alpha-2, or a body such as EPPO.")
@click.option(
    "--jwks-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="The anchor's public JWK set, received by another way than its own web server.",
)
@click.option("--mark", "marks", multiple=True, metavar="TYPE", help="A trust mark that providers must show; repeat.")
@in_terminal
def add(terminal: Terminal, entity_id: str, state: str, jwks_file: Path, marks: tuple[str, ...]) -> None:
    """Let the entity URL vouch for agencies of a State; once more, it replaces the entity's keys and marks."""
    try:
        jwks = json.loads(jwks_file.read_bytes())
    except ValueError as error:
        raise click.UsageError(f"{jwks_file} holds no JSON: {error}") from error
    stated = {"state": state, "entity_id": entity_id, "jwks": jwks, "marks": marks}
    with terminal.work() as uow:
        made = trust.add_anchor(uow, check(NewAnchor, stated))
    terminal.say(_shown(made), f"{made.entity_id} vouches for agencies of {made.state}.")


@anchor.command("list")
@click.option("--retired", is_flag=True, help="Those that count no longer, too.")
@in_terminal
def list_anchors(terminal: Terminal, retired: bool) -> None:
    """List the trust anchors by State."""
    with terminal.work() as uow:
        found = [_shown(one) for one in trust.anchors(uow, retired=retired)]
    lines = [f"{one['state']:<8} {one['entity_id']}  {one['retired_at'] or ''}".rstrip() for one in found]
    terminal.say(found, "\n".join(lines) or "No trust anchor: every issuer is registered by hand.")


@anchor.command("ours")
@in_terminal
def ours(terminal: Terminal) -> None:
    """Show the public federation keys of this server, for the superiors that are to vouch for it."""
    keys = {"keys": [entity.public_jwk(entity.entity_key(terminal.house.key))]}
    terminal.say(keys, json.dumps(keys, indent=2))


@anchor.command("retire")
@click.argument("entity_id", metavar="URL")
@click.option("--state", required=True)
@in_terminal
def retire(terminal: Terminal, entity_id: str, state: str) -> None:
    """Take the word of URL no longer for agencies of a State."""
    with terminal.work() as uow:
        found = trust.retire_anchor(uow, state.upper(), entity_id)
    terminal.say(_shown(found), f"{found.entity_id} vouches for {found.state} no longer.")


@anchor.command("rely")
@click.argument("issuer_id", type=click.UUID)
@click.option("--by-hand", is_flag=True, help="Believe it by its registration here again.")
@in_terminal
def rely(terminal: Terminal, issuer_id: UUID, by_hand: bool) -> None:
    """Believe an issuer by its trust chain from the next sign-in on, if one holds now."""
    with terminal.work() as uow:
        found = trust.rely_on(uow, issuer_id, Trust.MANUAL if by_hand else Trust.FEDERATION)
        agency = uow.find(Agency, id=found.agency_id)
        anchors = trust.anchors_of(uow, agency.state) if agency else ()
        if not by_hand:  # inside, so that nothing is kept when none holds: everybody would be locked out
            _resolve(terminal, found.url, anchors)
    terminal.say({"id": found.id, "url": found.url, "trust": found.trust}, f"{found.url} is believed by {found.trust}.")


@anchor.command("check")
@click.argument("entity_id", metavar="URL")
@click.option("--state", required=True, help="Under whose anchors.")
@in_terminal
def check_chain(terminal: Terminal, entity_id: str, state: str) -> None:
    """Resolve the trust chain of the issuer URL now, and say what it makes known; exit 1 and why if none holds."""
    with terminal.work() as uow:
        anchors = trust.anchors_of(uow, state.upper())
    found = _resolve(terminal, entity_id, anchors)
    until = found.expires_at.isoformat()
    value = {"path": found.path, "anchor": found.anchor, "expires_at": until, "metadata": found.metadata}
    terminal.say(value, f"{' -> '.join((found.entity, *found.path))}\nholds until {until}")


def _resolve(terminal: Terminal, entity_id: str, anchors: Sequence[trust.Anchor]) -> trust.Resolved:
    try:
        return trust.find(entity_id, anchors, loopback=terminal.settings.oidc_allow_loopback)
    except trust.Broken as error:
        raise Conflict(f"No chain holds: {error}") from error


def _shown(one: TrustAnchor) -> dict[str, Any]:
    kept = one.model_dump(mode="json", include={"id", "state", "entity_id", "marks", "added_at", "retired_at"})
    return kept | {"keys": [key["kid"] for key in one.jwks["keys"]]}
