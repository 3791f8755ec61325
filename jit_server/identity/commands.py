"""`jit-server agency`: agencies, their identity providers, and whom they expect here."""

from pathlib import Path

import click

from jit_server import identity
from jit_server.identity import models
from jit_server.identity.issuer_commands import issuer
from jit_server.identity.office.commands import admin
from jit_server.identity.scim.commands import directory
from jit_server.identity.trust.commands import anchor
from jit_server.web.api import check
from jit_server.web.terminal import Terminal, in_terminal


@click.group()
def agency() -> None:
    """Agencies and their identity providers."""


agency.add_command(admin)
agency.add_command(anchor)
agency.add_command(directory)
agency.add_command(issuer)


@agency.command("add")
@click.argument("slug")
@click.option("--state", required=True, help="ISO 3166-1 alpha-2, or a body such as EPPO.")
@click.option("--name", required=True, help="The agency's name in English.")
@click.option("--own-name", help="The name in its own language; default as --name.")
@click.option("--language", default="en", show_default=True, help="BCP 47 tag of the own name.")
@in_terminal
def add(terminal: Terminal, slug: str, state: str, name: str, own_name: str | None, language: str) -> None:
    """Take an agency in, under the short name SLUG."""
    stated = {"slug": slug, "state": state, "name": name, "own_name": own_name or name, "language": language}
    with terminal.work() as uow:
        made = identity.add_agency(uow, check(identity.NewAgency, stated))
    terminal.say({"id": made.id, "slug": made.slug, "state": made.state}, f"{made.name} is in, as {made.slug}.")


@agency.command("list")
@in_terminal
def list_agencies(terminal: Terminal) -> None:
    """List the agencies with State and issuer."""
    with terminal.work() as uow:
        rows = identity.agencies(uow, disabled=True)
    found = [
        {"id": row.id, "slug": row.slug, "state": row.state, "name": row.name, "issuer": row.issuer} for row in rows
    ]
    lines = [f"{one['state']:<8} {one['slug']:<20} {one['name']}  {one['issuer'] or '(no issuer)'}" for one in found]
    terminal.say(found, "\n".join(lines) or "No agency yet: jit-server agency add --help")


@agency.command("set-issuer")
@click.argument("slug")
@click.option("--url", required=True, help="The issuer, exactly as its metadata says it.")
@click.option("--client-id", required=True)
@click.option("--secret-file", type=click.Path(path_type=Path), help="File with the client secret.")
@click.option("--key-file", type=click.Path(path_type=Path), help="PEM private key, for private_key_jwt.")
@click.option("--algorithm", "algorithms", multiple=True, type=click.Choice(models.ALGORITHMS), help="Allowed; repeat.")
@click.option("--acr", "acr_accepted", multiple=True, help="Accepted acr value; repeat. None: any sign-in will do.")
@click.option("--jwks-ttl", default=3600, show_default=True, help="Seconds the issuer's keys are kept.")
@in_terminal
def set_issuer(
    terminal: Terminal,
    slug: str,
    url: str,
    client_id: str,
    secret_file: Path | None,
    key_file: Path | None,
    algorithms: tuple[str, ...],
    acr_accepted: tuple[str, ...],
    jwks_ttl: int,
) -> None:
    """Say which identity provider asserts the people of SLUG."""
    if (secret_file is None) == (key_file is None):
        raise click.UsageError("Give either --secret-file or --key-file.")
    method = models.AuthMethod.PRIVATE_KEY_JWT if key_file else models.AuthMethod.CLIENT_SECRET
    stated = {
        "url": url,
        "client_id": client_id,
        "auth_method": method,
        "credential_file": (key_file or secret_file or Path()).absolute(),
        "acr_accepted": acr_accepted,
        "jwks_ttl": jwks_ttl,
    } | ({"algorithms": algorithms} if algorithms else {})
    with terminal.work() as uow:
        made = identity.set_issuer(uow, slug, check(identity.NewIssuer, stated))
    terminal.say({"id": made.id, "url": made.url}, f"The people of {slug} sign in at {made.url}.")


@agency.command("invite")
@click.argument("slug")
@click.option("--email", help="The e-mail address their issuer will assert.")
@click.option("--sub", help="The subject their issuer will assert.")
@click.option("--days", default=14, show_default=True, help="How long the invitation stands.")
@in_terminal
def invite(terminal: Terminal, slug: str, email: str | None, sub: str | None, days: int) -> None:
    """Expect somebody of SLUG: their first sign-in takes the invitation."""
    if (email is None) == (sub is None):
        raise click.UsageError("Give either --email or --sub.")
    stated = {"claim": "email" if email else "sub", "value": email or sub, "days": days}
    with terminal.work() as uow:
        made = identity.invite(uow, slug, check(identity.NewInvitation, stated))
    until = made.expires_at.date().isoformat()
    terminal.say({"id": made.id, "expires_at": made.expires_at.isoformat()}, f"Expected until {until}.")


@agency.command("end-sessions")
@click.argument("slug")
@in_terminal
def end_sessions(terminal: Terminal, slug: str) -> None:
    """End every session of SLUG now, as after its issuer was compromised."""
    with terminal.work() as uow:
        identity.end_sessions(uow, slug)
    terminal.say({"slug": slug}, f"Every session of {slug} has ended.")
