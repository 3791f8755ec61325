"""`jit-server workspace` and `audit`: what an operator may know of the teams, which is everything but content.

The audit log lies beneath the doors and has no commands of its own; a workspace's log is looked at from here.
"""

from datetime import datetime
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import click
from sqlalchemy.exc import SQLAlchemyError

from jit_server import audit, workspaces
from jit_server.audit import SERVER_LOG, BadNote, Report, notes
from jit_server.core.errors import JitError, NotFound
from jit_server.web.terminal import Terminal, Unverified, in_terminal
from jit_server.work import UnitOfWork
from jit_server.workspaces import clauses
from jit_server.workspaces.models import Member, MemberStatus, Party, Workspace
from jit_server.workspaces.policy_commands import policy  # noqa: F401 - found here by its name
from jit_server.workspaces.usecases import agreements

MOST = 10_000


@click.group()
def workspace() -> None:
    """The workspaces of this server; never what is said or kept in them."""


@workspace.command("list")
@in_terminal
def list_workspaces(terminal: Terminal) -> None:
    """List the workspaces: reference, phase, term, States, number of members."""
    with terminal.work() as uow:
        found = [_line(uow, one) for one in uow.every(Workspace, limit=MOST)]
    found.sort(key=lambda one: one["reference"])
    lines = [
        f"{one['id']}  {one['reference']:<20} {one['phase']:<18} {one['period_from']} to {one['period_to']}"
        f"  {'+'.join(one['states'])}  {one['members']} members, {one['entries']} entries"
        for one in found
    ]
    terminal.say(found, "\n".join(lines) or "No workspace yet.")


def _line(uow: UnitOfWork, one: Workspace) -> dict[str, Any]:
    active = uow.every(Member, Member.workspace_id == one.id, Member.status == MemberStatus.ACTIVE, limit=MOST)
    return {
        "id": str(one.id),
        "reference": one.reference,
        "phase": str(one.phase),
        "period_from": one.period_from.isoformat(),
        "period_to": one.period_to.isoformat(),
        "states": sorted({party.state for party in uow.every(Party, Party.workspace_id == one.id)}),
        "members": len(active),
        "entries": audit.head(uow.connection, one.id).size,
    }


@workspace.command("signatures")
@click.argument("workspace_id", metavar="WORKSPACE", type=click.UUID)
@in_terminal
def check_signatures(terminal: Terminal, workspace_id: UUID) -> None:
    """Check every text of WORKSPACE's agreement against its digest and each seal under it; exit 3 if one is broken."""
    with terminal.work() as uow:
        _workspace(uow, workspace_id)
        found = [_signed(agreements.shown(uow, one)) for one in agreements.versions_of(uow, workspace_id)]
    lines = [f"version {one['version']}: {one['state']}, {', '.join(one['seals']) or 'not signed'}" for one in found]
    terminal.say(found, "\n".join(lines))
    broken = [one["version"] for one in found if not one["holds"]]
    if broken:
        raise Unverified(f"versions that do not hold: {', '.join(map(str, broken))}")


def _signed(one: workspaces.AgreementOut) -> dict[str, Any]:
    said = {True: "seal holds", False: "seal BROKEN", None: "signed before seals"}
    seals = [f"{party.slug} {said[party.sealed]}" for party in one.parties if party.signed_at]
    holds = clauses.digest(one.document) == one.digest and all(party.sealed is not False for party in one.parties)
    return {"version": one.version, "state": str(one.state), "digest": one.digest, "seals": seals, "holds": holds}


@click.group(name="audit")
def audit_group() -> None:
    """The logs: are they whole, and what is their signed head?"""


@audit_group.command("verify")
@click.argument("workspace_id", metavar="[WORKSPACE]", type=click.UUID, required=False)
@click.option("--server", is_flag=True, help="Only the server's own log.")
@click.option("--checkpoint", "kept", type=click.Path(path_type=Path, exists=True, dir_okay=False), multiple=True,
              help="A checkpoint kept elsewhere: it shows a log that was rewritten or put back.")  # fmt: skip
@in_terminal
def verify_logs(terminal: Terminal, workspace_id: UUID | None, server: bool, kept: tuple[Path, ...]) -> None:
    """Recompute the log of WORKSPACE, or every log; exit 3 and name the entry if one does not hold."""
    if kept and (workspace_id is None) == (not server):
        raise click.UsageError("--checkpoint goes with one WORKSPACE or --server")
    with terminal.work() as uow:
        logs = [SERVER_LOG] if server else [_workspace(uow, workspace_id).id] if workspace_id else _logs(uow)
        reports = [_verify(uow, log_id, kept) for log_id in logs]
    terminal.say([_report(one) for one in reports], "\n".join(_report_text(one) for one in reports))
    damaged = [one for one in reports if not one.ok]
    try:
        with terminal.work() as uow:
            uow.record("log:verified", logs=len(reports), damaged=len(damaged))
    except (
        JitError,
        SQLAlchemyError,
    ):  # a damaged log may refuse new entries: that must not keep the answer from the operator
        if not damaged:
            raise
    if damaged:
        raise Unverified(f"{len(damaged)} of {len(reports)} logs do not hold: {damaged[0].log_id}: {damaged[0].first}")


