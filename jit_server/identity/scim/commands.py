"""`jit-server agency scim`: the tokens of an agency's directory, and what it did when it last spoke."""

from typing import Any
from uuid import UUID

import click

from jit_server.identity import scim
from jit_server.identity.scim.models import NewToken
from jit_server.identity.usecases import agencies
from jit_server.web.api import check
from jit_server.web.terminal import Terminal, in_terminal


@click.group(name="scim")
def directory() -> None:
    """An agency's directory (SCIM): its tokens and its last run."""


@directory.command("issue")
@click.argument("slug")
@click.option("--days", default=180, show_default=True, help="Until it expires; at most 365.")
@in_terminal
def issue(terminal: Terminal, slug: str, days: int) -> None:
    """Give the directory of SLUG a token. It is shown this once."""
    with terminal.work() as uow:
        made = scim.issue_token(uow, slug, check(NewToken, {"days": days}))
    address = f"{terminal.settings.base_url.rstrip('/')}/scim/v2"
    until = made.row.expires_at
    value = {"id": made.row.id, "expires_at": until.isoformat(), "token": made.token, "address": address}
    terminal.say(value, f"{made.token}\nfor {address}, until {until.date().isoformat()}; revoke it by {made.row.id}")


@directory.command("list")
@click.argument("slug")
@in_terminal
def list_tokens(terminal: Terminal, slug: str) -> None:
    """List the tokens of the directory of SLUG, the newest first."""
    with terminal.work() as uow:
        found = [one.model_dump(mode="json") for one in scim.tokens_of(uow, slug)]
    lines = [f"{one['id']}  until {one['expires_at']}{'  (revoked)' if one['revoked_at'] else ''}" for one in found]
    terminal.say(found, "\n".join(lines) or f"None yet: jit-server agency scim issue {slug}")


@directory.command("revoke")
@click.argument("slug")
@click.argument("token_id", type=click.UUID)
@in_terminal
def revoke(terminal: Terminal, slug: str, token_id: UUID) -> None:
    """End a token of the directory of SLUG now."""
    with terminal.work() as uow:
        ended = scim.take_token(uow, slug, token_id)
    terminal.say({"id": ended.id, "revoked_at": ended.revoked_at}, "The directory is no longer known by it.")


@directory.command("last-run")
@click.argument("slug")
@in_terminal
def last_run(terminal: Terminal, slug: str) -> None:
    """Say when the directory of SLUG last spoke, and what it did."""
    with terminal.work() as uow:
        found = scim.last_run(uow, agencies.agency(uow, slug))
    value = found.model_dump(mode="json") if found else None
    terminal.say(value, _words(value) if value else "It has never spoken to this server.")


def _words(run: dict[str, Any]) -> str:
    counts = ", ".join(f"{run[name]} {name}" for name in ("created", "changed", "deactivated", "refused"))
    said = f"From {run['begun_at']} to {run['last_at']}: {counts}."
    return f"{said}\nLast refusal: {run['error']}" if run["error"] else said
