"""`jit-server agency admin`: who looks after an agency; this is how one comes by its first administrator."""

from uuid import UUID

import click

from jit_server.core.errors import NotFound
from jit_server.identity.models import AgencyRole, Person
from jit_server.identity.usecases import agencies, staffing
from jit_server.web.terminal import Terminal, in_terminal


@click.group()
def admin() -> None:
    """Administrators and auditors: who looks after an agency's people, sign-in and keys."""


@admin.command("add")
@click.argument("slug")
@click.option("--person", "person_id", type=click.UUID, help="The person's id.")
@click.option("--sub", help="Or the subject under which their issuer asserts them.")
@click.option("--auditor", is_flag=True, help="Let them read what administrators see, and change nothing.")
@in_terminal
def add(terminal: Terminal, slug: str, person_id: UUID | None, sub: str | None, *, auditor: bool) -> None:
    """Let somebody of SLUG, who has signed in here before, look after it."""
    _become(terminal, slug, person_id, sub, AgencyRole.AUDITOR if auditor else AgencyRole.ADMIN)


@admin.command("remove")
@click.argument("slug")
@click.option("--person", "person_id", type=click.UUID, help="The person's id.")
@click.option("--sub", help="Or the subject under which their issuer asserts them.")
@in_terminal
def remove(terminal: Terminal, slug: str, person_id: UUID | None, sub: str | None) -> None:
    """Make somebody of SLUG a plain member again; the last administrator stays."""
    _become(terminal, slug, person_id, sub, AgencyRole.MEMBER)


@admin.command("list")
@click.argument("slug")
@in_terminal
def list_admins(terminal: Terminal, slug: str) -> None:
    """List who looks after SLUG."""
    with terminal.work() as uow:
        found = staffing.appointed(uow, slug)
    rows = [{"id": one.id, "name": one.name, "role": str(one.agency_role)} for one in found]
    lines = [f"{row['id']}  {row['role']:<8} {row['name']}" for row in rows]
    terminal.say(rows, "\n".join(lines) or f"Nobody yet: jit-server agency admin add {slug} --help")


def _become(terminal: Terminal, slug: str, person_id: UUID | None, sub: str | None, role: AgencyRole) -> None:
    if (person_id is None) == (sub is None):
        raise click.UsageError("Give either --person or --sub.")
    with terminal.work() as uow:
        mine = agencies.agency(uow, slug)
        known = uow.find(Person, agency_id=mine.id, **({"id": person_id} if person_id else {"sub": sub}))
        if known is None:
            raise NotFound("Nobody of this agency is known here by that: they must have signed in once.")
        found = staffing.appoint(uow, slug, known.id, role)
    terminal.say({"id": found.id, "role": str(role)}, f"{found.name} is {role} of {slug}.")
