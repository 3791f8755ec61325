"""`jit-server evidence`: the operator proves that what was taken in is still there, without seeing any of it."""

from uuid import UUID

import click

from jit_server.core import keyring
from jit_server.evidence.usecases import content, reconciling, rotation
from jit_server.web.terminal import Terminal, Unverified, in_terminal


@click.group()
def evidence() -> None:
    """Exhibits in the vault."""


@evidence.command("verify")
@click.option("--workspace", type=click.UUID, help="Only this workspace's exhibits.")
@click.option("--item", type=click.UUID, help="Only this exhibit.")
@click.option("--without-keys", is_flag=True, help="Only hash what lies in the vault, encrypted as it is.")
@in_terminal
def verify(terminal: Terminal, workspace: UUID | None, item: UUID | None, *, without_keys: bool) -> None:
    """Hash every exhibit again and prove its entry on the log. Exit code 3 if one does not hold.

    After a restore it proves the backup: database, vault and keys.
    """
    check_of = content.verify_without_keys if without_keys else content.verify_stored
    bad: list[str] = []
    count = destroyed = 0
    for one in content.every_item(terminal.work, workspace, item):
        check = check_of(terminal.work, one)
        count += 1
        if check.destroyed:
            destroyed += 1
        elif not check.ok:
            bad.append(f"{one.workspace_id} {one.number} {one.id}: {check.detail}")
            click.echo(bad[-1], err=True)
    good = count - destroyed - len(bad)
    words = f"{good} of {count} exhibits hold." + (f" The keys of {destroyed} were destroyed." if destroyed else "")
    terminal.say({"verified": good, "destroyed": destroyed, "damaged": bad}, words)
    if bad:
        raise Unverified(f"{len(bad)} of {count} exhibits do not hold.")


@evidence.command("orphans")
@in_terminal
def orphans(terminal: Terminal) -> None:
    """List what lies in the vault for a day or longer and no exhibit names. Nothing is removed: judge each yourself."""
    found = list(reconciling.orphans(terminal.house))
    value = [
        {"key": one.key, "version_id": one.version_id, "size": one.size, "since": one.since.isoformat()}
        for one in found
    ]
    lines = [f"{one.key} {one.version_id}  {one.size} bytes, since {one.since.isoformat()}" for one in found]
    terminal.say(value, "\n".join(lines) or "None.")


@evidence.command("rotate-key")
@click.option("--resume", is_flag=True, help="Make no new key: end a rotation that was interrupted.")
@in_terminal
def rotate_key(terminal: Terminal, *, resume: bool) -> None:
    """Make a new key-encryption key and wrap every workspace's key with it. No exhibit is touched."""
    ring = keyring.of(terminal.house.settings)
    key = ring.ids()[-1] if resume else ring.rotate()
    count = rotation.rewrap_all(terminal.work)
    unused = rotation.unused(terminal.work, ring)
    words = f"{count} workspaces' keys are wrapped by {key}."
    if unused:
        words += f" No longer needed but for older backups of the database: {', '.join(unused)}."
    terminal.say({"key": key, "rewrapped": count, "unused": unused}, words)