def _verify(uow: UnitOfWork, log_id: UUID, kept: tuple[Path, ...]) -> Report:
    signer = audit.verifier(uow.house.key, log_id)
    try:
        trusted = [notes.checkpoint(path.read_text(), [signer]) for path in kept]
    except (BadNote, ValueError) as error:
        raise Unverified(f"a checkpoint given does not hold: {error}") from error
    return audit.verify(uow.connection, log_id, trusted, [signer])


@audit_group.command("checkpoint")
@click.argument("workspace_id", metavar="[WORKSPACE]", type=click.UUID, required=False)
@in_terminal
def sign_checkpoint(terminal: Terminal, workspace_id: UUID | None) -> None:
    """Print the signed head (C2SP checkpoint) of WORKSPACE's log, or of the server's own; keep it elsewhere."""
    with terminal.work() as uow:
        log_id = _workspace(uow, workspace_id).id if workspace_id else SERVER_LOG
        note = audit.checkpoint(uow.connection, log_id, uow.house.key)
    terminal.say({"log": str(log_id), "checkpoint": note, "key": str(audit.verifier(terminal.house.key, log_id))}, note)


@audit_group.command("export")
@click.argument("workspace_id", metavar="[WORKSPACE]", type=click.UUID, required=False)
@click.option("--out", type=click.File("xb"), required=True, help="The ZIP file to make; jit-verify.py checks it.")
@in_terminal
def export_log(terminal: Terminal, workspace_id: UUID | None, out: IO[bytes]) -> None:
    """Write the whole log of WORKSPACE, or the server's own, with its signed head: ids and times, no content."""
    with terminal.work() as uow:
        space = _workspace(uow, workspace_id) if workspace_id else None
        uow.record("log:exported", space)
    with terminal.work() as uow:
        log_id = space.id if space else SERVER_LOG
        head = audit.export(uow.connection, log_id, uow.house.key, out)
    key = str(audit.verifier(terminal.house.key, log_id))
    terminal.say(
        {"log": str(log_id), "entries": head.size, "file": out.name, "key": key},
        f"{head.size} entries; check them with: jit-verify.py {out.name} --key '{key}'",
    )


@audit_group.command("who-could")
@click.argument("workspace_id", metavar="WORKSPACE", type=click.UUID)
@click.argument("thing_id", metavar="EXHIBIT", type=click.UUID)
@click.option("--at", "stated", required=True, help="The moment, with a zone: 2026-11-22T18:00:00+01:00.")
@in_terminal
def who_could(terminal: Terminal, workspace_id: UUID, thing_id: UUID, stated: str) -> None:
    """Tell who could see EXHIBIT at a past moment, worked out from WORKSPACE's log alone."""
    moment = _moment(stated)
    with terminal.work() as uow:
        found = workspaces.who_could(uow, workspace_id, thing_id, moment)
    lines = [f"{one.state} {one.agency}: {one.name} ({one.role}): {', '.join(one.actions)}" for one in found]
    terminal.say([one.model_dump(mode="json") for one in found], "\n".join(lines or ["nobody"]))


def _moment(stated: str) -> datetime:
    try:
        moment = datetime.fromisoformat(stated)
    except ValueError as error:
        raise click.UsageError("--at is no moment: write it as 2026-11-22T18:00:00+01:00") from error
    if moment.tzinfo is None:
        raise click.UsageError("--at needs a zone: add Z or an offset")
    return moment


def _workspace(uow: UnitOfWork, workspace_id: UUID) -> Workspace:
    found = uow.find(Workspace, id=workspace_id)
    if found is None:
        raise NotFound(f"There is no workspace {workspace_id} here.")
    return found


def _logs(uow: UnitOfWork) -> list[UUID]:
    return [SERVER_LOG, *(one.id for one in uow.every(Workspace, limit=MOST))]


def _report(one: Report) -> dict[str, Any]:
    return {
        "log": str(one.log_id),
        "ok": one.ok,
        "size": one.size,
        "root": one.root.hex() if one.root else None,
        "checkpoints": one.checkpoints,
        "findings": [
            {"first": found.first, "last": found.last, "kind": str(found.kind), "detail": found.detail}
            for found in one.findings
        ],
    }


def _report_text(one: Report) -> str:
    name = "server" if one.log_id == SERVER_LOG else str(one.log_id)
    if one.ok:
        return f"{name}: {one.size} entries hold, {one.checkpoints} checkpoints agree"
    return "\n".join([f"{name}: {one.size} entries, DAMAGED", *(f"  {found}" for found in one.findings)])
